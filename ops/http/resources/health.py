"""Whether this process lives, and whether the whole road stands."""

from http import HTTPStatus
from typing import Literal

from aiohttp import web

from ops.http.call import Call
from ops.http.fields import View
from ops.http.permissions import NO_SCOPE, PUBLIC
from ops.http.readiness import reasons_not_ready
from ops.http.routes import route


class Liveness(View):
    """This process answers."""

    status: Literal["live"] = "live"


class Readiness(View):
    """Whether messages become alerts now; `reasons` says why not."""

    status: Literal["ready", "not ready"]
    reasons: list[str]


@route(
    "GET",
    "/health/live",
    permission=PUBLIC,
    scope=NO_SCOPE,
    returns=Liveness,
    summary="Whether this process answers; asks nothing else",
)
async def live(call: Call) -> Liveness:
    """For a supervisor that restarts what hangs."""
    return Liveness()


@route(
    "GET",
    "/health/ready",
    permission=PUBLIC,
    scope=NO_SCOPE,
    returns=Readiness,
    problems=[HTTPStatus.SERVICE_UNAVAILABLE],
    summary="Whether the database, ingest and the rules stand; 503 with the reasons when not",
)
async def ready(call: Call) -> web.Response:
    """The same JSON with 200 and with 503, so that one reader understands both."""
    reasons = await reasons_not_ready(call.service.database)
    found = Readiness(status="not ready" if reasons else "ready", reasons=reasons)
    return web.Response(
        body=found.model_dump_json().encode(),
        status=HTTPStatus.SERVICE_UNAVAILABLE if reasons else HTTPStatus.OK,
        content_type="application/json",
    )
