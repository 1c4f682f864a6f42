"""The role ingest: a session for each lane, feeding the worker's pipelines; receipts go back the same way."""

import asyncio
import json
import logging

from gateway.accounts import LANES, Lane, credentials_of, down_topic, ingest_account
from gateway.session import Session
from ingest.database import Pool, make_pool
from ingest.engines import Engine, engine_at
from ingest.pipeline import Limits
from ingest.receipts import Receipts
from ingest.worker import Worker
from ingest.writer import prepare
from ops.process import wait_for_schema
from ops.roles.gateway import broker_secret, tls_of
from ops.settings import Settings
from ops.sharing import filters, former_filters, workers

FINISH_S = 6.0  # seconds to commit what was taken; the rest comes again to the next worker of this name

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
    pool = make_pool(conninfo, name="ingest", size=4, configure=prepare)
    sessions: dict[Lane, Session] = {}
    worker = make_worker(settings, pool, sessions, engine=engine)
    async with pool:
        await worker.prepare()
        for lane in LANES:
            sessions[lane] = _session(settings, lane, worker)
        async with sessions["up"], sessions["urgent"], asyncio.TaskGroup() as tasks:
            work = tasks.create_task(worker.run(), name="ingest worker")
            log.info("ingest worker %s takes messages from %s", settings.ingest.worker, settings.broker.url)
            await stop.wait()
            for session in sessions.values():
                session.pause_reading()
            if not await worker.finish(at_most_s=FINISH_S):
                log.warning("not all that was taken is committed after %g s; the broker gives it out again", FINISH_S)
            work.cancel()


def make_worker(
    settings: Settings, pool: Pool, sessions: dict[Lane, Session], *, engine: Engine, passing: bool = False
) -> Worker:
    """A worker as the settings say.

    Args:
        settings: in force.
        pool: of the database.
        sessions: by lane; receipts go out by that of `up`, once it is there.
        engine: of that database.
        passing: it gives no signs of life, because it ends when its work is done.
    """
    return Worker(
        pool,
        engine,
        name=settings.ingest.worker,
        receipts=Receipts(lambda device, receipt: _send(sessions["up"], device, receipt)),
        limits=Limits(
            settings.ingest.batch_readings, settings.ingest.batch_bytes, age_s=settings.ingest.batch_age_ms / 1000
        ),
        retention_days=settings.storage.retention_days,
        passing=passing,
        hears=lambda lane: any(session.connected for its, session in sessions.items() if its == lane),
    )


def _session(settings: Settings, lane: Lane, worker: Worker) -> Session:
    secret = broker_secret(settings)
    return Session(
        settings.broker.url,
        credentials=credentials_of(ingest_account(settings.ingest.worker, lane), secret=secret),
        filters=filters(settings, lane, secret=secret),
        former_filters=former_filters(settings, lane),
        name=f"ingest {lane}",
        on_deliveries=worker.pipelines[lane].put_all,
        may_pause=settings.broker.kind != "nats",
        tls=tls_of(settings),
    )


def _send(session: Session, device: str, receipt: dict[str, object]) -> bool:
    if not session.connected:
        return False
    # QoS 0: a device that misses a receipt says its readings again and gets another.
    sent = session.send(down_topic(device), json.dumps(receipt, separators=(",", ":")).encode(), qos=0)
    sent.add_done_callback(lambda future: future.cancelled() or future.exception())
    return True
