"""Plain PostgreSQL: a range partition per day, made for any accepted time; retention by DROP; rollup by SQL."""

import logging
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta

from psycopg import sql
from psycopg.rows import DictRow

from ingest.database import Connection
from ingest.engines.engine import TABLES, Part
from ingest.engines.hours import HOUR, claim, done
from ingest.locks import Lock
from ingest.queries import load_queries

_SQL = load_queries("ingest.engines", "native.sql")
_DAYS_AT_ONCE = 10  # partitions of two tables in one transaction
_DAY = timedelta(days=1)

log = logging.getLogger(__name__)


class NativeEngine:
    """Daily partitions of `position` and `reading`, named `position_20261121`."""

    name = "native"
    columnar = False

    def __init__(self) -> None:
        self._known: set[date] = set()

    async def ensure_schema(self, connection: Connection) -> None:
        """Make the partitions of yesterday, today and tomorrow."""
        now = datetime.now(UTC)
        await self.ensure_partitions(connection, (now - _DAY, now, now + _DAY))

    async def ensure_partitions(self, connection: Connection, times: Iterable[datetime]) -> None:
        """Make a partition for each day among `times` that has none.

        Args:
            connection: in no transaction.
            times: aware datetimes, any number, any order.
        """
        missing = {time.astimezone(UTC).date() for time in times} - self._known
        if not missing:
            return
        days = sorted(missing)
        # A few at a time: when time is up half-way, what is made stays made, and the next try has less to do.
        for first in range(0, len(days), _DAYS_AT_ONCE):
            some = set(days[first : first + _DAYS_AT_ONCE])
            async with connection.transaction():
                await connection.execute("SELECT pg_advisory_xact_lock(%s)", [Lock.PARTITIONS.value])
                for table in TABLES:
                    there = {row["day"] for row in await self._partitions(connection, table)}
                    for day in sorted(some - there):
                        await self._make(connection, table, day)
            self._known |= some

    def forget(self) -> None:
        """Look again next time; somebody else may have dropped a partition."""
        self._known.clear()

    async def compress(self, connection: Connection, *, older_than: datetime) -> list[str]:
        """Nothing: plain PostgreSQL has no columnar compression, so nothing is claimed to be compressed."""
        return []

    async def drop_older(self, connection: Connection, *, than: datetime) -> list[str]:
        """Drop the days that ended before `than`."""
        dropped = []
        for table in TABLES:
            for row in await self._partitions(connection, table):
                if datetime.combine(row["day"], datetime.min.time(), UTC) + _DAY <= than:
                    async with connection.transaction():
                        await connection.execute("SET LOCAL lock_timeout = '3s'")
                        await connection.execute(sql.SQL("DROP TABLE {}").format(sql.Identifier(row["name"])))
                    dropped.append(row["name"])
        self.forget()
        return dropped

    async def refresh_rollup(self, connection: Connection, *, limit: int = 200) -> int:
        """Compute the touched hours anew from their rows; an hour whose day was dropped keeps its figures."""
        hours = await claim(connection, before=datetime.now(UTC) + HOUR, limit=limit)
        there = {row["day"] for row in await self._partitions(connection, "position")}
        kept = {"hours": [stale.hour for stale in hours if stale.hour.astimezone(UTC).date() in there]}
        async with connection.transaction():
            await connection.execute(_SQL["forget_hours"], kept)
            await connection.execute(_SQL["roll_up_hours"], kept)
            await done(connection, hours)
        return len(hours)

    async def parts(self, connection: Connection) -> list[Part]:
        """The partitions of both tables, oldest first."""
        found = []
        for table in TABLES:
            for row in await (await connection.execute(_SQL["parts"], {"table": table})).fetchall():
                begins = datetime.combine(row["day"], datetime.min.time(), UTC)
                found.append(Part(table, row["name"], begins, begins + _DAY, row["rows"], row["size_bytes"]))
        return sorted(found, key=lambda part: (part.begins, part.table))

    async def _partitions(self, connection: Connection, table: str) -> list[DictRow]:
        return await (await connection.execute(_SQL["partitions"], {"table": table})).fetchall()

    async def _make(self, connection: Connection, table: str, day: date) -> None:
        # Made apart and then attached: attaching does not stop the readers and writers of the other days.
        name = await self._free_name(connection, table, day)
        names = {
            "table": sql.Identifier(table),
            "part": sql.Identifier(name),
            "first": sql.Literal(f"{day} 00:00:00Z"),
            "end": sql.Literal(f"{day + _DAY} 00:00:00Z"),
        }
        await connection.execute(sql.SQL("CREATE TABLE {part} (LIKE {table} INCLUDING ALL)").format(**names))
        await connection.execute(
            sql.SQL("ALTER TABLE {table} ATTACH PARTITION {part} FOR VALUES FROM ({first}) TO ({end})").format(**names)
        )
        log.debug("made partition %s", name)

    async def _free_name(self, connection: Connection, table: str, day: date) -> str:
        """A name that ends with the day. Somebody may have taken a day out to keep it elsewhere: that is left alone."""
        name, number = f"{table}_{day:%Y%m%d}", 1
        while await (await connection.execute(_SQL["named"], {"name": name})).fetchone():
            number += 1
            name = f"{table}_{number}_{day:%Y%m%d}"
        return name
