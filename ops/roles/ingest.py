"""The role ingest: a session for each lane, feeding the worker's pipelines; receipts go back the same way."""

import asyncio
import json
import logging

from gateway.accounts import LANES, Lane, credentials_of, down_topic, ingest_account
from gateway.filter_memory import FilterMemory
from gateway.session import Session
from ingest.database import make_pool
from ingest.engines import NativeEngine
from ingest.pipeline import Limits
from ingest.receipts import Receipts
from ingest.worker import Worker
from ingest.writer import prepare
from ops.errors import SettingsError
from ops.process import wait_for_schema
from ops.roles.gateway import tls_of
from ops.settings import Settings
from ops.sharing import filters, workers

PACE_S = 0.01  # adds as much to the latency of `up`, and halves the cost of reading at 5,000 messages/s

log = logging.getLogger(__name__)


async def run(settings: Settings, *, stop: asyncio.Event) -> None:
    """Ingest until `stop` is set. What is not committed by then comes again to the next worker of this name."""
    if settings.broker.secret is None:
        raise SettingsError("broker.secret is not set; set GENGFU_BROKER_SECRET to the same value as for the gateway")
    workers(settings)  # refuses what the broker cannot do
    conninfo = settings.database.url.get_secret_value()
    if not await wait_for_schema(conninfo, stop):
        return
    pool = make_pool(conninfo, name="ingest", size=4, configure=prepare)
    sessions: dict[Lane, Session] = {}
    receipts = Receipts(lambda device, receipt: _send(sessions["up"], device, receipt))
    worker = Worker(
        pool,
        NativeEngine(),
        name=settings.ingest.worker,
        receipts=receipts,
        limits=Limits(
            settings.ingest.batch_readings, settings.ingest.batch_bytes, age_s=settings.ingest.batch_age_ms / 1000
        ),
        retention_days=settings.storage.retention_days,
        hears=lambda lane: any(session.connected for its, session in sessions.items() if its == lane),
    )
    async with pool:
        await worker.prepare()
        for lane in LANES:
            sessions[lane] = _session(settings, lane, worker)
        async with sessions["up"], sessions["urgent"], asyncio.TaskGroup() as tasks:
            work = tasks.create_task(worker.run(), name="ingest worker")
            log.info("ingest worker %s takes messages from %s", settings.ingest.worker, settings.broker.url)
            await stop.wait()
            work.cancel()


def _session(settings: Settings, lane: Lane, worker: Worker) -> Session:
    secret = settings.broker.secret.get_secret_value() if settings.broker.secret else ""
    may_pause = settings.broker.kind != "nats"  # it cuts a reader that stops
    account = ingest_account(settings.ingest.worker, lane)
    return Session(
        settings.broker.url,
        credentials=credentials_of(account, secret=secret),
        filters=filters(settings, lane, secret=secret),
        name=f"ingest {lane}",
        on_delivery=worker.pipelines[lane].put,
        memory=FilterMemory(settings.data_dir / "sessions" / f"{account}.json"),
        may_pause=may_pause,
        pace_s=PACE_S if may_pause and lane == "up" else 0.0,
        tls=tls_of(settings),
    )


def _send(session: Session, device: str, receipt: dict[str, object]) -> bool:
    if not session.connected:
        return False
    # QoS 0: a device that misses a receipt says its readings again and gets another.
    sent = session.send(down_topic(device), json.dumps(receipt, separators=(",", ":")).encode(), qos=0)
    sent.add_done_callback(lambda future: future.cancelled() or future.exception())
    return True
