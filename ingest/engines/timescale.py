"""TimescaleDB: hypertables, columnar compression, retention by chunk, the hourly rollup as a continuous aggregate."""

import logging
from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from psycopg import sql

from ingest.database import Connection
from ingest.engines.engine import TABLES, Part
from ingest.engines.hours import claim, done, ranges
from ingest.queries import load_queries

_SQL = load_queries("ingest.engines", "timescale.sql")
DAY = timedelta(days=1)
SHORT = timedelta(hours=6)
MANY_ROWS = 50_000_000  # a day: the indexes of a longer chunk no longer fit into memory beside everything else
FEW_ROWS = 25_000_000  # a day: back to whole days, with a gap between, so that it does not swing
LONGEST = timedelta(hours=24)  # of one refresh, so that each is a statement of seconds
COMPRESSED, PARTIAL = 1, 8  # bits of a chunk's status

log = logging.getLogger(__name__)


class TimescaleEngine:
    """Everything is called from here when it is due; the extension's own background jobs are not needed."""

    name = "timescale"
    columnar = True

    async def ensure_schema(self, connection: Connection) -> None:
        """Let late rows into compressed chunks without a limit, and fit the length of new chunks to the load."""
        await lift_limit(connection)
        parts = await self.parts(connection)
        today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        for table in TABLES:
            rows = [_rows_of_day(parts, table, today - days * DAY) for days in (1, 2, 3)]
            await self._fit_interval(connection, table, busiest=max(rows))

    async def _fit_interval(self, connection: Connection, table: str, *, busiest: int) -> None:
        row = await (await connection.execute(_SQL["interval"], {"table": table})).fetchone()
        now = row["time_interval"] if row else DAY
        wanted = SHORT if busiest > MANY_ROWS else DAY if busiest < FEW_ROWS else now
        if wanted != now:
            await connection.execute(_SQL["set_interval"], {"table": table, "length": wanted})
            log.info("new chunks of %s last %s: its busiest day of the last three had %d rows", table, wanted, busiest)

    async def ensure_partitions(self, connection: Connection, times: Iterable[datetime]) -> None:
        """Nothing: a chunk is made by the first row that falls into it."""

    def forget(self) -> None:
        """Nothing is remembered."""

    async def compress(self, connection: Connection, *, older_than: datetime) -> list[str]:
        """Compress chunk by chunk; a chunk that got rows since is compressed again, with them."""
        compressed = []
        for chunk in await (await connection.execute(_SQL["chunks"])).fetchall():
            settled = chunk["status"] & COMPRESSED and not chunk["status"] & PARTIAL
            if chunk["ends"] <= older_than and not settled:
                await connection.execute(_SQL["compress"], {"chunk": chunk["name"]})
                compressed.append(chunk["name"])
        return compressed

    async def drop_older(self, connection: Connection, *, than: datetime) -> list[str]:
        """Drop the chunks that ended before `than`; their hours stay in the rollup."""
        dropped = []
        for table in TABLES:
            rows = await (await connection.execute(_SQL["drop"], {"table": table, "than": than})).fetchall()
            dropped += [str(row["name"]) for row in rows]
        return dropped

    async def refresh_rollup(self, connection: Connection, *, limit: int = 200) -> int:
        """Refresh the touched hours that are over; the one that runs is computed by whoever reads it."""
        now = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
        hours = await claim(connection, before=now, limit=limit)
        # To refresh an hour whose chunk is gone would take its figures away.
        chunks = await (await connection.execute(_SQL["chunks"])).fetchall()
        there = [(chunk["begins"], chunk["ends"]) for chunk in chunks if chunk["table"] == "position"]
        kept = [stale.hour for stale in hours if any(begins <= stale.hour < ends for begins, ends in there)]
        for first, end in ranges(kept, longest=LONGEST):
            await connection.execute(_SQL["refresh"], {"first": first, "end": end})
        await done(connection, hours)
        return len(hours)

    async def parts(self, connection: Connection) -> list[Part]:
        """The chunks of both tables, oldest first."""
        sizes: dict[str, dict[str, Any]] = {}
        for table in TABLES:
            rows = await (await connection.execute(_SQL["sizes"], {"table": table})).fetchall()
            sizes |= {row["name"]: row for row in rows}
        chunks = await (await connection.execute(_SQL["chunks"])).fetchall()
        return [
            Part(
                chunk["table"],
                chunk["name"],
                chunk["begins"],
                chunk["ends"],
                rows=sizes[chunk["name"]]["rows"],
                size_bytes=sizes[chunk["name"]]["size_bytes"],
                compressed=bool(chunk["status"] & COMPRESSED),
                partial=bool(chunk["status"] & PARTIAL),
            )
            for chunk in chunks
            if chunk["name"] in sizes  # it may have been dropped between the two looks
        ]


def _rows_of_day(parts: Iterable[Part], table: str, day: datetime) -> int:
    rows: dict[datetime, int] = defaultdict(int)
    for part in parts:
        if part.table == table:
            rows[part.begins.replace(hour=0)] += part.rows
    return rows[day]


async def lift_limit(connection: Connection) -> None:
    """Allow any number of late rows per transaction in compressed chunks, in this session and in those to come.

    With a limit a batch of old readings would fail for ever, and those behind it would wait.
    """
    row = await (await connection.execute(_SQL["limit"])).fetchone()
    if row and row["value"] == "0":
        return
    name = sql.Identifier(connection.info.dbname)
    setting = sql.SQL("timescaledb.max_tuples_decompressed_per_dml_transaction = 0")
    await connection.execute(sql.SQL("ALTER DATABASE {} SET {}").format(name, setting))
    await connection.execute(sql.SQL("SET {}").format(setting))
