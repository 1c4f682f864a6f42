"""What every role process shares: logging, the event loop, signals, its metrics port, waiting for the database."""

import asyncio
import logging
import signal
from importlib import import_module
from typing import Protocol, cast

import uvloop
from prometheus_client import start_http_server

from gateway.listening import pause
from ingest.database import connect
from ingest.errors import DatabaseUnavailable
from ingest.migrate import check_schema
from ops.errors import SettingsError
from ops.settings import Settings

RETRY_S = 1.0  # between looks for a database that is not there yet

log = logging.getLogger(__name__)


class RoleModule(Protocol):
    """A module of `ops.roles`."""

    async def run(self, settings: Settings, *, stop: asyncio.Event) -> None:
        """Serve until `stop` is set."""
        ...


def start_logging(level: str) -> None:
    """Sentences on stderr, with time and logger."""
    logging.basicConfig(
        level=level.upper(), format="%(asctime)s %(levelname)-7s %(name)s: %(message)s", datefmt="%Y-%m-%dT%H:%M:%S%z"
    )
    # The pool warns at each attempt of an outage; whoever needed the connection says it once, in words.
    logging.getLogger("psycopg.pool").setLevel(logging.ERROR)


def run_role(name: str, settings: Settings) -> None:
    """Run one role until SIGTERM or SIGINT."""
    start_logging(settings.log_level)
    _serve_metrics(name, settings)
    role = cast("RoleModule", import_module(f"ops.roles.{name}"))
    uvloop.run(_until_told(role, settings))
    log.info("%s stopped", name)


async def _until_told(role: RoleModule, settings: Settings) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await role.run(settings, stop=stop)


def _serve_metrics(name: str, settings: Settings) -> None:
    port = getattr(settings.metrics, f"{name}_port", 0)
    if not port:
        return
    try:
        start_http_server(port, addr="127.0.0.1")
    except OSError as error:
        raise SettingsError(f"metrics.{name}_port = {port} cannot be used: {error.strerror}; choose another") from None


async def wait_for_schema(conninfo: str, stop: asyncio.Event) -> bool:
    """Wait until the database answers and has our schema.

    Returns:
        False when we were told to stop first.

    Raises:
        SchemaOutdated: it answers, but `gengfu migrate` has to run first, or gengfu is too old.
    """
    said = False
    while not stop.is_set():
        try:
            async with await connect(conninfo, name="start") as connection:
                await check_schema(connection)
        except DatabaseUnavailable as error:
            if not said:
                log.warning("waiting for the database: %s", error)
            said = True
            await pause(stop, at_most_s=RETRY_S)
        else:
            return True
    return False
