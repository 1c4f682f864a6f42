"""The API's description of itself."""

from aiohttp import web

from ops.http.call import Call
from ops.http.permissions import NO_SCOPE, PUBLIC
from ops.http.routes import route


@route(
    "GET",
    "/api/openapi.json",
    permission=PUBLIC,
    scope=NO_SCOPE,
    summary="This description, OpenAPI 3.1",
)
async def read_openapi(call: Call) -> web.Response:
    """Made once, at start-up, from what the routes declare."""
    return web.Response(body=call.service.openapi, content_type="application/json")
