"""From a request to its answer: guard, recognise, permit, parse, handle, say."""

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable
from datetime import datetime
from http import HTTPStatus
from typing import get_args, get_origin
from zoneinfo import ZoneInfo

from aiohttp import web
from multidict import MultiMapping
from pydantic import BaseModel, ValidationError

from ops.http.call import Call, Service, sign_in_first
from ops.http.errors import Problem, not_found
from ops.http.guards import SAFE_METHODS, check_origin, is_local
from ops.http.handlers import Handlers
from ops.http.permissions import GRID, PERMISSIONS, PUBLIC
from ops.http.problems import from_http_exception, from_validation, problem_response
from ops.http.routes import Answer, Route
from ops.http.sessions import find_viewer, token_of
from ops.http.viewer import Viewer
from ops.moments import at_site

ROUTE = web.RequestKey("route", Route)
MAX_BODY_BYTES = 256 * 1024

_FORM_TYPES = frozenset({"application/x-www-form-urlencoded", "multipart/form-data", "text/plain"})

log = logging.getLogger(__name__)


class Dispatcher:
    """Turns declared routes into aiohttp handlers.

    Args:
        service: what handlers share.
        handlers: owns their tasks, so that one that hangs on the database is answered for and left to end.
    """

    def __init__(self, service: Service, *, handlers: Handlers) -> None:
        self._service = service
        self._handlers = handlers

    def handler(self, route: Route) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        """The aiohttp handler of a route."""

        async def handle(request: web.Request) -> web.StreamResponse:
            request[ROUTE] = route
            if route.limit_s is None:
                return await answer(request, lambda: self._answer(route, request))
            task = self._handlers.start(
                answer(request, lambda: self._answer(route, request)), name=f"{route.method} {route.path}"
            )
            await asyncio.wait({task}, timeout=route.limit_s)
            if task.done():
                return task.result()
            task.cancel()  # it ends when the driver lets go of a server that hangs; nobody waits for that
            return problem_response(
                Problem(
                    HTTPStatus.SERVICE_UNAVAILABLE,
                    f"no answer within {route.limit_s:g} s; try again in a moment",
                    slug="too-slow",
                )
            )

        return handle

    async def _answer(self, route: Route, request: web.Request) -> web.StreamResponse:
        check_origin(request, self._service.settings)
        now = self._service.now()
        viewer = await self._recognise(route, request, now)
        _permit(route, request, viewer)
        call = Call(
            service=self._service,
            request=request,
            permission=route.permission if isinstance(route.permission, str) else None,
            viewer_or_none=viewer,
            query=_query(route, request.query),
            body=await _body(route, request),
            params=_params(route, request),
            now=now,
        )
        try:
            result = await route.handler(call)
        except Problem as problem:  # the rules do not know who reads them
            problem.detail = at_site(problem.detail, zone=ZoneInfo(self._service.settings.site.zone))
            raise
        if route.scope is GRID and not call.bounded:
            raise TypeError(f"route {route.name} declares GRID and answered without taking the viewer's bounds")
        return _response(route, result)

    async def _recognise(self, route: Route, request: web.Request, now: datetime) -> Viewer | None:
        token = token_of(request, self._service.settings)
        if route.permission is PUBLIC or not token or (route.local and is_local(request)):
            return None
        async with self._service.database.transaction() as connection:
            return await find_viewer(connection, token, now=now)


def _permit(route: Route, request: web.Request, viewer: Viewer | None) -> None:
    if route.permission is PUBLIC or (route.local and is_local(request)):
        return
    if viewer is None:
        raise sign_in_first()
    if isinstance(route.permission, str) and not viewer.may(route.permission):
        raise Problem(
            HTTPStatus.FORBIDDEN,
            f"the role {viewer.role} may not do this; it takes the permission to {PERMISSIONS[route.permission]}",
        )


def _query(route: Route, given: MultiMapping[str]) -> BaseModel | None:
    if route.query is None:
        return None
    lists = list_fields(route.query)
    values: dict[str, str | list[str]] = {}
    for name in given:
        every = given.getall(name)
        values[name] = every if name in lists or len(every) > 1 else every[0]
    try:
        return route.query.model_validate(values)
    except ValidationError as error:
        raise from_validation(error, "query", route.query) from None


def list_fields(model: type[BaseModel]) -> frozenset[str]:
    """The fields that take a parameter given more than once."""
    return frozenset(
        name
        for name, field in model.model_fields.items()
        if any(get_origin(one) is list for one in (field.annotation, *get_args(field.annotation)))
    )


async def _body(route: Route, request: web.Request) -> BaseModel | None:
    if request.method in SAFE_METHODS:
        return None
    raw = await request.read()
    # without a body, only what another site's form could send by itself is refused
    if request.content_type != "application/json" and (raw or request.content_type in _FORM_TYPES):
        raise Problem(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "send the body as JSON with the header Content-Type: application/json"
        )
    if route.body is None:
        return None
    try:
        return route.body.model_validate_json(raw)
    except ValidationError as error:
        raise from_validation(error, "body", route.body) from None


def _params(route: Route, request: web.Request) -> BaseModel | None:
    if route.params is None:
        return None
    try:
        return route.params.model_validate(dict(request.match_info))
    except ValidationError:
        raise not_found(f"such thing as {', '.join(request.match_info.values())[:100]}") from None


def _response(route: Route, result: Answer) -> web.StreamResponse:
    if isinstance(result, web.StreamResponse):
        return result
    if result is None:
        return web.Response(status=HTTPStatus.NO_CONTENT)
    return web.Response(
        body=result.model_dump_json(by_alias=True).encode(), status=route.status, content_type=route.content_type
    )


async def answer(request: web.Request, make: Callable[[], Awaitable[web.StreamResponse]]) -> web.StreamResponse:
    """Run `make`; whatever it raises becomes a problem, and what nobody foresaw gets a log id."""
    try:
        return await make()
    except Problem as problem:
        return problem_response(problem)
    except web.HTTPException as error:
        return problem_response(from_http_exception(error))
    except Exception:
        log_id = secrets.token_hex(6)
        log.exception(
            "request failed: %s %s (log id %s)",
            request.method,
            request.path,
            log_id,
            extra={"event": "request_failed", "log_id": log_id},
        )
        return problem_response(
            Problem(
                HTTPStatus.INTERNAL_SERVER_ERROR,
                f"gengfu failed to answer; its log says more under {log_id}",
                slug="internal",
            )
        )
