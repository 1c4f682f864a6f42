"""One ingest worker: the pipelines of its lanes, and what they share: the world, receipts, signs of life."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from time import monotonic

import numpy as np
import psycopg
from psycopg_pool import PoolTimeout

from ingest import metrics
from ingest.allowance import Allowance
from ingest.database import Pool, transaction
from ingest.engines import Engine
from ingest.errors import DatabaseUnavailable
from ingest.ledger import Ledger
from ingest.line import ATTEMPT_S
from ingest.pipeline import Limits, Pipeline
from ingest.probe import DatabaseClock, Probes
from ingest.progress import Place, beat, goodbye
from ingest.receipts import INTERVAL_S, Receipts
from ingest.release import release
from ingest.seal import Seal
from ingest.upkeep import keep_up
from ingest.withheld import KEEP_H
from ingest.world import World, load_world, reload_register

BEAT_S = 1.0  # between signs of life in ingest_progress; others call us dead after ten of them
WORLD_S = 30.0  # between full looks at the world: territory changes by import only
LEDGER_S = 30.0  # between looks whether the database has all that it confirmed
LANE_BACK_OFF_S = (0.2, 1, 5)  # after a lane fell over by a fault of ours; the last one repeats
UNLIMITED = frozenset({"recorder"})  # kinds of device without an allowance: a flight recorder is read out at once
LANES = ("up", "urgent")

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
        allowance: Callable[[], Allowance] = Allowance,
        probes: Mapping[str, Probes] | None = None,
        clock: DatabaseClock | None = None,
        hears: Callable[[str], bool] = lambda _lane: True,
        private: bool = True,
        secret: str | None = None,
        held_for: timedelta = timedelta(hours=KEEP_H),
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
            passing: it gives no signs of life, because it ends when its work is done and is not missed then; and what
                it takes in has no allowance, because somebody asked for it.
            allowance: makes the buckets of one lane. A lane has its own, so that what a device says urgently does not
                suffer from what it says otherwise.
            probes: by lane, of the sessions; None without sessions.
            clock: set with each sign of life.
            private: whether readings of carried devices from outside duty are withheld.
            secret: of the site, with which they are sealed; without one nothing that is sealed can be released.
            held_for: how long what is withheld is kept.
        """
        self._pool = pool
        self._engine = engine
        self._receipts = receipts
        self._retention_days = retention_days
        self._hears = hears
        self._world: World | None = None
        self._world_at = 0.0
        self._private = private
        self._seal = Seal(secret)
        self._held_for = held_for
        self._released_by = -1  # revision of the spans by which this worker last looked for what to release
        started = None if passing else datetime.now(UTC)
        self._name = name
        self._passing = passing
        self._places = {lane: Place(name, lane, started) for lane in LANES}
        self._allowances = {} if passing else {lane: allowance() for lane in LANES}
        self._ledger = Ledger(name, lanes=LANES)
        self._clock = clock or DatabaseClock()
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
                seal=self._seal,
                allowance=self._allowances.get(lane),
                probes=(probes or {}).get(lane),
                ledger=self._ledger,
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
            if not self._passing:
                await self._ledger.open(connection)
        await self._load()

    async def _load(self) -> None:
        async with transaction(self._pool, limit_s=ATTEMPT_S) as connection:
            self._take(await load_world(connection, self._world, private=self._private))
        self._world_at = monotonic()

    def _take(self, world: World) -> None:
        self._world = world
        unlimited = np.array([one.number for one in world.devices.values() if one.kind in UNLIMITED], np.int64)
        for allowance in self._allowances.values():
            allowance.exempt(unlimited)

    async def refresh(self) -> None:
        """Look at the register, the hours of duty and the open incidents again."""
        async with transaction(self._pool, limit_s=ATTEMPT_S) as connection:
            self._take(await reload_register(connection, self.world(), private=self._private))

    async def release(self) -> int:
        """Store what was withheld and turns out to be of duty; how many readings that were."""
        world = self.world()
        if world.tracking.revision == self._released_by:
            return 0
        place = Place(self._name, "up", None)
        moved = await release(self._pool, self._engine, seal=self._seal, world=world, place=place)
        self._released_by = world.tracking.revision
        return moved

    async def close(self) -> None:
        """Give up what the pipelines hold; of use to whoever fed them without `run`."""
        for pipeline in self.pipelines.values():
            await pipeline.close()

    async def finish(self, *, at_most_s: float | None = None) -> bool:
        """Take nothing more and commit what was taken, while `run` goes on; says whether that was done in time."""
        try:
            async with asyncio.timeout(at_most_s), asyncio.TaskGroup() as tasks:
                for lane, pipeline in self.pipelines.items():
                    tasks.create_task(pipeline.finish(), name=f"finish {lane}")
        except TimeoutError:
            return False
        return True

    async def run(self) -> None:
        """Everything until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for lane, pipeline in self.pipelines.items():
                tasks.create_task(self._lane(lane, pipeline), name=f"pipeline {lane}")
            tasks.create_task(self._beat(), name="beat")
            tasks.create_task(self._flush_receipts(), name="receipts")
            upkeep = keep_up(self._pool, self._engine, retention_days=self._retention_days, held_for=self._held_for)
            tasks.create_task(upkeep, name="upkeep")
            tasks.create_task(self._compare(), name="ledger")
            tasks.create_task(self._release(), name="releases")

    async def _lane(self, lane: str, pipeline: Pipeline) -> None:
        """Keep one lane going: a fault of ours in it must not silence the other, and it holds on to what it took."""
        for attempt in count():
            try:
                await pipeline.run()
            except Exception:  # whatever it is, an SOS still comes through the other lane
                metrics.FALLS.labels(lane).inc()
                wait_s = LANE_BACK_OFF_S[min(attempt, len(LANE_BACK_OFF_S) - 1)]
                log.exception(
                    "lane %s of ingest worker %s fell over by a fault of gengfu; it goes on in %g s",
                    lane,
                    self._name,
                    wait_s,
                    extra={"event": "lane_fell"},
                )
                await asyncio.sleep(wait_s)

    async def goodbye(self) -> None:
        """Say that this worker stops on purpose and has nothing left in its queues; `run` must have ended."""
        async with transaction(self._pool, limit_s=ATTEMPT_S) as connection:
            await goodbye(connection, self._name)

    async def beat(self) -> None:
        """Say once that the lanes are alive, and whether they hear the broker."""
        async with transaction(self._pool, limit_s=ATTEMPT_S) as connection:
            for lane, place in self._places.items():
                place.hears = self._hears(lane)
                if not place.hears:
                    place.up_since = datetime.now(UTC)
                if said := await beat(connection, place):
                    self._clock.set(said)

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

    async def _release(self) -> None:
        while True:
            await asyncio.sleep(BEAT_S)
            try:
                await self.release()
            except (DatabaseUnavailable, PoolTimeout, psycopg.Error):
                continue  # an outage; the lanes have said so, and nothing was moved by half

    async def _compare(self) -> None:
        while True:
            await asyncio.sleep(LEDGER_S)
            try:
                async with transaction(self._pool) as connection:
                    await self._ledger.compare(connection)
            except (DatabaseUnavailable, psycopg.Error):
                continue  # an outage; the lanes have said so

    async def _flush_receipts(self) -> None:
        while True:
            await asyncio.sleep(INTERVAL_S / 4)
            self._receipts.flush()
