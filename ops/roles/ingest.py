"""The role ingest: a session for each lane, feeding the worker's pipelines; receipts go back the same way."""

import asyncio
import json
import logging
from functools import partial

from gateway.accounts import LANES, Lane, credentials_of, down_topic, ingest_account, lane_filters, lane_probes
from gateway.session import Session
from ingest.allowance import Allowance
from ingest.database import make_pool
from ingest.engines import NativeEngine
from ingest.pipeline import Limits
from ingest.probe import DatabaseClock, Probes, probe_filters
from ingest.receipts import Receipts
from ingest.worker import Worker
from ingest.writer import prepare
from ops.errors import SettingsError
from ops.process import wait_for_schema
from ops.settings import Settings

# Seconds after a connect: nats-server gives what was under way before again when its ack_wait of 30 s has run out.
NATS_DOUBT_S = 35.0

log = logging.getLogger(__name__)


async def run(settings: Settings, *, stop: asyncio.Event) -> None:
    """Ingest until `stop` is set. What is not committed by then comes again to the next worker of this name."""
    if settings.broker.secret is None:
        raise SettingsError("broker.secret is not set; set GENGFU_BROKER_SECRET to the same value as for the gateway")
    conninfo = settings.database.url.get_secret_value()
    if not await wait_for_schema(conninfo, stop):
        return
    pool = make_pool(conninfo, name="ingest", size=4, configure=prepare)
    sessions: dict[Lane, Session] = {}
    receipts = Receipts(lambda device, receipt: _send(sessions["up"], device, receipt))
    clock = DatabaseClock()
    probes: dict[str, Probes] = {lane: _probes(settings, lane, clock) for lane in LANES}
    worker = Worker(
        pool,
        NativeEngine(),
        name=settings.ingest.worker,
        receipts=receipts,
        limits=Limits(
            settings.ingest.batch_readings, settings.ingest.batch_bytes, age_s=settings.ingest.batch_age_ms / 1000
        ),
        retention_days=settings.storage.retention_days,
        allowance=partial(Allowance, burst=settings.ingest.allowance_burst, per_s=settings.ingest.allowance_per_s),
        probes=probes,
        clock=clock,
        hears=lambda lane: any(session.connected for its, session in sessions.items() if its == lane),
    )
    async with pool:
        await worker.prepare()
        for lane in LANES:
            sessions[lane] = _session(settings, lane, worker, probes[lane])
        async with sessions["up"], sessions["urgent"], asyncio.TaskGroup() as tasks:
            work = [tasks.create_task(worker.run(), name="ingest worker")]
            work += [
                tasks.create_task(
                    probes[lane].run(partial(_publish, session), connected=partial(_stands, session)),
                    name=f"probes {lane}",
                )
                for lane, session in sessions.items()
            ]
            log.info("ingest worker %s takes messages from %s", settings.ingest.worker, settings.broker.url)
            await stop.wait()
            for task in work:
                task.cancel()


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
    secret = settings.broker.secret.get_secret_value() if settings.broker.secret else ""
    return Session(
        settings.broker.url,
        credentials=credentials_of(ingest_account(settings.ingest.worker, lane), secret=secret),
        filters=[*lane_filters(lane), *probe_filters(settings.ingest.worker, lane, kind=settings.broker.kind)],
        name=f"ingest {lane}",
        on_delivery=worker.pipelines[lane].put,
        on_ready=probes.connected,
    )


def _send(session: Session, device: str, receipt: dict[str, object]) -> bool:
    if not session.connected:
        return False
    # QoS 0: a device that misses a receipt says its readings again and gets another.
    _publish(session, down_topic(device), json.dumps(receipt, separators=(",", ":")).encode(), qos=0)
    return True


def _publish(session: Session, topic: str, payload: bytes, *, qos: int = 1) -> None:
    """Publish what may get lost: the next one of its sort follows."""
    sent = session.send(topic, payload, qos=qos)
    sent.add_done_callback(lambda future: future.cancelled() or future.exception())


def _stands(session: Session) -> bool:
    return session.connected
