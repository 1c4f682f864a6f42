"""The whole of gengfu in one process tree: services when they are embedded, then a process for each role."""

import asyncio
import logging
import os
import secrets
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from ingest.migrate import migrate
from ops.embedded import BrokerKind, ChildSpec, DataDir, EmbeddedServices, OnEvent, Supervisor
from ops.embedded.files import replace_private
from ops.embedded.ports import choose_ports
from ops.http.address import url_of
from ops.http.readiness import MAKE_ROOM
from ops.settings import Loaded, Settings, as_environment
from ops.sharing import workers

ROLES = ("gateway", "ingest", "rules", "ops")
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
STOP_GRACE_S = {"ingest": 8.0}  # seconds; it commits what it has taken, within 6
PROBE_S = 0.2  # between looks whether everything is ready
KEEP = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "VIRTUAL_ENV", "PYTHONPATH", "PYTHONDONTWRITEBYTECODE")

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Serving:
    """What runs, while it runs.

    Attributes:
        settings: with the addresses that were chosen.
        console: HTTP address of the API and the console.
        folder: the data folder.
    """

    settings: Settings
    console: str
    folder: Path


@asynccontextmanager
async def serving(
    loaded: Loaded,
    *,
    folder: Path,
    embedded: BrokerKind | None,
    on_event: OnEvent | None = None,
    prepare: Callable[[Settings], Awaitable[None]] | None = None,
    also: Callable[[Settings], Sequence[ChildSpec]] | None = None,
) -> AsyncIterator[Serving]:
    """Start everything and stop it at the end, in reverse.

    Args:
        loaded: settings and where they come from.
        folder: data folder; logs of the roles lie below it.
        embedded: start PostgreSQL out of its wheel, too, and this broker.
        on_event: told of every start, death and stop; must not block.
        prepare: awaited when the database has its tables and no role runs yet.
        also: more children, which are started after the roles and stopped before them.

    Raises:
        EmbeddedError: a service does not start, or the folder cannot be used.
    """
    async with AsyncExitStack() as stack:
        if embedded:
            services = await stack.enter_async_context(
                EmbeddedServices(
                    folder,
                    broker=embedded,
                    on_event=on_event,
                    max_ack_pending=loaded.settings.broker.max_ack_pending,
                )
            )
            supervisor = services.supervisor
            settings = _embedded_settings(loaded, services)
        else:
            data_dir = stack.enter_context(DataDir(folder))
            supervisor = await stack.enter_async_context(
                Supervisor(log_dir=data_dir.log, run_dir=data_dir.run, on_event=on_event)
            )
            settings = loaded.settings
        workers(settings)  # says what cannot be before anything is changed
        await migrate(settings.database.url.get_secret_value(), engine=settings.storage.engine, say=log.info)
        if prepare:
            await prepare(settings)
        console = url_of(settings.http.host, settings.http.port)
        await supervisor.add(*_roles(settings, console))
        if also:
            await supervisor.add(*also(settings))
        yield Serving(settings, console, folder)


def addresses(served: Serving) -> dict[str, str]:
    """Where people, devices and programs reach what runs."""
    return {
        "console": served.console,
        "broker": served.settings.broker.url,
        "database": served.settings.database.url.get_secret_value(),
    }


async def wait_until_ready(console: str) -> None:
    """Wait until the API says that all is ready; a disk that is nearly full hinders nobody from starting."""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as client:
        while not await _stands(client, f"{console}/health/ready"):  # noqa: ASYNC110  another process becomes ready
            await asyncio.sleep(PROBE_S)


@contextmanager
def cancelled_by_signals() -> Iterator[None]:
    """Within it, a signal to stop cancels the task that entered it."""
    task = asyncio.current_task()
    with _handling(lambda: task and task.cancel()):
        yield


@contextmanager
def set_by_signals(stop: asyncio.Event) -> Iterator[None]:
    """Within it, a signal to stop sets the event; a second one changes nothing, since stopping has a time limit."""
    with _handling(stop.set):
        yield


@contextmanager
def _handling(handler: Callable[[], object]) -> Iterator[None]:
    loop = asyncio.get_running_loop()
    for number in STOP_SIGNALS:
        loop.add_signal_handler(number, handler)
    yield


def _roles(settings: Settings, console: str) -> list[ChildSpec]:
    async def serves() -> bool:
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=2)) as client:
            return await _answers(client, f"{console}/health/live")

    specs = []
    for role in ROLES:
        several = _workers(settings) if role == "ingest" else {role: settings}
        for name, its in several.items():
            specs.append(
                ChildSpec(
                    name=name,
                    title=f"gengfu {name.replace('-', ' ')}",
                    argv=[Path(sys.executable), "-m", "ops.cli", "run", role],
                    env=child_environment(its),
                    stop_signal=signal.SIGTERM,
                    stop_grace_s=STOP_GRACE_S.get(role, 4.0),
                    ready=serves if role == "ops" else None,
                    advice=f"look at the end of its log, {name}.log",
                )
            )
    return specs


def _workers(settings: Settings) -> dict[str, Settings]:
    """The settings of each ingest worker, by the name of its process; one alone keeps its own name."""
    if settings.ingest.workers == 1:
        return {"ingest": settings}
    port = settings.metrics.ingest_port
    return {
        f"ingest-{name}": with_values(
            settings, {"ingest.worker": name, "metrics.ingest_port": port + place if port else 0}
        )
        for place, name in enumerate(workers(settings))
    }


def child_environment(settings: Settings) -> dict[str, str]:
    """What a process of ours is given: only what was read and checked here, so that both sides agree."""
    return {name: value for name in KEEP if (value := os.environ.get(name))} | as_environment(settings)


async def _answers(client: aiohttp.ClientSession, url: str) -> bool:
    try:
        async with client.get(url) as response:
            return response.status == 200
    except (aiohttp.ClientError, TimeoutError):
        return False


async def _stands(client: aiohttp.ClientSession, url: str) -> bool:
    try:
        async with client.get(url) as response:
            found = await response.json()
            return response.status in (200, 503) and all(MAKE_ROOM in reason for reason in found["reasons"])
    except (aiohttp.ClientError, TimeoutError, ValueError, KeyError):
        return False


def _embedded_settings(loaded: Loaded, services: EmbeddedServices) -> Settings:
    folder = services.data_dir
    chosen = {
        "database.url": services.database_url,
        "broker.url": services.broker_url,
        "broker.secret": _broker_secret(folder),
        **services.broker_settings,
        "data_dir": folder.path,
    }
    if loaded.origins["http.port"] == "default" or loaded.settings.http.port == 0:
        ports, _ = choose_ports(folder.path / "console-port.json", names=("http",))
        chosen["http.port"] = ports["http"]
    return with_values(loaded.settings, chosen)


def _broker_secret(folder: DataDir) -> str:
    file = folder.broker_secret
    if not file.exists():
        replace_private(file, secrets.token_urlsafe(32))
    return file.read_text(encoding="ascii").strip()


def with_values(settings: Settings, values: dict[str, object]) -> Settings:
    """The same settings with some dotted keys set otherwise."""
    tree = settings.model_dump()
    for key, value in values.items():
        section, _, name = key.rpartition(".")
        (tree[section] if section else tree)[name] = value
    return Settings(**tree)
