"""A worker on a database with a small town, fed by hand, for the tests of ingest and of storage."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count
from typing import Any

from hypothesis import HealthCheck

from ingest.database import Pool, connect, make_pool
from ingest.delivery import Delivery
from ingest.engines import Wish, engine_at
from ingest.migrate import migrate
from ingest.pipeline import Limits, Pipeline
from ingest.receipts import Receipts
from ingest.worker import Worker
from tests.integration.nats_server import eventually

# The examples of a property may share a database: what is in it already must not change what comes out.
SHARED_DATABASE = (HealthCheck.too_slow, HealthCheck.function_scoped_fixture)
NOW = datetime.now(UTC).replace(microsecond=0)
SQUARE = {"type": "Polygon", "coordinates": [[[111, 30], [111.01, 30], [111.01, 30.01], [111, 30.01], [111, 30]]]}


class Bench:
    """A worker on a fresh database, fed by hand."""

    def __init__(self, pool: Pool, worker: Worker, sent: list[tuple[str, Any]]) -> None:
        self.pool = pool
        self.worker = worker
        self.sent = sent
        self.settled: list[int] = []
        self.changed = asyncio.Event()
        self._given = 0

    @property
    def pipeline(self) -> Pipeline:
        return self.worker.pipelines["up"]

    def delivery(
        self,
        *readings: dict[str, Any] | bytes,
        device: str = "H-01",
        topic: str | None = None,
        dup: bool = False,
        received_at: datetime | None = None,
    ) -> Delivery:
        number, self._given = self._given, self._given + 1
        raw = readings[0] if isinstance(readings[0], bytes) else json.dumps(list(readings), default=str).encode()
        return Delivery(
            topic or f"gengfu/v1/{device}/up",
            raw,
            received_at or datetime.now(UTC),
            dup,
            self,
            number,
        )

    def settle(self, tokens: Sequence[int]) -> None:
        self.settled += tokens
        self.changed.set()

    async def rows(self, query: str) -> list[dict[str, Any]]:
        async with self.pool.connection() as connection:
            return await (await connection.execute(query.encode())).fetchall()

    async def counters(self) -> dict[tuple[str, str], int]:
        rows = await self.rows(
            "SELECT name, reason, sum(value)::int AS n FROM ingest_counter WHERE value <> 0 GROUP BY name, reason"
        )
        return {(row["name"], row["reason"]): row["n"] for row in rows}


@asynccontextmanager
async def bench_on(
    url: str, *, retention_days: int = 90, hears: Callable[[str], bool] = lambda _lane: True, **options: Any
) -> AsyncIterator[Bench]:
    sent: list[tuple[str, Any]] = []

    def take(device: str, receipt: Any) -> bool:
        sent.append((device, receipt))
        return True

    engine = await engine_at(url, wish="auto")
    pool = make_pool(url, name="test", size=3)
    async with pool:
        worker = Worker(
            pool,
            engine,
            name="1",
            receipts=Receipts(take, clock=partial(next, count())),
            limits=Limits(age_s=0.02),
            retention_days=retention_days,
            hears=hears,
            **options,
        )
        await worker.prepare()
        try:
            yield Bench(pool, worker, sent)
        finally:
            await worker.close()


async def make_town(url: str, *, engine: Wish = "auto") -> None:
    await migrate(url, engine=engine)
    async with await connect(url, name="test") as connection:
        await connection.execute("INSERT INTO device (name, kind) VALUES ('H-01', 'handset'), ('T-01', 'tag')")
        await connection.execute(
            "INSERT INTO grid (code, name, level, geometry) VALUES ('G1', 'one', 3, %s)", [json.dumps(SQUARE)]
        )
        await connection.execute(
            "INSERT INTO checkpoint (code, name, lat, lon, radius_m) VALUES ('C1', 'near', 30.005, 111.005, 30),"
            " ('C2', 'far', 30.2, 111.005, 30)"
        )


def fix(seconds: float = 0, **values: Any) -> dict[str, Any]:
    at = (NOW - timedelta(hours=1) + timedelta(seconds=seconds)).isoformat()
    return {"type": "position", "t": at, "lat": 30.005, "lon": 111.005, **values}


async def run_until_settled(bench: Bench, count: int = 1, *, within_s: float = 20) -> None:
    async with asyncio.timeout(within_s), asyncio.TaskGroup() as tasks:
        work = tasks.create_task(bench.pipeline.run())
        while len(bench.settled) < count:
            bench.changed.clear()
            await bench.changed.wait()
        work.cancel()


async def run_until(bench: Bench, reached: Callable[[], bool | Awaitable[bool]]) -> None:
    """Let the pipeline work until a condition holds, and then no more."""
    async with asyncio.TaskGroup() as tasks:
        work = tasks.create_task(bench.pipeline.run())
        await eventually(reached)
        work.cancel()


async def somebody_waits(bench: Bench) -> bool:
    """Whether a session of the server waits for another's lock."""
    return bool(await bench.rows("SELECT FROM pg_locks WHERE NOT granted"))
