"""What the storage holds: tables, their parts, what a day brings; all from estimates, so that it is quick."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
from psycopg import sql

from ingest.database import Connection
from ingest.engines import TABLES, Engine, Part, state_of
from ingest.errors import ReadingRefused
from ingest.late import counted, edges
from ingest.queries import load_queries
from ingest.withheld import Sealed, sealed

_SQL = load_queries("ingest", "inventory.sql")
_DAY = timedelta(days=1)
_LEAST = 1 / 144  # of a day: from less than ten minutes nobody can tell
LOOK_BACK = 7  # days whose load is taken for what tomorrow brings


@dataclass(frozen=True)
class Table:
    """One table.

    Attributes:
        name: in the database.
        rows: estimated.
        size_bytes: on disk, with indexes.
        parts: its partitions or chunks, oldest first; none when it is whole.
        since: when the first readings of the week's oldest part were made; None when nobody can say.
    """

    name: str
    rows: int
    size_bytes: int
    parts: list[Part] = field(default_factory=list)
    since: datetime | None = None

    @property
    def bytes_per_row(self) -> float | None:
        """With indexes; None of an empty table."""
        return self.size_bytes / self.rows if self.rows else None


@dataclass(frozen=True)
class Inventory:
    """What is there.

    Attributes:
        engine: `native` or `timescale`.
        server_version: of PostgreSQL.
        extension_version: of TimescaleDB, None without it.
        database: its name.
        size_bytes: of the whole database.
        made_at: when its tables were made, aware UTC.
        folder: where the server keeps its data, None when it does not say.
        tables: those with parts first, then by size.
        late: readings that came for a range already done, by kind.
        edges: up to where that is, by kind.
        sealed: what is withheld of people off duty.
    """

    engine: str
    server_version: str
    extension_version: str | None
    database: str
    size_bytes: int
    made_at: datetime
    folder: Path | None
    tables: list[Table]
    late: dict[str, int]
    edges: dict[str, datetime]
    sealed: Sealed = field(default_factory=lambda: Sealed(0, None, 0))

    @property
    def parts(self) -> list[Part]:
        """Of all tables."""
        return [part for table in self.tables for part in table.parts]


async def take_inventory(connection: Connection, engine: Engine) -> Inventory:
    """Look at sizes and estimates; of the readings one page is read.

    Args:
        connection: of a migrated database.
        engine: of that database.

    Raises:
        ReadingRefused: the role may not read what it takes; the message has the statement that lets it.
    """
    try:
        return await _take_inventory(connection, engine)
    except psycopg.errors.InsufficientPrivilege as error:
        role = connection.info.user
        raise ReadingRefused(
            f"role {role} may not look at the storage: {error.diag.message_primary}; let the owner run "
            f'GRANT SELECT ON ALL TABLES IN SCHEMA public TO "{role}", or use the role that gengfu runs with'
        ) from error


async def _take_inventory(connection: Connection, engine: Engine) -> Inventory:
    state = await state_of(connection)
    row = await (await connection.execute(_SQL["database"])).fetchone() or {}
    parts = await engine.parts(connection)
    tables = [await _split(connection, name, [part for part in parts if part.table == name]) for name in TABLES]
    others = await (await connection.execute(_SQL["tables"])).fetchall()
    tables += [Table(other["name"], other["rows"], other["size_bytes"]) for other in others]
    if not state.partitioned:
        for rollup in await (await connection.execute(_SQL["aggregate"])).fetchall():
            tables.insert(len(TABLES), Table("position_hour", rollup["rows"], rollup["size_bytes"]))
    return Inventory(
        engine=engine.name,
        server_version=row["server_version"],
        extension_version=state.version,
        database=row["name"],
        size_bytes=row["size_bytes"],
        made_at=row["made_at"],
        folder=Path(row["folder"]) if row["folder"] else None,
        tables=tables,
        late=await counted(connection),
        edges=await edges(connection),
        sealed=await sealed(connection),
    )


async def _split(connection: Connection, name: str, parts: list[Part]) -> Table:
    since = None
    if (first := _first_of(_recent(parts, datetime.now(UTC)))) and not first.compressed:
        query = sql.SQL(_SQL["first"].decode()).format(table=sql.Identifier(name))
        row = await (await connection.execute(query, {"begins": first.begins, "ends": first.ends})).fetchone()
        since = row["at"] if row else None
    return Table(name, sum(part.rows for part in parts), sum(part.size_bytes for part in parts), parts, since)


def rows_per_day(parts: Sequence[Part], *, now: datetime, since: datetime | None = None) -> float | None:
    """Rows of a day, from the whole days of the last week; in the first days from the hours so far.

    Args:
        parts: of one table.
        now: aware UTC.
        since: when the first readings of the oldest of those days were made: there were none before.

    Returns:
        None when nothing came in that time.
    """
    recent = _recent(parts, now)
    first = _first_of(recent)
    if first is None:
        return None
    today = _midnight(now)
    start = _midnight(first.begins)
    if since is not None:
        start = max(start, since)
    if today - start >= _DAY:
        return sum(part.rows for part in recent if part.begins < today) / ((today - start) / _DAY)
    return sum(part.rows for part in recent) / max((now - start) / _DAY, _LEAST)


def _recent(parts: Sequence[Part], now: datetime) -> list[Part]:
    return [part for part in parts if _midnight(now) - LOOK_BACK * _DAY <= part.begins <= now and part.rows]


def _first_of(parts: Sequence[Part]) -> Part | None:
    return min(parts, key=lambda part: part.begins, default=None)


def _midnight(time: datetime) -> datetime:
    return time.replace(hour=0, minute=0, second=0, microsecond=0)


def row_bytes(parts: Sequence[Part], *, compressed: bool) -> float | None:
    """Bytes of a row among the parts that are compressed, or among those that are not; None when there are none."""
    chosen = [part for part in parts if part.compressed is compressed and part.rows]
    rows = sum(part.rows for part in chosen)
    return sum(part.size_bytes for part in chosen) / rows if rows else None
