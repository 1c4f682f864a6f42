"""Everything a run needs, each in a process of its own: PostgreSQL, a broker, the roles, with proxies in between."""

import asyncio
import secrets as tokens
import shutil
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg.types.json import Jsonb

from gateway import register
from ingest.database import Connection, connect
from ingest.errors import DatabaseUnavailable
from ingest.migrate import migrate
from ops.embedded import ChildSpec
from ops.embedded.data_dir import DataDir
from ops.embedded.ports import choose_ports
from ops.embedded.postgres import Postgres
from ops.serve import child_environment, with_values
from ops.settings import Settings, load
from tests.faults.brokers import MAKERS, Broker
from tests.faults.programs import Program
from tests.faults.proxy import FaultProxy
from tests.integration.bench import SQUARE

START_S = 120.0
BEATS = """SELECT count(*)::int AS lanes FROM ingest_progress
            WHERE worker = %s AND hears AND beat_at > %s AND beat_at > now() - interval '5 seconds'"""


@dataclass
class Stage:
    """What runs.

    Attributes:
        folder: data and logs of all.
        settings: of the roles, without any proxy.
        relayed: which links go through a proxy: `broker`, `database`, `devices`; it costs time.
        secrets: of the devices.
        to_broker: between ingest and the broker.
        to_database: between ingest and the database.
        of_devices: between the devices and the broker.
        keep: has one more program looked after until the end.
        workers: the ingest workers by name.
    """

    folder: Path
    settings: Settings
    relayed: Collection[str]
    postgres: Program
    broker: Broker
    gateway: Program
    to_broker: FaultProxy
    to_database: FaultProxy
    of_devices: FaultProxy
    keep: Callable[[Program], Program]
    workers: dict[str, Program] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)
    _asker: Connection | None = None
    _asking: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def ingest(self) -> Program:
        """The first worker."""
        return self.workers["1"]

    @property
    def database_url(self) -> str:
        """For the tests themselves: past every proxy."""
        return self.settings.database.url.get_secret_value()

    @property
    def device_url(self) -> str:
        """Where devices connect."""
        return f"mqtt://127.0.0.1:{self.of_devices.port}" if "devices" in self.relayed else self.settings.broker.url

    @property
    def device_port(self) -> int:
        """The port of that."""
        port = urlsplit(self.device_url).port
        assert port is not None
        return port

    @asynccontextmanager
    async def database(self) -> AsyncIterator[Connection]:
        """A connection past every proxy."""
        async with await connect(self.database_url, name="faults") as connection:
            yield connection

    async def number(self, query: str, *values: object) -> int:
        """One number from the database, over a connection that is kept and opened anew when it broke."""
        async with self._asking:
            if self._asker is not None:
                try:
                    return await _first(self._asker, query, values)
                except psycopg.OperationalError:
                    await self.hang_up()
            self._asker = await connect(self.database_url, name="faults")
            return await _first(self._asker, query, values)

    async def hang_up(self) -> None:
        """Close the connection that is kept."""
        if self._asker is not None:
            await self._asker.close()
            self._asker = None

    async def stored(self) -> int:
        """Readings that ingest has counted as stored."""
        return await self.number("SELECT sum(value) FROM ingest_counter WHERE name = 'stored'")

    async def counted(self, name: str) -> int:
        """Readings of one name in ingest's own ledger."""
        return await self.number("SELECT sum(value) FROM ingest_counter WHERE name = %s", name)

    def database_moved(self, port: int) -> None:
        """The database is at another port from now on, for the tests and for everybody behind its proxy."""
        self.settings = with_values(self.settings, {"database.url": at_port(self.database_url, port)})
        self.to_database.move_to(port)

    def settings_of(self, worker: str) -> Settings:
        """What an ingest worker is given."""
        own: dict[str, object] = {"ingest.worker": worker}
        if "broker" in self.relayed:
            own["broker.url"] = f"mqtt://127.0.0.1:{self.to_broker.port}"
        if "database" in self.relayed:
            own["database.url"] = at_port(self.database_url, self.to_database.port)
        return with_values(self.settings, own)

    async def wait_hearing(self, worker: str) -> None:
        """Until a worker has its sessions with the broker."""
        since = await self.number("SELECT extract(epoch FROM now())::int")

        async def hears() -> bool:
            return await self.number(BEATS.replace("> %s", "> to_timestamp(%s)"), worker, since) == 2

        await eventually(hears, within_s=START_S, what=self.workers[worker].said)


async def _first(connection: Connection, query: str, values: tuple[object, ...]) -> int:
    row = await (await connection.execute(query.encode(), values)).fetchone()
    return 0 if row is None else int(next(iter(row.values())) or 0)


async def eventually(
    condition: Callable[[], Awaitable[bool] | bool], *, within_s: float, what: Callable[[], str] = lambda: ""
) -> None:
    """Wait until a condition holds; what the database cannot answer yet does not hold yet."""
    try:
        async with asyncio.timeout(within_s):
            while True:
                try:
                    held = condition()
                    if held if isinstance(held, bool) else await held:
                        return
                except (psycopg.OperationalError, DatabaseUnavailable):
                    pass
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise AssertionError(f"not within {within_s:g} s: {what() or condition}") from None


def at_port(url: str, port: int) -> str:
    """The same database address at another port."""
    parts = urlsplit(url)
    who = parts.netloc.rpartition("@")[0]
    return urlunsplit(parts._replace(netloc=f"{who}@127.0.0.1:{port}"))


