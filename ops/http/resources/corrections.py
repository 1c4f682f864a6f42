"""Corrections: alerts that have changed since the account was told of them."""

from datetime import datetime, timedelta
from typing import Annotated

from pydantic import Field

from ingest.queries import load_queries
from ops.http.call import Call
from ops.http.database import rows
from ops.http.fields import Query, View
from ops.http.permissions import GRID
from ops.http.resources.alerts import Alert, AlertEvent, alert_of
from ops.http.routes import route

LATELY = timedelta(days=30)  # what was seen longer ago nobody remembers having seen

_SQL = load_queries("ops.http.resources", "corrections.sql")


class CorrectionQuery(Query):
    """How many."""

    limit: Annotated[int, Field(ge=1, le=500)] = 100


class AlertCorrection(View):
    """An alert as it is now, and as it was when the account saw it."""

    alert: Alert
    told_at: datetime
    told_class: str
    since: list[AlertEvent] = Field(description="what happened to it meanwhile")


class CorrectionList(View):
    """The newest change first; an alert leaves the list when it is opened."""

    items: list[AlertCorrection]


@route(
    "GET",
    "/api/corrections",
    permission="alerts.read",
    scope=GRID,
    query=CorrectionQuery,
    returns=CorrectionList,
    summary="Alerts that the account opened or acknowledged and that have turned out differently since",
)
async def list_corrections(call: Call[CorrectionQuery]) -> CorrectionList:
    """Opening one with `GET /api/alerts/{id}` takes it from the list."""
    params = {**call.bounds(), "who": call.viewer.name, "lately": call.now - LATELY, "limit": call.query.limit}
    async with call.transaction() as connection:
        found = await rows(connection, _SQL["list_corrections"], params)
    return CorrectionList(
        items=[
            AlertCorrection(
                alert=alert_of(one, call.now),
                told_at=one["told_at"],
                told_class=one["told_class"],
                since=[AlertEvent.model_validate(event) for event in one["since"]],
            )
            for one in found
        ]
    )
