"""The aiohttp application, put together from what the resources declare."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from aiohttp import web

from ingest.database import Pool
from ops.http.call import Service
from ops.http.console import load_console
from ops.http.database import Database
from ops.http.dispatch import MAX_BODY_BYTES, ROUTE, Dispatcher, answer
from ops.http.guards import add_headers
from ops.http.handlers import Handlers
from ops.http.metrics import Metrics
from ops.http.openapi import describe
from ops.http.resources.home import read_asset
from ops.http.routes import Route, discover
from ops.http.sign_in import SignIn
from ops.settings import Settings


def utc_now() -> datetime:
    """Now, aware."""
    return datetime.now(UTC)


def make_app(
    settings: Settings,
    *,
    pool: Pool,
    handlers: Handlers,
    metrics: Metrics,
    now: Callable[[], datetime] = utc_now,
    routes: Sequence[Route] | None = None,
) -> web.Application:
    """The application, ready to be served.

    Args:
        settings: in force.
        pool: open, and of this side's own.
        handlers: owns the tasks of requests; it must outlive the application.
        metrics: of this process.
        now: the clock.
        routes: instead of those that are discovered.

    Raises:
        DeclarationError: a route is declared wrongly.
    """
    declared = discover() if routes is None else routes
    database = Database(pool)
    service = Service(
        settings=settings,
        database=database,
        sign_in=SignIn(database),
        metrics=metrics,
        console=load_console(),
        now=now,
        openapi=json.dumps(describe(declared), ensure_ascii=False).encode(),
    )
    dispatcher = Dispatcher(service, handlers=handlers)
    app = web.Application(client_max_size=MAX_BODY_BYTES, middlewares=[_edge(service)])

    async def prepare(request: web.Request, response: web.StreamResponse) -> None:
        add_headers(request, response, settings)

    app.on_response_prepare.append(prepare)
    for route in declared:
        path = route.path.replace("{tail}", "{tail:.+}")
        if route.method == "GET":
            app.router.add_get(path, dispatcher.handler(route))
        else:
            app.router.add_route(route.method, path, dispatcher.handler(route))
        if route.handler is read_asset:
            for beside in service.console.beside_assets():
                app.router.add_get(beside, dispatcher.handler(replace(route, params=None)))
    return app


def _edge(service: Service) -> Callable[..., Awaitable[web.StreamResponse]]:
    @web.middleware
    async def edge(
        request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        clock = asyncio.get_running_loop().time
        started = clock()
        response = await answer(request, lambda: handler(request))
        route = request.get(ROUTE)
        service.metrics.observe(
            method=request.method,
            route=route.path if route else None,
            status=response.status,
            seconds=clock() - started,
        )
        return response

    return edge
