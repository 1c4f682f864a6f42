"""The front page: where things are."""

from aiohttp import web

from ops.http.call import Call
from ops.http.permissions import NO_SCOPE, PUBLIC
from ops.http.routes import route

_PAGE = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>gengfu</title></head>
<body>
<h1>gengfu</h1>
<p>The service is running. What it answers, and to whom, stands in
<a href="/api/openapi.json">/api/openapi.json</a>.
Whether all of it stands: <a href="/health/ready">/health/ready</a>.</p>
</body>
</html>
"""


@route(
    "GET",
    "/",
    permission=PUBLIC,
    scope=NO_SCOPE,
    content_type="text/html",
    summary="A page for people that says where the API is",
)
async def home(call: Call) -> web.Response:
    """Holds nothing about the site."""
    return web.Response(text=_PAGE, content_type="text/html")
