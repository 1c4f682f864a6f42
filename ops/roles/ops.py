"""The role `ops`: people reach the service over HTTP."""

import asyncio
import errno
import logging
import socket
from collections.abc import Callable

from aiohttp import web

from ops.http import ListenError, Problem, make_app
from ops.http.address import url_of
from ops.http.app import utc_now
from ops.http.database import Database, people_pool
from ops.http.handlers import Handlers
from ops.http.metrics import Metrics
from ops.http.sessions import drop_stale
from ops.live.hub import HUB, Hub
from ops.live.metrics import LiveMetrics
from ops.live.source import Source
from ops.settings import Settings

STOP_WITHIN_S = 3.0  # for requests under way
TIDY_EVERY_S = 600.0  # ended sessions harm nobody, they only lie about

log = logging.getLogger(__name__)


async def run(settings: Settings, *, stop: asyncio.Event, announce: Callable[[str], None] | None = None) -> None:
    """Serve until `stop` is set; an outage of the database is answered with 503 and waited out.

    Args:
        settings: in force; http.port 0 takes a free one.
        stop: ends the service.
        announce: receives the address once it is served.

    Raises:
        DeclarationError: a route is declared wrongly.
        ListenError: the address is taken or not ours.
    """
    listener = _listen(settings.http.host, settings.http.port)
    pool = people_pool(settings)
    metrics = Metrics()
    live = Hub(LiveMetrics(metrics.registry), zone=settings.site.zone, now=utc_now)
    source = Source(settings.database.url.get_secret_value(), hub=live, zone=settings.site.zone, now=utc_now)
    async with pool, Handlers() as handlers, asyncio.TaskGroup() as tasks:
        app = make_app(settings, pool=pool, handlers=handlers, metrics=metrics)
        app[HUB] = live
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=STOP_WITHIN_S)
        await runner.setup()
        try:
            await web.SockSite(runner, listener).start()
            address = url_of(*listener.getsockname()[:2])
            log.info("people reach gengfu at %s", address, extra={"event": "http_listening", "address": address})
            if announce:
                announce(address)
            beside = [
                tasks.create_task(_tidy(Database(pool)), name="drop stale sessions"),
                handlers.start(source.run(), name="look for news"),  # which ends it even when the database hangs
                tasks.create_task(live.beat(), name="heartbeat of the live stream"),
            ]
            await stop.wait()
            for task in beside:
                task.cancel()
        finally:
            live.close()
            await runner.cleanup()


async def _tidy(database: Database) -> None:
    while True:
        try:
            async with database.transaction() as connection:
                await drop_stale(connection, now=utc_now())
        except Problem:
            log.debug("ended sessions stay until the database is back")
        await asyncio.sleep(TIDY_EVERY_S)


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=128)
    except socket.gaierror as error:
        raise ListenError(
            f"http.host {host!r} is no address of this machine ({error.strerror}); set GENGFU_HTTP_HOST"
        ) from error
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise ListenError(
                f"port {port} of {host} is in use by another program; set http.port (GENGFU_HTTP_PORT) to another, "
                "or to 0 for a free one"
            ) from error
        raise ListenError(
            f"cannot listen on {host} port {port}: {error.strerror}; "
            "set http.host (GENGFU_HTTP_HOST) and http.port (GENGFU_HTTP_PORT) to an address of this machine"
        ) from error
