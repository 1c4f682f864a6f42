"""What a measurement runs on: a temporary folder, a database, and for each case a new broker and new ingest."""

import asyncio
import re
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import asdict, dataclass, field
from itertools import count
from pathlib import Path

import aiohttp

from gateway import credentials_of, ingest_account
from ops.bench.brokers import Broker, new_secret, prepare
from ops.bench.case import Case
from ops.bench.cpu import Clock, clock_of, peak_memory_mb
from ops.bench.database import Database
from ops.bench.errors import BenchError
from ops.bench.given import GivenBroker, Kind
from ops.bench.peer import Peer
from ops.embedded import ChildSpec, DataDir, Supervisor
from ops.embedded.ports import choose_ports
from ops.serve import child_environment, with_values
from ops.settings import Settings
from ops.sharing import filters

READY_S = 60.0
ACCOUNT_FILES = (  # whoever starts the broker here has written its accounts
    "broker.nats_accounts_file",
    "broker.nats_pid_file",
    "broker.mosquitto_password_file",
    "broker.mosquitto_acl_file",
    "broker.mosquitto_pid_file",
)
LOOK_S = 0.05
PROBES = re.compile(r'^gengfu_ingest_probes_total\{fate="returned",lane="up"\} (\S+)$', re.MULTILINE)
SETTLED = re.compile(r'^gengfu_mqtt_settled_total\{session="ingest up"\} (\S+)$', re.MULTILINE)


@contextmanager
def temporary(parent: Path | None, *, keep: bool = False) -> Iterator[DataDir]:
    """A new data folder, removed at the end unless it is to be kept.

    Raises:
        BenchError: it cannot be made there.
    """
    try:
        path = Path(tempfile.mkdtemp(prefix="gengfu-bench-", dir=parent))
    except OSError as error:
        raise BenchError(
            f"cannot make a folder in {parent or tempfile.gettempdir()}: {error.strerror}; give another with --dir"
        ) from error
    try:
        with DataDir(path) as folder:
            yield folder
    finally:
        if not keep:
            shutil.rmtree(path, ignore_errors=True)


@dataclass
class Running:
    """One broker that runs, and what can be started beside it."""

    broker: Broker
    supervisor: Supervisor
    case: Case
    database: Database
    settings: Settings
    folder: DataDir
    secret: str
    cpu: Clock | None = None

    @property
    def broker_cpu(self) -> Clock | None:
        """CPU seconds of the broker, when they can be seen from here."""
        if self.broker.spec is None:
            return self.cpu
        pid = self.supervisor.children[self.broker.spec.name].pid
        return clock_of(pids=(pid,) if pid else ())

    def load(self) -> Peer:
        """The process of the load, not started."""
        settings = {
            "url": self.broker.url,
            "accounts": [asdict(account) for account in self.broker.load],
            "devices": self.case.devices,
            "box": asdict(self.database.box),
            "seq": self.case.seq,
        }
        return Peer("ops.bench.load", log=self.folder.log / "load.log", settings=settings)

    def drain(self, worker: str) -> Peer:
        """A process that takes the place of an ingest worker, not started."""
        settings = {
            "url": self.broker.url,
            "account": asdict(credentials_of(ingest_account(worker, "up"), secret=self.secret)),
            "filters": filters(self._settings_of(worker), "up", secret=self.secret),
        }
        return Peer("ops.bench.drain", log=self.folder.log / f"drain-{worker}.log", settings=settings)

    @asynccontextmanager
    async def ingest(self) -> "AsyncIterator[Ingest]":
        """The ingest processes of the case, hearing the broker."""
        workers = workers_of(self.case)
        ports, _ = choose_ports(self.folder.path / "metrics-ports.json", names=tuple(f"ingest-{w}" for w in workers))
        before = await self.database.now()
        async with Supervisor(log_dir=self.folder.log, run_dir=self.folder.run) as supervisor:
            await supervisor.add(*(self._role(worker, metrics_port=ports[f"ingest-{worker}"]) for worker in workers))
            ingest = Ingest(supervisor, workers, ports)
            await self._hearing(ingest, since=before.timestamp())
            yield ingest

    def _settings_of(self, worker: str, *, metrics_port: int = 0) -> Settings:
        return with_values(
            self.settings,
            {
                "database.url": self.database.url,
                "broker.url": self.broker.url,
                "broker.kind": self.broker.kind,
                "broker.secret": self.secret,
                **dict.fromkeys(ACCOUNT_FILES),
                "ingest.worker": worker,
                "ingest.workers": self.case.workers,
                "metrics.ingest_port": metrics_port,
                "log_level": "warning",
            },
        )

    def _role(self, worker: str, *, metrics_port: int) -> ChildSpec:
        settings = self._settings_of(worker, metrics_port=metrics_port)
        return ChildSpec(
            name=f"ingest-{worker}",
            title=f"ingest worker {worker}",
            argv=[Path(sys.executable), "-m", "ops.cli", "run", "ingest"],
            env=child_environment(settings),
            advice="look at the end of its log",
        )

    async def _hearing(self, ingest: "Ingest", *, since: float) -> None:
        try:
            async with asyncio.timeout(READY_S):
                while (await self.database.one("hearing"))["lanes"] < 2 * self.case.workers:  # noqa: ASYNC110  another process's rows
                    await asyncio.sleep(LOOK_S)
        except TimeoutError:
            raise BenchError(
                f"ingest does not hear the broker after {READY_S:g} s; its log: " + " / ".join(self._said(ingest)[-5:])
            ) from None

    def _said(self, ingest: "Ingest") -> list[str]:
        logs = [self.folder.log / f"ingest-{worker}.log" for worker in ingest.workers]
        return [line for log in logs if log.exists() for line in log.read_text(errors="replace").splitlines()]


