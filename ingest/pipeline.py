"""The way of a message: gather, decode, check, match, write, settle, receipt."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import count
from time import monotonic
from typing import TypeVar

import psycopg
from psycopg_pool import PoolTimeout

from devices.codecs import Refusal, codec_of_topic
from ingest import metrics
from ingest.check import check
from ingest.columns import Checked, others_of, positions_of
from ingest.database import Pool, transaction
from ingest.delivery import Delivery, settle_all
from ingest.engines import Engine
from ingest.errors import DatabaseUnavailable
from ingest.match import Mark, locate, touched
from ingest.receipts import Receipts
from ingest.world import World
from ingest.writer import Batch, Place, Quarantined, Written, write

BACK_OFF_S = (0.1, 0.2, 0.5, 1, 2, 5)  # between tries while the database is away; the last one repeats
WAKING = ("button", "report", "task", "scan")  # reading types that wake the rules for their device
NO_OFFSET = timedelta(0)

T = TypeVar("T")
Safe = tuple[str, int | None, int | None]  # device, boot, seq

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Limits:
    """When a batch is full.

    Attributes:
        readings: so many at the most, but for the last message's array; counted by a glance, not by decoding.
        payload_bytes: of all messages together.
        age_s: how long the first one waits for others; nought commits what is there at once.
    """

    readings: int = 2000
    payload_bytes: int = 4 << 20
    age_s: float = 0.1


class Pipeline:
    """One lane of one worker. Feed it with `put`; it commits and only then settles."""

    def __init__(
        self,
        pool: Pool,
        engine: Engine,
        place: Place,
        *,
        world: Callable[[], World],
        refresh_world: Callable[[], Awaitable[None]],
        receipts: Receipts,
        limits: Limits,
        retention_days: int,
    ) -> None:
        self._pool = pool
        self._engine = engine
        self._place = place
        self._world = world
        self._refresh_world = refresh_world
        self._receipts = receipts
        self._limits = limits
        self._retention_days = retention_days
        self._queue: asyncio.Queue[Delivery] = asyncio.Queue()  # bounded by the broker's max_ack_pending
        self._pending = 0  # messages taken and not settled
        self._closed = False
        self._idle = asyncio.Event()
        self._idle.set()

    def put(self, delivery: Delivery) -> None:
        """Take a message; it stays with us until its commit. A closed pipeline leaves it to the broker."""
        if self._closed:
            return
        self._pending += 1
        self._idle.clear()
        metrics.RECEIVED.labels(self._place.lane).inc()
        metrics.PENDING.labels(self._place.lane).inc()
        self._queue.put_nowait(delivery)

    async def finish(self) -> None:
        """Take nothing more, and wait until all that was taken is committed and settled; `run` has to go on."""
        self._closed = True
        await self._idle.wait()

    async def run(self) -> None:
        """Commit batch after batch until cancelled; what was not settled comes again."""
        async for started, batch in self._batches():
            await self._commit(batch)
            metrics.BATCH.labels(self._place.lane).observe(monotonic() - started)
            metrics.PENDING.labels(self._place.lane).dec(len(batch))
            self._pending -= len(batch)
            if not self._pending:
                self._idle.set()

    async def _batches(self) -> AsyncIterator[tuple[float, list[Delivery]]]:
        while True:
            batch = [await self._queue.get()]
            started = monotonic()
            size, readings = len(batch[0].payload), _readings_in(batch[0])
            while readings < self._limits.readings and size < self._limits.payload_bytes:
                wait = started + self._limits.age_s - monotonic()
                try:
                    delivery = self._queue.get_nowait() if wait <= 0 else await self._next(wait)
                except (asyncio.QueueEmpty, TimeoutError):
                    break
                batch.append(delivery)
                size += len(delivery.payload)
                readings += _readings_in(delivery)
            yield started, batch

    async def _next(self, seconds: float) -> Delivery:
        async with asyncio.timeout(seconds):
            return await self._queue.get()

    async def _commit(self, deliveries: Sequence[Delivery]) -> None:
        """Write, settle, receipt. A message that the database will not take is found by halving and quarantined."""
        try:
            safe = await self.process(deliveries)
        except psycopg.DataError as error:
            if len(deliveries) > 1:
                middle = len(deliveries) // 2
                await self._commit(deliveries[:middle])
                await self._commit(deliveries[middle:])
                return
            log.warning("quarantined a message of %s that the database refuses: %s", deliveries[0].topic, error)
            safe = await self._refuse(deliveries[0], str(error))
        settle_all(deliveries)
        for device, boot, seq in safe:
            self._receipts.add(device, boot, seq)
        self._receipts.flush()

    async def process(self, deliveries: Sequence[Delivery], *, offset: timedelta = NO_OFFSET) -> list[Safe]:
        """Decode, check, match and write, until the database has it; does not settle.

        Returns:
            Device, boot and seq of every reading that is now safe.

        Raises:
            psycopg.DataError: the database refuses a value.
        """
        checked, refused = await self._outcomes(deliveries, offset)
        batch = self._match([one for one, _ in checked], refused)
        written = await self._retrying(lambda: self._write(batch))
        self._count(written, batch)
        return [(device, one.reading.boot, one.reading.seq) for one, device in checked] + [
            (one.refusal.device, one.refusal.boot, one.refusal.seq) for one in refused if one.refusal.device
        ]

    async def accepts(self, delivery: Delivery, *, offset: timedelta) -> bool:
        """Process a message out of quarantine; whether nothing of it was refused this time."""
        try:
            _, refused = await self._outcomes([delivery], offset)
            await self.process([delivery], offset=offset)
        except psycopg.DataError as error:
            await self._refuse(delivery, str(error))
            return False
        return not refused

    async def _outcomes(
        self, deliveries: Sequence[Delivery], offset: timedelta
    ) -> tuple[list[tuple[Checked, str]], list[Quarantined]]:
        checked, refused = self._decode(deliveries, offset)
        if any(one.refusal.reason == "unknown_device" for one in refused):
            await self._retrying(self._refresh_world)  # it may have been registered a moment ago
            checked, refused = self._decode(deliveries, offset)
        return checked, refused

    def _decode(
        self, deliveries: Sequence[Delivery], offset: timedelta
    ) -> tuple[list[tuple[Checked, str]], list[Quarantined]]:
        devices = self._world().devices
        checked, refused = [], []
        for delivery in deliveries:
            codec = codec_of_topic(delivery.topic)
            if codec is None:
                detail = f"no codec reads the topic {delivery.topic!r}; `gengfu codecs` lists the topics"
                refusal = Refusal("topic", detail, delivery.payload)
                refused.append(Quarantined(delivery.topic, "", refusal, delivery.received_at))
                continue
            decoded = codec.decode(delivery.topic, delivery.payload)
            outcomes: list[Checked | Refusal] = list(decoded.refusals)
            for stamped in decoded.readings:
                outcome = check(
                    stamped,
                    devices.get(stamped.device),
                    received_at=delivery.received_at,
                    retention_days=self._retention_days,
                    offset=offset,
                    dup=delivery.dup,
                )
                if isinstance(outcome, Checked):
                    checked.append((outcome, stamped.device))
                else:
                    outcomes.append(outcome)
            refused += [
                Quarantined(delivery.topic, codec.name, outcome, delivery.received_at)
                for outcome in outcomes
                if isinstance(outcome, Refusal)
            ]
        return checked, refused

    def _match(self, checked: Sequence[Checked], refused: list[Quarantined]) -> Batch:
        world = self._world()
        positions, others = positions_of(checked), others_of(checked)
        positions.grid = locate(world, positions.lat, positions.lon, positions.time_us)
        kinds = {device.number: device.kind for device in world.devices.values()}
        marks = touched(world, positions, kinds)
        for number in sorted({other.device for other in others if other.type in WAKING}):
            times = [other.time for other in others if other.device == number and other.type in WAKING]
            marks.append(Mark("device", str(number), min(times), max(times)))
        return Batch(positions, others, marks, refused)

    async def _write(self, batch: Batch) -> Written:
        if times := batch.times():
            async with self._pool.connection() as connection:
                await self._engine.ensure_partitions(connection, times)
        async with transaction(self._pool) as connection:
            return await write(connection, batch, self._place)

    async def _retrying(self, action: Callable[[], Awaitable[T]]) -> T:
        """Do it until the database has it: an outage only delays, and is said when it begins and when it is over."""
        for attempt in count():
            try:
                result = await action()
            except (DatabaseUnavailable, PoolTimeout, psycopg.Error) as error:
                if isinstance(error, psycopg.DataError):
                    raise
                self._engine.forget()  # a partition may have been dropped under us
                metrics.RETRIES.labels(self._place.lane).inc()
                if attempt == 0:
                    log.warning("cannot write to the database, holding on: %s", " ".join(str(error).split()))
                await asyncio.sleep(BACK_OFF_S[min(attempt, len(BACK_OFF_S) - 1)])
            else:
                if attempt:
                    log.warning("the database takes writes again, after %d tries", attempt + 1)
                return result
        raise AssertionError("count() does not end")

    async def _refuse(self, delivery: Delivery, error: str) -> list[Safe]:
        codec = codec_of_topic(delivery.topic)
        refusal = Refusal("database", f"the database refuses it: {' '.join(error.split())}", delivery.payload)
        quarantined = Quarantined(delivery.topic, codec.name if codec else "", refusal, delivery.received_at)
        batch = Batch(positions_of([]), [], quarantined=[quarantined])
        self._count(await self._retrying(lambda: self._write(batch)), batch)
        readings = codec.decode(delivery.topic, delivery.payload).readings if codec else []
        return [(one.device, one.reading.boot, one.reading.seq) for one in readings]

    def _count(self, written: Written, batch: Batch) -> None:
        counts = {
            "stored": written.stored,
            "repeated": written.repeated,
            "quarantined": len(batch.quarantined),
            "ignored": batch.ignored.total(),
        }
        for fate, readings in counts.items():
            metrics.READINGS.labels(self._place.lane, fate).inc(readings)


def _readings_in(delivery: Delivery) -> int:
    return max(1, delivery.payload.count(b'"type"'))
