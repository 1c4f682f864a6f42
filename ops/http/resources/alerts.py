"""Alerts: what a person must know now, and the acts of acknowledging and resolving."""

from collections.abc import Mapping
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any, Literal

from pydantic import Field

from ingest.database import Connection
from ingest.queries import load_queries
from ops.http.acts import acting
from ops.http.call import Call
from ops.http.cursors import Paging
from ops.http.database import row, rows
from ops.http.drawing import Drawing, drawing_of
from ops.http.errors import not_found
from ops.http.fields import Body, Code, Cursor, Moment, Page, Path, Query, RowId, Text, View, age_s
from ops.http.permissions import GRID
from ops.http.routes import route
from rules import actions

State = Literal["open", "acknowledged", "resolved"]
Severity = Literal["info", "warning", "high", "critical"]

_SQL = load_queries("ops.http.resources", "alerts.sql")
_PAGING = Paging(tuple[RowId], before="id")


class AlertQuery(Query):
    """Which alerts; filters that are left out let everything pass."""

    state: list[State] = Field(["open", "acknowledged"], description="repeat it for several")
    rule: list[Code] | None = Field(None, description="repeat it for several")
    severity: list[Severity] | None = Field(None, description="repeat it for several")
    grid: Code | None = Field(None, description="code of a grid; those below it are meant too")
    unit: Code | None = None
    device: Code | None = None
    since: Moment | None = Field(None, description="opened at or after")
    until: Moment | None = Field(None, description="opened before")
    limit: Annotated[int, Field(ge=1, le=500)] = 100
    after: Cursor | None = None


class AlertPath(Path):
    """Which alert."""

    id: RowId


class Note(Body):
    """Why."""

    note: Text = ""


class Alert(View):
    """One alert; `acked_by` and `acked_at` say who was first."""

    id: int
    fingerprint: str
    rule: str
    subject: str
    class_: str = Field(serialization_alias="class", validation_alias="class")
    severity: Severity
    state: State
    title: str
    reasons: list[Any]
    grid: str | None
    unit: str | None
    device: str | None
    duty: int | None
    incident: int | None
    lat: float | None
    lon: float | None
    opened_at: datetime
    changed_at: datetime
    acked_at: datetime | None
    acked_by: str | None
    resolved_at: datetime | None
    resolution: str | None
    reopened: int = Field(description="how often it came back after it was resolved")
    age_s: float = Field(description="seconds since it opened")


class AlertEvent(View):
    """One step in the life of an alert."""

    at: datetime
    event: str
    actor: str
    note: str


class AlertDetail(Alert):
    """An alert with its history and the evidence on which it rests."""

    history: list[AlertEvent]
    evidence: Any | None = Field(description="as it was stored with the verdict; its shape is the rule's own")
    drawing: Drawing | None = Field(description="the same for a map; null when it shows no place")


class AlertPage(Page):
    """One page of alerts, newest first."""

    items: list[Alert]
    open: int = Field(description="open alerts in the whole territory")
    acknowledged: int = Field(description="acknowledged and not resolved, in the whole territory")


def alert_of(found: Mapping[str, Any], now: datetime) -> Alert:
    """The alert in a row that holds at least its columns."""
    columns = {name: found[name] for name in found if name in Alert.model_fields or name == "class"}
    return Alert.model_validate({**columns, "age_s": age_s(found["opened_at"], now)})


async def _detail(connection: Connection, alert: int, bounds: dict[str, object], now: datetime) -> AlertDetail:
    found = await row(connection, _SQL["find_alert"], {**bounds, "id": alert})
    if found is None:
        raise not_found(f"alert {alert}")
    history = await rows(connection, _SQL["alert_history"], {"id": alert})
    derived = {"age_s": age_s(found["opened_at"], now), "drawing": drawing_of(found["evidence"])}
    return AlertDetail.model_validate({**found, **derived, "history": history})


@route(
    "GET",
    "/api/alerts",
    permission="alerts.read",
    scope=GRID,
    query=AlertQuery,
    returns=AlertPage,
    summary="Alerts, newest first; without filters those that are not resolved",
)
async def list_alerts(call: Call[AlertQuery]) -> AlertPage:
    """Paged by id, so that alerts which open meanwhile shift nothing."""
    query = call.query
    bounds = call.bounds()
    params = {**bounds, **query.model_dump()}
    async with call.transaction() as connection:
        page, following = await _PAGING.read(connection, _SQL["list_alerts"], params, query)
        counts = await row(connection, _SQL["count_alerts"], bounds) or {}
    return AlertPage(
        items=[alert_of(one, call.now) for one in page],
        next=following,
        open=counts["open"],
        acknowledged=counts["acknowledged"],
    )


@route(
    "GET",
    "/api/alerts/{id}",
    permission="alerts.read",
    scope=GRID,
    params=AlertPath,
    returns=AlertDetail,
    summary="One alert with its history and evidence",
)
async def read_alert(call: Call[None, None, AlertPath]) -> AlertDetail:
    """What the officer opens to see why; they are told again when it changes."""
    async with call.transaction() as connection:
        found = await _detail(connection, call.params.id, call.bounds(), call.now)
        await actions.note_opened(connection, call.params.id, actor=call.viewer.name, at=call.now)
        return found


@route(
    "POST",
    "/api/alerts/{id}/ack",
    permission="alerts.act",
    scope=GRID,
    params=AlertPath,
    returns=AlertDetail,
    problems=[HTTPStatus.CONFLICT],
    summary="Acknowledge an alert; repeating it says who was first",
)
async def acknowledge_alert(call: Call[None, None, AlertPath]) -> AlertDetail:
    """409 when it is resolved already."""
    async with call.transaction() as connection:
        before = await _detail(connection, call.params.id, call.bounds(), call.now)
        if before.state == "acknowledged":
            return before
        with acting():
            await actions.acknowledge_alert(connection, call.params.id, actor=call.viewer.name, at=call.now)
        return await _detail(connection, call.params.id, call.bounds(), call.now)


@route(
    "POST",
    "/api/alerts/{id}/resolve",
    permission="alerts.act",
    scope=GRID,
    params=AlertPath,
    body=Note,
    returns=AlertDetail,
    problems=[HTTPStatus.CONFLICT],
    summary="Resolve an alert, with a note that says why",
)
async def resolve_alert(call: Call[None, Note, AlertPath]) -> AlertDetail:
    """409 when it is resolved already."""
    async with call.transaction() as connection:
        await _detail(connection, call.params.id, call.bounds(), call.now)
        with acting():
            await actions.resolve_alert(
                connection, call.params.id, actor=call.viewer.name, note=call.body.note, at=call.now
            )
        return await _detail(connection, call.params.id, call.bounds(), call.now)
