"""One ingest worker: the pipelines of its lanes, and what they share: the world, receipts, signs of life."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from time import monotonic

import psycopg
from psycopg_pool import PoolTimeout

from ingest.database import Connection, Pool, transaction
from ingest.engines import Engine
from ingest.errors import DatabaseUnavailable
from ingest.line import ATTEMPT_S
from ingest.pipeline import Limits, Pipeline
from ingest.receipts import INTERVAL_S, Receipts
from ingest.world import World, load_world, reload_register
from ingest.writer import Place, beat

BEAT_S = 1.0  # between signs of life in ingest_progress; others call us dead after ten of them
WORLD_S = 30.0  # between full looks at the world: territory changes by import only
UPKEEP_S = 600.0  # between drops of old partitions and refreshes of the rollup
COMPRESS_AFTER = timedelta(days=4)  # the back-fill horizon of three days, and one to spare

log = logging.getLogger(__name__)


class Worker:
    """Owns the pipelines; the sessions that feed them are the caller's."""

    def __init__(
        self,
        pool: Pool,
        engine: Engine,
        *,
        name: str,
        receipts: Receipts,
        limits: Limits,
        retention_days: int,
        passing: bool = False,
        hears: Callable[[str], bool] = lambda _lane: True,
    ) -> None:
        """Prepare a worker.

        Args:
            pool: of the database.
            engine: of its storage.
            name: for counters and signs of life.
            receipts: of all its lanes.
            limits: of a batch.
            retention_days: 0 keeps for ever.
            hears: whether the session of a lane stands; while it does not, nobody's silence counts.
            passing: it gives no signs of life, because it ends when its work is done and is not missed then.
        """
        self._pool = pool
        self._engine = engine
        self._receipts = receipts
        self._retention_days = retention_days
        self._hears = hears
        self._world: World | None = None
        self._world_at = 0.0
        started = None if passing else datetime.now(UTC)
        self._places = {lane: Place(name, lane, started) for lane in ("up", "urgent")}
        self.pipelines = {
            lane: Pipeline(
                pool,
                engine,
                place,
                world=self.world,
                refresh_world=self.refresh,
                receipts=receipts,
                limits=limits if lane == "up" else replace(limits, age_s=0),
                retention_days=retention_days,
            )
            for lane, place in self._places.items()
        }

    def world(self) -> World:
        """The newest picture; `prepare` has loaded one."""
        if self._world is None:
            raise RuntimeError("the world is not loaded; call prepare() first")
        return self._world

    async def prepare(self) -> None:
        """Load the world and make the partitions of today."""
        async with self._pool.connection() as connection:
            await self._engine.ensure_schema(connection)
        await self._load()

    async def _load(self) -> None:
        async with transaction(self._pool, limit_s=ATTEMPT_S) as connection:
            self._world = await load_world(connection, self._world)
        self._world_at = monotonic()

    async def refresh(self) -> None:
        """Look at the register and the open incidents again."""
        async with transaction(self._pool, limit_s=ATTEMPT_S) as connection:
            self._world = await reload_register(connection, self.world())

    async def close(self) -> None:
        """Give up what the pipelines hold; of use to whoever fed them without `run`."""
        for pipeline in self.pipelines.values():
            await pipeline.close()

    async def run(self) -> None:
        """Everything until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for lane, pipeline in self.pipelines.items():
                tasks.create_task(pipeline.run(), name=f"pipeline {lane}")
            tasks.create_task(self._beat(), name="beat")
            tasks.create_task(self._flush_receipts(), name="receipts")
            tasks.create_task(self._upkeep(), name="upkeep")

    async def beat(self) -> None:
        """Say once that the lanes are alive, and whether they hear the broker."""
        async with transaction(self._pool, limit_s=ATTEMPT_S) as connection:
            for lane, place in self._places.items():
                place.hears = self._hears(lane)
                if not place.hears:
                    place.up_since = datetime.now(UTC)
                await beat(connection, place)

    async def _beat(self) -> None:
        failing = False
        while True:
            try:
                await self.beat()
                await (self._load() if monotonic() - self._world_at > WORLD_S else self.refresh())
                failing = False
            except (DatabaseUnavailable, PoolTimeout, psycopg.Error) as error:
                if not failing:
                    log.warning("cannot say to the database that ingest is alive: %s", " ".join(str(error).split()))
                failing = True
            await asyncio.sleep(BEAT_S)

    async def _flush_receipts(self) -> None:
        while True:
            await asyncio.sleep(INTERVAL_S / 4)
            self._receipts.flush()

    async def _upkeep(self) -> None:
        while True:
            try:
                async with self._pool.connection() as connection:
                    await upkeep(connection, self._engine, retention_days=self._retention_days)
            except (PoolTimeout, psycopg.Error) as error:
                log.warning("upkeep of the storage failed, trying again later: %s", " ".join(str(error).split()))
            await asyncio.sleep(UPKEEP_S)


async def upkeep(connection: Connection, engine: Engine, *, retention_days: int) -> None:
    """Make tomorrow's partitions, drop what is past retention, refresh the rollup, compress what has settled."""
    now = datetime.now(UTC)
    await engine.ensure_schema(connection)
    if retention_days:
        for name in await engine.drop_older(connection, than=now - timedelta(days=retention_days)):
            log.info("dropped %s: older than storage.retention_days = %d", name, retention_days)
    await engine.compress(connection, older_than=now - COMPRESS_AFTER)
    while await engine.refresh_rollup(connection):
        pass
