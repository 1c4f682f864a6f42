"""The live stream over HTTP: server-sent events within the viewer's territory and permissions."""

from http import HTTPStatus

from aiohttp import web

from ops.http.call import Call, sign_in_first
from ops.http.errors import Problem
from ops.http.guards import refuse_foreign
from ops.http.permissions import NO_SCOPE, SIGNED_IN
from ops.http.routes import route
from ops.http.sessions import hash_of, token_of
from ops.live.hub import HUB
from ops.live.kinds import kinds
from ops.live.source import session_in_force
from ops.live.writing import prepare_socket, write_to

_RETRY = b"retry: 2000\n\n"  # ms until a browser connects again by itself


@route(
    "GET",
    "/api/events",
    permission=SIGNED_IN,
    scope=NO_SCOPE,  # each message keeps to its permission and to the territory by itself
    pushes=[kind.model for kind in kinds().values()],
    problems=[HTTPStatus.FORBIDDEN],
    content_type="text/event-stream",
    limit_s=None,
    summary="What changes, as it changes; each message as far as its permission and the territory go",
)
async def stream_events(call: Call) -> web.StreamResponse:
    """Ends when the session does; never resumed by id, because commits are not in the order of ids."""
    request, settings = call.request, call.service.settings
    live = request.app[HUB]
    refuse_foreign(request, settings)  # a page of another site could open it, though not read it
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "X-Accel-Buffering": "no"})
    if request.method == "HEAD":
        return response
    if live.full:
        raise _busy("too many streams are open; close a console, or try again in a moment", slug="too-many-streams")
    if not await live.is_ready():
        raise _busy("what is now has not been read yet; try again in a moment", slug="database-unavailable")
    token_hash = hash_of(token_of(request, settings) or "")
    async with call.transaction() as connection:
        found = await session_in_force(connection, token_hash, now=call.now)
    transport = request.transport
    if found is None or transport is None:
        raise sign_in_first()
    response.force_close()  # its socket is set for streaming
    with live.joined(found, token_hash=token_hash) as reader:
        prepare_socket(transport)
        try:
            await response.prepare(request)
            await response.write(_RETRY)
        except ConnectionError:
            return response
        await write_to(reader, response, transport=transport, metrics=live.metrics)
    return response


def _busy(detail: str, *, slug: str) -> Problem:
    return Problem(HTTPStatus.SERVICE_UNAVAILABLE, detail, slug=slug, headers={"Retry-After": "5"})
