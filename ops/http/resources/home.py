"""The console's files, and the page that stands in for it where it was not built."""

from http import HTTPStatus

from aiohttp import ETag, hdrs, web

from ops.http.call import Call
from ops.http.console import ConsoleFile
from ops.http.errors import Problem
from ops.http.fields import Path
from ops.http.permissions import NO_SCOPE, PUBLIC
from ops.http.routes import route

_PAGE = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>gengfu</title></head>
<body>
<h1>gengfu</h1>
<p>The service is running, but the console was not built into this installation. What the service answers, and to whom,
stands in <a href="/api/openapi.json">/api/openapi.json</a>.
Whether all of it stands: <a href="/health/ready">/health/ready</a>.</p>
</body>
</html>
"""


class AssetPath(Path):
    """Which file."""

    tail: str


@route(
    "GET",
    "/",
    permission=PUBLIC,
    scope=NO_SCOPE,
    content_type="text/html",
    summary="The console, or a page that says where the API is",
)
async def home(call: Call) -> web.Response:
    """Holds nothing about the site."""
    index = call.service.console.index
    return _send(index, call.request) if index else web.Response(text=_PAGE, content_type="text/html")


@route(
    "GET",
    "/assets/{tail}",
    permission=PUBLIC,
    scope=NO_SCOPE,
    params=AssetPath,
    content_type="application/octet-stream",
    summary="A file of the console",
)
async def read_asset(call: Call[None, None, AssetPath]) -> web.Response:
    """Only what was built can be named; no path is ever opened for a stranger."""
    found = call.service.console.files.get(call.request.path)
    if found is None:
        raise Problem(HTTPStatus.NOT_FOUND, "the console has no such file; load its page again")
    return _send(found, call.request)


def _send(file: ConsoleFile, request: web.Request) -> web.Response:
    headers = {hdrs.CACHE_CONTROL: file.cache_control, hdrs.VARY: hdrs.ACCEPT_ENCODING}
    known = request.if_none_match or ()
    if any(etag.value in {file.etag, "*"} for etag in known):
        response = web.Response(status=HTTPStatus.NOT_MODIFIED, headers=headers)
    elif file.zipped is not None and "gzip" in request.headers.get(hdrs.ACCEPT_ENCODING, ""):
        headers |= {hdrs.CONTENT_ENCODING: "gzip", hdrs.CONTENT_TYPE: file.content_type}
        response = web.Response(body=file.zipped, headers=headers)
    else:
        response = web.Response(body=file.body, headers=headers | {hdrs.CONTENT_TYPE: file.content_type})
    if file.content_type.startswith("text/") and response.status == HTTPStatus.OK:
        response.charset = "utf-8"
    response.etag = ETag(file.etag, is_weak=True)  # zipped or not, it says the same
    return response
