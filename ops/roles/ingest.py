"""The role ingest: a session for each lane, feeding the worker's pipelines; receipts go back the same way."""

import asyncio
import gc
import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from gateway.accounts import LANES, Lane, credentials_of, down_topic, ingest_account, lane_probes
from gateway.filter_memory import FilterMemory
from gateway.session import Session
from ingest.allowance import Allowance
from ingest.database import Pool, make_pool
from ingest.engines import Engine, engine_at
from ingest.pipeline import Limits
from ingest.probe import DatabaseClock, Probes, probe_filters
from ingest.receipts import Receipts
from ingest.worker import Worker
from ops.process import wait_for_schema
from ops.roles.gateway import broker_secret, tls_of, version_of
from ops.settings import Settings
from ops.sharing import filters, workers

PACE_S = 0.01  # adds as much to the latency of `up`, and halves the cost of reading at 5,000 messages/s
# Seconds after a connect, or after a message was left out: nats-server gives it again when its ack_wait of 30 s has
# run out.
NATS_DOUBT_S = 35.0
FINISH_S = 6.0  # seconds to commit what was taken; the rest comes again to the next worker of this name

GC_AFTER = 100_000  # new objects; the default of 700 makes 20,000 looks in a million messages

log = logging.getLogger(__name__)


async def run(settings: Settings, *, stop: asyncio.Event) -> None:
    """Ingest until `stop` is set; what was taken by then is committed, the rest stays with the broker.

    Raises:
        SettingsError: the broker secret is not set, or the broker cannot share messages among so many workers.
        SchemaOutdated: `gengfu migrate` has to run first.
    """
    broker_secret(settings)
    workers(settings)
    conninfo = settings.database.url.get_secret_value()
    if not await wait_for_schema(conninfo, stop):
        return
    engine = await engine_at(conninfo, wish=settings.storage.engine)
    pool = make_pool(conninfo, name="ingest", size=4)
    sessions: dict[Lane, Session] = {}
    clock = DatabaseClock()
    probes: dict[str, Probes] = {lane: _probes(settings, lane, clock) for lane in LANES}
    worker = make_worker(settings, pool, sessions, engine=engine, probes=probes, clock=clock)
    async with pool:
        await worker.prepare()
        _spare_the_collector()
        for lane in LANES:
            sessions[lane] = _session(settings, lane, worker, probes[lane])
            worker.pipelines[lane].flow = Reading(sessions[lane])
        async with sessions["up"], sessions["urgent"], asyncio.TaskGroup() as tasks:
            work = [tasks.create_task(worker.run(), name="ingest worker")]
            for lane, session in sessions.items():
                sending = probes[lane].run(partial(_publish, session), connected=partial(_stands, session))
                work.append(tasks.create_task(sending, name=f"probes {lane}"))
            log.info("ingest worker %s takes messages from %s", settings.ingest.worker, settings.broker.url)
            await stop.wait()
            for session in sessions.values():
                session.pause_reading()
            if not await worker.finish(at_most_s=FINISH_S):
                log.warning("not all that was taken is committed after %g s; the broker gives it out again", FINISH_S)
            for task in work:
                task.cancel()


def make_worker(
    settings: Settings,
    pool: Pool,
    sessions: dict[Lane, Session],
    *,
    engine: Engine,
    passing: bool = False,
    probes: Mapping[str, Probes] | None = None,
    clock: DatabaseClock | None = None,
) -> Worker:
    """A worker as the settings say.

    Args:
        settings: in force.
        pool: of the database.
        sessions: by lane; receipts go out by that of `up`, once it is there.
        engine: of that database.
        passing: it gives no signs of life, because it ends when its work is done.
        probes: by lane; None when nobody asks how far it has come.
        clock: set by its signs of life.
    """
    return Worker(
        pool,
        engine,
        name=settings.ingest.worker,
        receipts=Receipts(lambda device, receipt: _send(sessions["up"], device, receipt)),
        limits=Limits(_most(settings), settings.ingest.batch_bytes, age_s=settings.ingest.batch_age_ms / 1000),
        retention_days=settings.storage.retention_days,
        passing=passing,
        allowance=partial(Allowance, burst=settings.ingest.allowance_burst, per_s=settings.ingest.allowance_per_s),
        probes=probes,
        clock=clock,
        private=settings.privacy.enabled,
        secret=_secret_of(settings),
        held_for=timedelta(hours=settings.privacy.held_h),
        hears=lambda lane: any(session.connected for its, session in sessions.items() if its == lane),
    )


def _secret_of(settings: Settings) -> str | None:
    return settings.broker.secret.get_secret_value() if settings.broker.secret else None


def _most(settings: Settings) -> int:
    """Readings in a batch: of what nats-server has under way at once, half is written while the other half comes."""
    most = settings.ingest.batch_readings
    return min(most, max(1, settings.broker.max_ack_pending // 2)) if settings.broker.kind == "nats" else most


@dataclass(frozen=True)
class Reading:
    """A session as the flow that its pipeline pauses and resumes."""

    session: Session

    def pause(self) -> None:
        """Leave the rest with the broker."""
        self.session.pause_reading()

    def resume(self) -> None:
        """Read on."""
        self.session.resume_reading()


def memory_of(settings: Settings, lane: Lane) -> FilterMemory:
    """What the session of that lane holds at the broker."""
    return FilterMemory(settings.data_dir / "sessions" / f"{ingest_account(settings.ingest.worker, lane)}.json")


def _probes(settings: Settings, lane: Lane, clock: DatabaseClock) -> Probes:
    kind = settings.broker.kind
    return Probes(
        settings.ingest.worker,
        lane=lane,
        topics=lane_probes(settings.ingest.worker, lane, kind=kind),
        doubt_s=NATS_DOUBT_S if kind == "nats" else 0.0,
        clock=clock.now,
    )


def _session(settings: Settings, lane: Lane, worker: Worker, probes: Probes) -> Session:
    secret = broker_secret(settings)
    kind = settings.broker.kind
    return Session(
        settings.broker.url,
        credentials=credentials_of(ingest_account(settings.ingest.worker, lane), secret=secret),
        filters=[
            *filters(settings, lane, secret=secret),
            *probe_filters(settings.ingest.worker, lane, kind=kind),
        ],
        memory=memory_of(settings, lane),
        name=f"ingest {lane}",
        on_deliveries=worker.pipelines[lane].put_all,
        on_ready=probes.connected,
        on_disorder=probes.doubt,
        may_pause=kind != "nats",
        pace_s=PACE_S if kind != "nats" and lane == "up" else 0.0,
        version=version_of(settings),
        tls=tls_of(settings),
    )


def _spare_the_collector() -> None:
    """Look for garbage less often, and never among what is here for good: batches hold no cycles."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(GC_AFTER, 20, 100)


def _send(session: Session, device: str, receipt: dict[str, object]) -> bool:
    if not session.open:  # open is enough: one filter that is not granted must not silence what the others bring
        return False
    # QoS 0: a device that misses a receipt says its readings again and gets another.
    said = session.send(down_topic(device), json.dumps(receipt, separators=(",", ":")).encode(), qos=0)
    return said.exception() is None


def _publish(session: Session, topic: str, payload: bytes, *, qos: int = 1) -> None:
    """Publish what may get lost: the next one of its sort follows."""
    sent = session.send(topic, payload, qos=qos)
    sent.add_done_callback(lambda future: future.cancelled() or future.exception())


def _stands(session: Session) -> bool:
    return session.connected
