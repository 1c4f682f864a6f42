"""The way of a message: gather, decode, check, match, write, settle, receipt."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count
from time import monotonic, process_time
from typing import TypeVar

import psycopg
from psycopg_pool import PoolTimeout

from devices.codecs import Refusal, codec_of_topic
from ingest import metrics
from ingest.allowance import Allowance
from ingest.columns import fixes_of, positions_of
from ingest.database import Pool
from ingest.decode import NO_OFFSET, Decoded, Decoder, Quarantined
from ingest.delivery import Delivery, settle_all
from ingest.engines import Engine
from ingest.errors import DatabaseUnavailable, PictureStale, TookTooLong
from ingest.failpoint import reach
from ingest.gathering import Flow, Gathering, Limits
from ingest.ledger import Ledger
from ingest.line import ATTEMPT_S, Line
from ingest.marking import marks_of
from ingest.match import locate
from ingest.mode import Mode, ModeChoice
from ingest.others import others_of
from ingest.outages import kind_of, may_be_theirs, said
from ingest.portion import Portion
from ingest.probe import Probes
from ingest.progress import Place
from ingest.receipts import Receipts
from ingest.recent import Recent
from ingest.seal import Seal
from ingest.withheld import Parts, seal_refusals, withhold
from ingest.world import World
from ingest.writer import Batch, Written, write

__all__ = ["Flow", "Limits", "Pipeline"]

BACK_OFF_S = (0.1, 0.2, 0.5, 1, 2, 5)  # between tries while the database is away; the last one repeats
STUBBORN = 4  # tries after which what may be the messages' own fault, such as a broken constraint, does not mend itself
WAKING = ("button", "report", "task", "scan")  # reading types that wake the rules for their device

T = TypeVar("T")

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Result:
    """A batch that is committed, and what it was made of."""

    decoded: Decoded
    batch: Batch
    world: World


class Pipeline:
    """One lane of one worker. Feed it with `put_all`; it commits and only then settles."""

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
        seal: Seal,
        allowance: Allowance | None = None,
        probes: Probes | None = None,
        ledger: Ledger | None = None,
    ) -> None:
        self._engine = engine
        self._place = place
        self._world = world
        self._refresh_world = refresh_world
        self._receipts = receipts
        self._seal = seal
        self._parts = Parts()
        self._decoder = Decoder(retention_days, allowance=allowance, probes=probes)
        self._probes = probes
        self._ledger = ledger
        self._held: Sequence[Delivery] = ()
        self._gathering = Gathering(limits)
        self._line = Line(str(pool.conninfo), name=f"ingest {place.lane}")
        self._recent = Recent()
        self._choice = ModeChoice()
        self._portion = Portion(limit_s=ATTEMPT_S)
        self._opened = 0
        self._pending = 0  # messages taken and not settled
        self._closed = False
        self._idle = asyncio.Event()
        self._idle.set()
        self._stages = {stage: metrics.STAGE.labels(place.lane, stage) for stage in metrics.STAGES}

    @property
    def flow(self) -> Flow | None:
        """What is paused while too much waits here; set it before the first delivery."""
        return self._gathering.flow

    @flow.setter
    def flow(self, flow: Flow | None) -> None:
        self._gathering.flow = flow

    def put(self, delivery: Delivery) -> None:
        """Take a message, as `put_all` does."""
        self.put_all((delivery,))

    def put_all(self, deliveries: Sequence[Delivery]) -> None:
        """Take messages in their order, to hold until their commit; a closed pipeline leaves them to the broker."""
        if self._closed or not deliveries:
            return
        self._pending += len(deliveries)
        self._idle.clear()
        metrics.RECEIVED.labels(self._place.lane).inc(len(deliveries))
        metrics.PENDING.labels(self._place.lane).inc(len(deliveries))
        self._gathering.put_all(deliveries)

    async def finish(self) -> None:
        """Take nothing more, and wait until all that was taken is committed and settled; `run` has to go on."""
        self._closed = True
        await self._idle.wait()

    async def run(self) -> None:
        """Commit batch after batch until cancelled; what was not settled comes again."""
        async with self._line:
            if self._held:  # a fault of ours ended us before
                await self._finish(self._held)
            while True:
                started, deliveries = await self._gathering.batch()
                await self._finish(deliveries)
                metrics.BATCH.labels(self._place.lane).observe(monotonic() - started)

    async def _finish(self, deliveries: Sequence[Delivery]) -> None:
        """Commit and settle them in their order: together, or portion by portion if that takes too long."""
        self._held = deliveries
        while self._held:
            some = self._portion.of(self._held)
            began = monotonic()
            try:
                await self._commit(some)
            except TookTooLong as error:  # of `some`, what was committed and settled is no longer held
                self._portion.took_too_long(len(some), str(error))
            else:
                self._portion.worked(len(some), took_s=monotonic() - began)

    def _settled(self, deliveries: Sequence[Delivery]) -> None:
        """The first ones of what is held are done with."""
        self._held = self._held[len(deliveries) :]
        metrics.PENDING.labels(self._place.lane).dec(len(deliveries))
        self._pending -= len(deliveries)
        if not self._pending:
            self._idle.set()

    async def close(self) -> None:
        """Give up the connection to the database; `process` opens it again."""
        await self._line.drop()

    async def _commit(self, deliveries: Sequence[Delivery]) -> None:
        """Write, settle, receipt. A message that cannot be taken in is found by halving and quarantined.

        Raises:
            TookTooLong: these, or the later ones among them, are too many for the time there is.
        """
        try:
            result = await self._process(deliveries, NO_OFFSET, give_up=len(deliveries) > 1)
        except TookTooLong:
            raise
        except Exception as error:  # outages are retried below; this is the message's own fault, or ours
            if len(deliveries) > 1:
                middle = len(deliveries) // 2
                await self._commit(deliveries[:middle])
                await self._commit(deliveries[middle:])
                return
            theirs = isinstance(error, psycopg.Error)
            log.warning("quarantined a message of %s: %s", deliveries[0].topic, error, exc_info=not theirs)
            result = await self._refuse(deliveries[0], str(error))
        reach("after_commit")
        started = process_time()
        settle_all(deliveries)
        self._settled(deliveries)  # before the receipts, lest a fault of ours in them bring the batch again for ever
        self._say_safe(result)
        self._stages["settle"].inc(process_time() - started)

    async def process(self, deliveries: Sequence[Delivery], *, offset: timedelta = NO_OFFSET) -> None:
        """Decode, check, match and write, until the database has it; does not settle.

        Raises:
            psycopg.DataError: the database refuses a value.
        """
        await self._process(deliveries, offset)

    async def _process(self, deliveries: Sequence[Delivery], offset: timedelta, *, give_up: bool = False) -> _Result:
        started = process_time()
        decoded = await self._decoded(deliveries, offset)
        self._stages["decode"].inc(process_time() - started)
        if self._probes is not None:
            self._place.caught_up_to = self._probes.caught_up_to
        while True:
            matching_at = process_time()
            world = self._world()
            batch = self._match(world, decoded)
            self._stages["match"].inc(process_time() - matching_at)
            try:
                await self._keep(batch, give_up=give_up)
            except PictureStale:
                await self._retrying(self._refresh_world)
            else:
                break
        self._decoder.committed()
        return _Result(decoded, batch, world)

    async def accepts(self, delivery: Delivery, *, offset: timedelta) -> bool:
        """Process a message out of quarantine; whether nothing of it was refused this time."""
        try:
            result = await self._process([delivery], offset)
        except psycopg.Error as error:
            await self._refuse(delivery, str(error))
            return False
        return not result.decoded.refused

    def unsealed(self, topic: str, payload: bytes, *, nonce: bytes | None) -> bytes:
        """The payload of an entry of quarantine, which is sealed when it has a nonce.

        Raises:
            SealBroken: with another secret than this pipeline's.
        """
        return bytes(payload) if nonce is None else self._seal.open(topic.encode(), bytes(nonce), bytes(payload))

    async def _decoded(self, deliveries: Sequence[Delivery], offset: timedelta) -> Decoded:
        register = self._world().register
        decoded = self._decoder.decode(deliveries, register, offset=offset)
        if any(one.refusal.reason == "unknown_device" for one in decoded.refused):
            await self._retrying(self._refresh_world)  # it may have been registered a moment ago
            if self._world().register is not register:
                decoded = self._decoder.decode(deliveries, self._world().register, offset=offset)
        return decoded

    def _match(self, world: World, decoded: Decoded) -> Batch:
        positions, others, withheld = withhold(
            self._seal,
            world.tracking,
            positions_of(decoded.fixes).ordered(),  # rising keys are looked up in a fraction of the time
            others_of(decoded.others),
            now=datetime.now(UTC),
        )
        positions.grid = locate(world, positions.lat, positions.lon, positions.time_us)
        return Batch(
            positions=positions,
            fresh=positions.without_twins(),
            others=others,
            received=decoded.received,
            marks=marks_of(world, positions, others),
            quarantined=seal_refusals(self._seal, world.tracking, world.register, decoded.refused + decoded.beyond),
            excess=decoded.excess,
            ignored=decoded.ignored,
            withheld=withheld,
        )

    async def _keep(self, batch: Batch, *, give_up: bool = False) -> None:
        for part in batch.parts():
            written = await self._retrying(partial(self._write, part), give_up=give_up, writing=True)
            self._recent.add(part.fresh)
            self._choice.learn(rows=written.offered, repeated=written.found)
            self._count(written)

    async def _write(self, batch: Batch) -> Written:
        started = monotonic()
        if times := batch.times():
            async with self._line.limited() as connection:
                await self._engine.ensure_partitions(connection, times)
        if batch.withheld:
            async with self._line.limited() as connection:
                await self._parts.ensure(connection, [batch.withheld.hour])
        mode = self._choice.mode
        try:
            written = await self._attempt(batch, mode)
        except psycopg.errors.UniqueViolation:
            if mode == "staging":
                raise
            mode = "staging"  # somebody else, or we long ago, wrote one of these rows
            written = await self._attempt(batch, mode)
        self._stages["write"].inc(monotonic() - started)
        metrics.WRITES.labels(self._place.lane, mode).inc()
        return written

    async def _attempt(self, batch: Batch, mode: Mode) -> Written:
        async with self._line.transaction() as connection:
            if self._line.opened != self._opened:  # the keys were committed over another connection
                self._opened = self._line.opened
                self._recent.clear()
                self._choice.doubt()
            known = self._recent.known(batch.fresh)
            # Decided anew for each attempt, because after an error nothing is known any more.
            asked = replace(batch, fresh=batch.fresh.take(~known)) if known.any() else batch
            return await write(connection, asked, self._place, mode=mode)

    async def _retrying(self, action: Callable[[], Awaitable[T]], *, give_up: bool = False, writing: bool = False) -> T:
        """Do it until the database has it: an outage only delays, and each kind of it is said once.

        Args:
            action: what to do.
            give_up: when it takes too long, because it can be done with less.
            writing: so that what stays wrong may come of what is written.

        Raises:
            TookTooLong: and `give_up` was asked for.
            psycopg.DataError: the database refuses a value.
            psycopg.Error: it refuses a row, again and again.
        """
        told: set[str] = set()
        for attempt in count():
            try:
                result = await action()
            except (DatabaseUnavailable, PoolTimeout, psycopg.Error) as error:
                if isinstance(error, psycopg.DataError):
                    raise
                if writing and attempt >= STUBBORN and may_be_theirs(error):
                    raise
                if give_up and isinstance(error, TookTooLong | psycopg.errors.QueryCanceled):
                    await self._start_over()
                    raise error if isinstance(error, TookTooLong) else TookTooLong(said(error)) from error
                if (kind := kind_of(error)) not in told:
                    log.warning("cannot write to the database, holding on: %s", said(error))
                told.add(kind)
                await self._start_over()
                await asyncio.sleep(BACK_OFF_S[min(attempt, len(BACK_OFF_S) - 1)])
            else:
                if attempt:
                    log.warning("the database takes writes again, after %d tries", attempt + 1)
                return result
        raise AssertionError("count() does not end")

    async def _start_over(self) -> None:
        """After an error nothing is taken for granted: a new connection, and with it an empty memory."""
        metrics.RETRIES.labels(self._place.lane).inc()
        await self._line.drop()
        self._engine.forget()  # a partition may have been dropped under us
        self._parts.forget()

    async def _refuse(self, delivery: Delivery, error: str) -> _Result:
        codec = codec_of_topic(delivery.topic)
        refusal = Refusal("database", f"the database refuses it: {' '.join(error.split())}", delivery.payload)
        try:
            readings = codec.decode(delivery.topic, delivery.payload).readings if codec else []
        except Exception:  # noqa: BLE001  the codec may be what failed; the message is kept whole and counts as one
            readings = []
        name, count = codec.name if codec else "", max(1, len(readings))
        refused = Quarantined(delivery.topic, name, refusal, delivery.received_at, count)
        world = self._world()
        (quarantined,) = seal_refusals(self._seal, world.tracking, world.register, [refused])
        empty = fixes_of([])
        safe = [(one.device, one.reading.boot, one.reading.seq) for one in readings]
        decoded = Decoded(empty, [], [quarantined], safe, received=count)
        batch = Batch(positions_of(empty), positions_of(empty), [], received=count, quarantined=[quarantined])
        await self._keep(batch)
        return _Result(decoded, batch, world)

    def _say_safe(self, result: _Result) -> None:
        """What is committed in any form, its device may forget."""
        names, decoded = result.world.register.names, result.decoded
        self._receipts.add_all(names, result.batch.positions)
        if result.batch.withheld:
            self._receipts.add_all(names, result.batch.withheld.positions)
        for one in decoded.others:
            self._receipts.add(names[one.device], one.reading.boot, one.reading.seq)
        for refused in decoded.refused:
            if refused.refusal.device:
                self._receipts.add(refused.refusal.device, refused.refusal.boot, refused.refusal.seq)
        for device, boot, seq in decoded.safe:
            self._receipts.add(device, boot, seq)
        self._receipts.flush()

    def _count(self, written: Written) -> None:
        lane = self._place.lane
        for (name, _), readings in written.sheet.entries().items():
            if name != "received":
                metrics.READINGS.labels(lane, name).inc(readings)
        metrics.BATCH_READINGS.labels(lane).observe(written.sheet.received)
        metrics.REPEATED_RATE.labels(lane).set(self._choice.rate)
        if self._ledger is not None:
            self._ledger.committed(lane, written.sheet)