@dataclass
class Ingest:
    """The ingest processes."""

    supervisor: Supervisor
    workers: Sequence[str]
    ports: dict[str, int]

    @property
    def pids(self) -> tuple[int, ...]:
        """Process numbers."""
        return tuple(state.pid for state in self.supervisor.children.values() if state.pid)

    def check(self) -> None:
        """See that none has died.

        Raises:
            BenchError: one has, so the figures mean nothing.
        """
        if any(state.restarts for state in self.supervisor.children.values()):
            raise BenchError("an ingest worker died under the load; look at its log (--keep keeps it)")

    def peak_memory_mb(self) -> float:
        """Of the worker that needed most."""
        return max((peak_memory_mb(pid) for pid in self.pids), default=0.0)

    async def acknowledged(self) -> int:
        """Messages of the lane `up` that the workers have acknowledged, by their own metrics, probes aside.

        A probe is counted when it is taken, and acknowledged a little later: the sum may lag, it is never too high.
        """
        total = 0
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as client:
            for worker in self.workers:
                async with client.get(f"http://127.0.0.1:{self.ports[f'ingest-{worker}']}/metrics") as response:
                    text = await response.text()
                    total += sum(int(float(value)) for value in SETTLED.findall(text))
                    total -= sum(int(float(value)) for value in PROBES.findall(text))
        return total


def workers_of(case: Case) -> list[str]:
    """Names of the case's ingest workers."""
    return [str(number) for number in range(1, case.workers + 1)]


@dataclass
class Stage:
    """Where cases are played."""

    folder: DataDir
    database: Database
    kind: Kind
    settings: Settings
    given: GivenBroker | None = None
    broker_config: Mapping[str, object] = field(default_factory=dict)
    _numbers: "count[int]" = field(default_factory=lambda: count(1))

    @asynccontextmanager
    async def broker(self, case: Case) -> AsyncIterator[Running]:
        """A new, empty broker; or the given one, emptied of what waits for ingest before and after."""
        if self.given is not None:
            async with self._given(self.given, case) as running:
                yield running
            return
        secret = new_secret()
        place = f"broker-{next(self._numbers)}"
        broker = await prepare(
            self.kind,
            self.folder,
            place=place,
            settings=self.settings,
            secret=secret,
            workers=workers_of(case),
            loads=case.connections + 1,  # the last for what is urgent
        )
        self.broker_config = broker.config
        async with AsyncExitStack() as stack:
            run = self.folder.run / place
            supervisor = await stack.enter_async_context(Supervisor(log_dir=self.folder.log, run_dir=run))
            await supervisor.add(*([broker.spec] if broker.spec else []))
            yield Running(broker, supervisor, case, self.database, self.settings, self.folder, secret)

    @asynccontextmanager
    async def _given(self, given: GivenBroker, case: Case) -> AsyncIterator[Running]:
        workers = workers_of(case)
        broker = Broker(self.kind, given.url, None, given.load, {})
        await given.clear(workers)
        try:
            async with Supervisor(log_dir=self.folder.log, run_dir=self.folder.run) as supervisor:
                yield Running(
                    broker, supervisor, case, self.database, self.settings, self.folder, given.secret, given.cpu
                )
        finally:
            await given.clear(workers)
