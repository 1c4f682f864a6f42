"""A small site in a real database, for tests of the rules worker: its world, its readings, its clock."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from zlib import crc32

from psycopg.types.json import Jsonb

from devices.geometry import M_PER_DEG
from ingest.database import Connection, Pool, connect, make_pool
from ingest.engines import choose_engine
from ingest.migrate import migrate
from rules.desk import Desk
from rules.duty_lane import DutyLane
from rules.options import Options
from rules.signal_lane import SignalLane
from rules.track_lane import TrackLane
from rules.worker import work_off

MORNING = datetime(2026, 11, 21, 0, 0, tzinfo=UTC)  # 08:00 in Shanghai, a Saturday
EVERY_DAY = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


@dataclass
class Site:
    """Metres east and north are counted from 30 N, 111 E; minutes from 08:00 local time."""

    connection: Connection
    pool: Pool
    now: datetime = MORNING
    numbers: dict[str, int] = field(default_factory=dict)
    only: frozenset[str] | None = None  # the rules whose duties there are; None: all
    _desk: Desk | None = None
    _lanes: tuple[DutyLane, SignalLane] | None = None
    follows: bool = False  # lasting conditions too
    _tracks: TrackLane | None = None

    def restart(self) -> None:
        """As if the worker had been killed and started anew."""
        self._desk = Desk(self.pool, options=Options(), clock=lambda: self.now)
        self._lanes = DutyLane(self._desk, only=self.only), SignalLane(self._desk)
        self._tracks = TrackLane(self._desk) if self.follows else None

    async def work(self, minute: float | None = None) -> None:
        """Move the clock, and do all that is due then."""
        if minute is not None:
            self.now = at(minute)
        if self._desk is None or self._lanes is None:
            self.restart()
        assert self._desk is not None
        assert self._lanes is not None
        await work_off(self._desk, duties=self._lanes[0], signals=self._lanes[1], tracks=self._tracks)

    async def row(self, sql: str, *values: Any) -> dict[str, Any]:
        """The one row of a query."""
        rows = await self.rows(sql, *values)
        assert len(rows) == 1, rows
        return rows[0]

    async def rows(self, sql: str, *values: Any) -> list[dict[str, Any]]:
        """All rows of a query."""
        return await (await self.connection.execute(sql.encode(), values)).fetchall()

    async def do(self, sql: str, *values: Any) -> None:
        """A statement without rows."""
        await self.connection.execute(sql.encode(), values)

    async def device(self, name: str, *, kind: str = "handset", unit: str | None = "U-1") -> int:
        """A device in the custody of a unit."""
        row = await self.row("INSERT INTO device (name, kind) VALUES (%s, %s) RETURNING number", name, kind)
        self.numbers[name] = row["number"]
        if unit:
            await self.do(
                "INSERT INTO custody (device, holder_kind, holder) VALUES (%s, 'unit', %s)", row["number"], unit
            )
        return self.numbers[name]

    async def unit(self, code: str = "U-1", *, kind: str = "foot") -> None:
        """A unit."""
        await self.do("INSERT INTO unit (code, name, kind) VALUES (%s, %s, %s)", code, f"Unit {code}", kind)

    async def grid(self, code: str, *, parent: str | None = None, grade: int | None = None, level: int = 3) -> None:
        """A grid without much of a shape."""
        await self.do(
            "INSERT INTO grid (code, name, level, parent, grade, geometry) VALUES (%s, %s, %s, %s, %s, %s)",
            code,
            f"Grid {code}",
            level,
            parent,
            grade,
            Jsonb({"type": "Polygon", "coordinates": [[[0, 0], [0, 0.1], [0.1, 0.1], [0, 0]]]}),
        )

    async def checkpoint(self, code: str, east_m: float, north_m: float, *, grid: str | None = None) -> None:
        """A checkpoint of 30 m."""
        lat, lon = place(east_m, north_m)
        await self.do(
            "INSERT INTO checkpoint (code, name, grid, lat, lon, radius_m) VALUES (%s, %s, %s, %s, %s, 30)",
            code,
            f"Point {code}",
            grid,
            lat,
            lon,
        )

    async def shift(self, *points: str, starts: str = "08:00", ends: str = "09:00", rounds: int = 1) -> None:
        """Unit U-1 walks these points in this shift, each day."""
        await self.do(
            "INSERT INTO route (code, name, checkpoints, geometry) VALUES ('R-1', 'Route', %s, '{}')", list(points)
        )
        await self.do(
            "INSERT INTO shift (code, name, days, starts, ends, unit, route, rounds) "
            "VALUES ('day', 'Day', %s, %s, %s, 'U-1', 'R-1', %s)",
            EVERY_DAY,
            starts,
            ends,
            rounds,
        )

    async def fix(
        self,
        device: str,
        minute: float,
        east_m: float,
        north_m: float,
        *,
        received: float | None = None,
        accuracy_m: float = 6,
    ) -> None:
        """A stored fix, as ingest would have written it; `received` is a minute too."""
        lat, lon = place(east_m, north_m)
        came = at(minute if received is None else received)
        values = (round(lat * 1e7), round(lon * 1e7), round(accuracy_m * 10))
        digest = crc32(repr((minute, *values)).encode()) - 2**31
        await self.do(
            "INSERT INTO position (device, time, digest, lat, lon, accuracy, received_at) "
            "VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
            self.numbers[device],
            at(minute),
            digest,
            *values,
            came,
        )
        await self.do(
            "INSERT INTO last_known (device, time, lat, lon, heard_at) VALUES (%s, %s, %s, %s, %s) "
            "ON CONFLICT (device) DO UPDATE SET heard_at = greatest(last_known.heard_at, excluded.heard_at)",
            self.numbers[device],
            at(minute),
            *values[:2],
            came,
        )

    async def stay(self, device: str, start: float, end: float, east_m: float, north_m: float, **more: Any) -> None:
        """A fix each half minute at one place."""
        for half in range(int(start * 2), int(end * 2) + 1):
            await self.fix(device, half / 2, east_m, north_m, **more)

    async def reading(self, device: str, minute: float, body: dict[str, Any], *, flags: int = 0) -> None:
        """A stored reading that presses, and the mark that ingest leaves."""
        digest = crc32(repr((minute, body)).encode()) - 2**31
        lat, lon = body.get("lat"), body.get("lon")
        await self.do(
            "INSERT INTO reading (device, time, digest, type, lat, lon, flags, received_at, body) "
            "VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)",
            self.numbers[device],
            at(minute),
            digest,
            body["type"],
            None if lat is None else round(lat * 1e7),
            None if lon is None else round(lon * 1e7),
            flags,
            self.now,
            Jsonb(body),
        )
        await self.mark("device", str(self.numbers[device]), minute, minute)

    async def mark(self, kind: str, subject: str, start: float, end: float) -> None:
        """A dirty mark."""
        await self.do(
            "INSERT INTO dirty_mark (kind, subject, window_from, window_to) VALUES (%s, %s, %s, %s)",
            kind,
            subject,
            at(start),
            at(end),
        )

    async def listening(
        self, since: float, *, silent_s: float = 0, worker: str = "1", caught_up: float | None = None
    ) -> None:
        """Ingest has been up since a minute, beat so many seconds ago, and stored what was sent before a minute."""
        await self.do(
            "INSERT INTO ingest_progress (worker, lane, up_since, beat_at, caught_up_to) "
            "VALUES (%s, 'up', %s, now() - make_interval(secs => %s), coalesce(%s, timestamptz '2100-01-01')) "
            "ON CONFLICT (worker, lane) DO UPDATE SET up_since = excluded.up_since, beat_at = excluded.beat_at,"
            " caught_up_to = excluded.caught_up_to, drained_at = NULL",
            worker,
            at(since),
            silent_s,
            None if caught_up is None else at(caught_up),
        )


def at(minute: float) -> datetime:
    """So many minutes after 08:00 local time."""
    return MORNING + timedelta(minutes=minute)


def place(east_m: float, north_m: float) -> tuple[float, float]:
    """Degrees of a place near 30 N, 111 E."""
    return 30 + north_m / M_PER_DEG, 111 + east_m / (M_PER_DEG * 0.8660254037844387)


@asynccontextmanager
async def site_at(database_url: str) -> AsyncIterator[Site]:
    """An empty site in a migrated database with partitions for the days around MORNING and now."""
    await migrate(database_url)
    async with await connect(database_url, name="test") as connection:
        await connection.execute("INSERT INTO rules_leader (holder, fence, pid, beat_at) VALUES ('test', 1, 0, now())")
        days = [MORNING + timedelta(days=offset) for offset in range(-2, 6)]
        engine = await choose_engine(connection, wish="auto")
        await engine.ensure_schema(connection)
        await engine.ensure_partitions(connection, days)
        async with make_pool(database_url, name="rules test", size=3) as pool:
            yield Site(connection, pool)
