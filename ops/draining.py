"""Taking an ingest worker out for good: its queue is worked off, and its sessions at the broker end."""

import asyncio
import logging
import secrets
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from gateway.accounts import LANES, Lane, credentials_of, ingest_account, lane_probes
from gateway.errors import BrokerError
from gateway.filter_memory import FilterMemory
from gateway.session import Session
from ingest.database import Connection, connect, make_pool
from ingest.delivery import Delivery
from ingest.engines import choose_engine
from ingest.progress import goodbye, silent_for
from ingest.queries import load_queries
from ingest.worker import Worker
from ops.errors import OpsError, SettingsError
from ops.roles.gateway import broker_secret, tls_of, version_of
from ops.roles.ingest import Reading, make_worker, memory_of
from ops.settings import Settings
from ops.sharing import filters

CONNECT_S = 20.0
MARK_S = 5.0  # seconds until the mark is sent again: a broker throws away what comes while a queue is full
GONE_S = 5.0  # seconds without a sign of life after which a worker counts as stopped; it gives one each second

_SQL = load_queries("ops", "draining.sql")

log = logging.getLogger(__name__)


async def drain(settings: Settings, *, say: Callable[[str], None]) -> None:
    """Work off what the broker keeps for the worker `ingest.worker`, and end its sessions.

    A member of a shared subscription gets its share also while it is away. So its subscription is taken back first,
    then everything that came before a message of our own is committed, and only then the sessions end.

    Args:
        settings: in force, with the name of the worker.
        say: told of each step.

    Raises:
        SettingsError: the broker does not share messages among workers.
        OpsError: the worker still runs, or no other does.
        BrokerError: its account is not let in, or the broker is not there.
        DatabaseUnavailable: the database is not there.
    """
    name = settings.ingest.worker
    if settings.broker.kind == "nats":
        raise SettingsError("with nats-server there is one ingest worker, and nothing to drain; start it again instead")
    conninfo = settings.database.url.get_secret_value()
    async with await connect(conninfo, name="drain") as connection:
        await _check(connection, name)
        async with make_pool(conninfo, name="drain", size=3) as pool:
            sessions: dict[Lane, Session] = {}
            engine = await choose_engine(connection, wish=settings.storage.engine)
            worker = make_worker(settings, pool, sessions, engine=engine, passing=True)
            await worker.prepare()
            lanes = [_Lane(settings, lane, worker) for lane in LANES]
            sessions |= {lane.name: lane.session for lane in lanes}
            await _work_off(worker, lanes)
        for lane in lanes:
            await lane.end()
            say(f"worker {name}, lane {lane.name}: {lane.taken} messages taken in, its session at the broker has ended")
        async with connection.transaction():
            await goodbye(connection, name)


async def _check(connection: Connection, name: str) -> None:
    silent_s = await silent_for(connection, name)
    if silent_s is not None and silent_s < GONE_S:
        raise OpsError(
            f"ingest worker {name} runs, or ran {silent_s:.0f} s ago; stop it first, or set ingest.workers to "
            "fewer and start `gengfu serve` again, and then drain it"
        )
    if not await (await connection.execute(_SQL["others"], {"worker": name, "gone_s": GONE_S})).fetchall():
        raise OpsError(
            "no other ingest worker hears the broker, and without a subscriber it drops what devices send; start "
            f"another before worker {name} is drained"
        )


async def _work_off(worker: Worker, lanes: "list[_Lane]") -> None:
    trouble: BrokerError | None = None
    async with lanes[0].session, lanes[1].session, asyncio.TaskGroup() as tasks:
        # Before the sessions are ready: with a long queue they are only once something of it is committed.
        work = [
            tasks.create_task(pipeline.run(), name=f"pipeline {name}") for name, pipeline in worker.pipelines.items()
        ]
        try:
            for lane in lanes:
                await lane.session.wait_up(timeout_s=CONNECT_S)
            for lane in lanes:
                await lane.worked_off()
            await worker.finish()
        except BrokerError as error:  # out of the group it would come wrapped
            trouble = error
        for task in work:
            task.cancel()
    if trouble is not None:
        raise trouble


def _knowing(settings: Settings, lane: Lane) -> FilterMemory:
    """The memory of a session, so that what the worker subscribes to is taken back."""
    memory = memory_of(settings, lane)
    held = {*memory.read(), *filters(settings, lane, secret=broker_secret(settings))}
    memory.write(held)
    if not held.issubset(memory.read()):
        raise OpsError(f"cannot write to {settings.data_dir}; set data_dir to a folder that is yours, and drain again")
    return memory


class _Lane:
    """One session that has left its group, and the message that marks the end of its queue."""

    def __init__(self, settings: Settings, lane: Lane, worker: Worker) -> None:
        self.name = lane
        self.taken = 0
        self.reached = asyncio.Event()
        self._settings = settings
        self._pipeline = worker.pipelines[lane]
        (self._topic,) = lane_probes(settings.ingest.worker, lane, kind=settings.broker.kind)
        self._memory = _knowing(settings, lane)
        self._mark = secrets.token_hex(16).encode()
        self.session = self._session(
            filters=[self._topic],
            memory=self._memory,
            on_deliveries=self._take,
            on_ready=self._send_mark,
            may_pause=True,
        )
        self._pipeline.flow = Reading(self.session)

    async def worked_off(self) -> None:
        """Wait until a mark comes, and with it the end of the queue."""
        while not self.reached.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(MARK_S):
                    await self.reached.wait()
                    return
            self._send_mark()

    async def end(self) -> None:
        """Let the broker forget the session."""
        async with self._session(clean_session=True) as session:
            await session.wait_up(timeout_s=CONNECT_S)
        self._memory.write([])

    def _session(self, **options: Any) -> Session:
        settings = self._settings
        return Session(
            settings.broker.url,
            credentials=credentials_of(
                ingest_account(settings.ingest.worker, self.name), secret=broker_secret(settings)
            ),
            name=f"drain {self.name}",
            tls=tls_of(settings),
            version=version_of(settings),
            **options,
        )

    def _send_mark(self) -> None:
        sent = self.session.send(self._topic, self._mark)
        sent.add_done_callback(lambda future: future.cancelled() or future.exception())

    def _take(self, deliveries: Sequence[Delivery]) -> None:
        data = [delivery for delivery in deliveries if delivery.topic != self._topic]
        self.taken += len(data)
        self._pipeline.put_all(data)
        for delivery in deliveries:
            if delivery.topic == self._topic:
                delivery.settle()
                if delivery.payload == self._mark:
                    self.reached.set()
