"""Prometheus' scrape."""

from aiohttp import web
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from ops.http.call import Call
from ops.http.errors import Problem
from ops.http.metrics import database_up, ledger
from ops.http.permissions import NO_SCOPE
from ops.http.routes import route


@route(
    "GET",
    "/metrics",
    permission="metrics.read",
    scope=NO_SCOPE,
    local=True,
    content_type="text/plain",
    summary="Metrics for Prometheus; from this machine, or for a signed-in admin",
)
async def read_metrics(call: Call) -> web.Response:
    """Answers without the database too, and says so in gengfu_database_up."""
    try:
        async with call.transaction() as connection:
            found = [database_up(True), *await ledger(connection)]
    except Problem:
        found = [database_up(False)]
    return web.Response(body=call.service.metrics.exposition(found), headers={"Content-Type": CONTENT_TYPE_LATEST})