@asynccontextmanager
async def staged(
    *,
    kind: str,
    devices: Iterable[str],
    workers: int,
    relayed: Collection[str],
    roles: Iterable[str],
    options: dict[str, object],
    prepare: Callable[[Path], Callable[[], None]],
) -> AsyncIterator[Stage]:
    """Start everything; at the end nothing of it is left.

    Args:
        kind: `nats` or `mosquitto`.
        devices: who is registered.
        workers: how many ingest workers.
        relayed: which links go through a proxy.
        roles: more of them, beside the gateway and ingest.
        options: settings by dotted key that differ from the default.
        prepare: given the empty folder first; what it returns is called when all has ended.
    """
    folder = Path(tempfile.mkdtemp(prefix="gengfu-fault-"))
    await asyncio.to_thread(folder.chmod, 0o755)  # PostgreSQL runs as another user when we are root
    async with AsyncExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        stack.callback(prepare(folder))
        tasks = await stack.enter_async_context(_Keeping())
        database, mqtt = folder / "database", folder / "broker"
        data = stack.enter_context(DataDir(database))
        ports, _ = choose_ports(folder / "ports.json", names=("postgres", "mqtt", "nats"))
        server = Postgres(data, port=ports["postgres"], say=lambda _sentence: None)
        await server.prepare()
        postgres = tasks.keep(Program(server.spec(), log=folder / "postgres.log"))
        await postgres.start()
        await server.make_database()
        await migrate(server.conninfo)
        spec, broker_settings = await MAKERS[kind].prepare(mqtt, ports=ports)
        broker = Broker(kind, mqtt, tasks.keep(Program(spec, log=folder / f"{kind}.log")))
        await broker.program.start()
        settings = with_values(
            load(overrides=["storage.retention_days=90"]).settings,
            {
                "database.url": server.conninfo,
                "broker.secret": tokens.token_urlsafe(32),
                "data_dir": folder,
                "ingest.workers": workers,
                **broker_settings,
                **options,
            },
        )
        to_broker, to_database, of_devices = [
            await stack.enter_async_context(FaultProxy(port))
            for port in (ports["mqtt"], ports["postgres"], ports["mqtt"])
        ]
        moved: dict[str, object] = (
            {"database.url": at_port(server.conninfo, to_database.port)} if "database" in relayed else {}
        )
        gateway_settings = with_values(settings, moved)
        gateway = tasks.keep(Program(role_spec("gateway", gateway_settings), log=folder / "gateway.log"))
        stage = Stage(
            folder, settings, relayed, postgres, broker, gateway, to_broker, to_database, of_devices, tasks.keep
        )
        stack.push_async_callback(stage.hang_up)
        stage.secrets = await _register(stage, devices)
        await gateway.start()
        await eventually(lambda: _applied(stage), within_s=START_S, what=gateway.said)
        for name in map(str, range(1, workers + 1)):
            spec = role_spec("ingest", stage.settings_of(name))
            stage.workers[name] = tasks.keep(Program(spec, log=folder / f"ingest-{name}.log"))
            await stage.workers[name].start()
        for role in roles:
            await tasks.keep(Program(role_spec(role, settings), log=folder / f"{role}.log")).start()
        for name in stage.workers:
            await stage.wait_hearing(name)
        yield stage


def role_spec(role: str, settings: Settings) -> ChildSpec:
    """How a role is run: as `gengfu serve` runs it."""
    return ChildSpec(
        name=role,
        title=f"gengfu {role}",
        argv=[Path(sys.executable), "-m", "ops.cli", "run", role],
        env=child_environment(settings),
        stop_signal=signal.SIGTERM,
    )


async def _register(stage: Stage, devices: Iterable[str]) -> dict[str, str]:
    async with stage.database() as connection, connection.transaction():
        await connection.execute(
            "INSERT INTO grid (code, name, level, geometry) VALUES ('G1', 'one', 3, %s)", [Jsonb(SQUARE)]
        )
        await connection.execute(
            "INSERT INTO checkpoint (code, name, lat, lon, radius_m) VALUES ('C1', 'near', 30.005, 111.005, 30)"
        )
        return {name: (await register.add_device(connection, name=name, kind="handset")).secret for name in devices}


async def _applied(stage: Stage) -> bool:
    async with stage.database() as connection:
        now = await register.revision(connection)
    return now.live and now.applied >= now.revision


class _Keeping:
    """The tasks that keep the programs; all are ended in reverse, cleanly where they can."""

    def __init__(self) -> None:
        self._programs: list[Program] = []

    async def __aenter__(self) -> "_Keeping":
        self._group = asyncio.TaskGroup()
        await self._group.__aenter__()
        self._keepers: list[asyncio.Task[None]] = []
        return self

    def keep(self, program: Program) -> Program:
        self._programs.append(program)
        self._keepers.append(self._group.create_task(program.run(), name=f"keep {program.spec.name}"))
        return program

    async def __aexit__(self, *_: object) -> None:
        for program in reversed(self._programs):
            program.thaw()
            program.kill()  # whatever the run has left frozen or waiting: its data are thrown away
        for keeper in self._keepers:
            keeper.cancel()
        await self._group.__aexit__(None, None, None)
        for program in self._programs:
            if program.spec.tidy:
                await program.spec.tidy()
