"""The live stream over HTTP: server-sent events within the viewer's territory and permissions."""

from aiohttp import web

from ops.http.call import Call
from ops.http.permissions import NO_SCOPE, SIGNED_IN
from ops.http.routes import route
from ops.live.kinds import kinds


@route(
    "GET",
    "/api/events",
    permission=SIGNED_IN,
    scope=NO_SCOPE,  # each message keeps to permission and territory by itself
    pushes=[kind.model for kind in kinds().values()],
    content_type="text/event-stream",
    limit_s=None,
    summary="What changes, as it changes; each message as far as its permission and the territory go",
)
async def stream_events(call: Call) -> web.StreamResponse:
    """Placeholder."""
    raise NotImplementedError
