"""Incidents: where someone is needed; opened, dispatched and closed by officers."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from ingest.database import Connection
from ingest.queries import load_queries
from ops.http.acts import acting, record
from ops.http.call import Call
from ops.http.cursors import Paging
from ops.http.database import row, rows
from ops.http.errors import Finding, Problem, invalid, not_found
from ops.http.fields import Body, Code, Cursor, Latitude, Longitude, Moment, Page, Path, Query, RowId, Text, View, age_s
from ops.http.permissions import GRID
from ops.http.routes import route
from ops.http.within import check_within
from rules import actions

AHEAD = timedelta(minutes=1)  # whoever reports has a clock of their own
Kind = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
Grade = Literal["ordinary", "coordination", "urgent", "major"]

_SQL = load_queries("ops.http.resources", "incidents.sql")
_PAGING = Paging(tuple[RowId], before="id")


class IncidentQuery(Query):
    """Which incidents; filters that are left out let everything pass."""

    state: Literal["open", "closed", "all"] = "open"
    kind: list[Kind] | None = Field(None, description="repeat it for several")
    grid: Code | None = Field(None, description="code of a grid; those below it are meant too")
    unit: Code | None = None
    since: Moment | None = Field(None, description="reported at or after")
    until: Moment | None = Field(None, description="reported before")
    limit: Annotated[int, Field(ge=1, le=500)] = 100
    after: Cursor | None = None


class IncidentPath(Path):
    """Which incident."""

    id: RowId


class NewIncident(Body):
    """What happened where."""

    kind: Kind = Field(description="such as fire_hazard")
    lat: Latitude
    lon: Longitude
    text: Text = ""
    grade: Grade | None = None
    occurred_at: Moment | None = Field(None, description="without it now")
    unit: Code | None = Field(None, description="whom to send; without it whoever is near is called")


class Dispatch(Body):
    """Whom to send."""

    unit: Code | None = Field(description="null calls whoever is near")


class Closing(Body):
    """How it ended."""

    note: Text = ""


class Incident(View):
    """One incident. Degrees WGS-84."""

    id: int
    number: str
    kind: str
    grade: str | None
    text: str
    lat: float | None
    lon: float | None
    radius_m: float = Field(description="being this near counts as being there")
    grid: str | None
    source: str
    unit: str | None = Field(description="whom it was given to; null with dispatched_at: whoever is near")
    state: Literal["reported", "dispatched", "accepted", "arrived", "closed"]
    occurred_at: datetime
    reported_at: datetime
    dispatched_at: datetime | None
    accepted_at: datetime | None
    arrived_at: datetime | None
    closed_at: datetime | None
    age_s: float = Field(description="seconds since it was reported")


class IncidentEvent(View):
    """What a person did about an incident."""

    at: datetime
    actor: str
    action: str
    unit: str | None
    note: str


class IncidentDetail(Incident):
    """An incident with what people did about it."""

    record: list[IncidentEvent]


class IncidentPage(Page):
    """One page of incidents, newest first."""

    items: list[Incident]


def _derived(found: dict[str, Any], now: datetime) -> dict[str, Any]:
    steps = ("closed", "arrived", "accepted", "dispatched")
    state = next((step for step in steps if found[f"{step}_at"]), "reported")
    return {**found, "state": state, "age_s": age_s(found["reported_at"], now)}


def incident_of(found: Mapping[str, Any], now: datetime) -> Incident:
    """The incident in a row that holds at least its columns."""
    columns = {name: found[name] for name in found if name in Incident.model_fields}
    return Incident.model_validate(_derived(columns, now))


async def _detail(connection: Connection, incident: int, bounds: dict[str, object], now: datetime) -> IncidentDetail:
    found = await row(connection, _SQL["find_incident"], {**bounds, "id": incident})
    if found is None:
        raise not_found(f"incident {incident}")
    events = await rows(connection, _SQL["incident_record"], {"number": found["number"]})
    return IncidentDetail.model_validate({**_derived(found, now), "record": events})


@route(
    "GET",
    "/api/incidents",
    permission="incidents.read",
    scope=GRID,
    query=IncidentQuery,
    returns=IncidentPage,
    summary="Incidents, newest first; without filters those that are open",
)
async def list_incidents(call: Call[IncidentQuery]) -> IncidentPage:
    """Paged by id, so that incidents which come in meanwhile shift nothing."""
    query = call.query
    params = {**call.bounds(), **query.model_dump()}
    async with call.transaction() as connection:
        page, following = await _PAGING.read(connection, _SQL["list_incidents"], params, query)
    return IncidentPage(
        items=[incident_of(one, call.now) for one in page],
        next=following,
    )


@route(
    "GET",
    "/api/incidents/{id}",
    permission="incidents.read",
    scope=GRID,
    params=IncidentPath,
    returns=IncidentDetail,
    summary="One incident and what people did about it",
)
async def read_incident(call: Call[None, None, IncidentPath]) -> IncidentDetail:
    """Its way from report to closing."""
    async with call.transaction() as connection:
        return await _detail(connection, call.params.id, call.bounds(), call.now)


@route(
    "POST",
    "/api/incidents",
    permission="incidents.act",
    scope=GRID,
    body=NewIncident,
    returns=IncidentDetail,
    status=HTTPStatus.CREATED,
    problems=[HTTPStatus.CONFLICT],
    summary="Open an incident and dispatch it at once, to a unit or to whoever is near",
)
async def open_incident(call: Call[None, NewIncident]) -> IncidentDetail:
    """It must lie within the territory of whoever opens it."""
    body, bounds, actor = call.body, call.bounds(), call.viewer.name
    if body.occurred_at and body.occurred_at > call.now + AHEAD:
        raise invalid("occurred_at lies in the future", Finding("body.occurred_at", "lies in the future"))
    async with call.transaction() as connection:
        await check_within(connection, "unit", body.unit, bounds)
        with acting():
            made = await actions.open_incident(
                connection,
                kind=body.kind,
                source=f"api:{actor}",
                zone=call.service.settings.site.zone,
                occurred_at=body.occurred_at or call.now,
                reported_at=call.now,
                text=body.text,
                grade=body.grade,
                lat=body.lat,
                lon=body.lon,
            )
            if await row(connection, _SQL["find_incident"], {**bounds, "id": made.id}) is None:
                raise Problem(HTTPStatus.FORBIDDEN, "this place is outside your territory", slug="outside-territory")
            await actions.dispatch_incident(connection, made.id, unit=body.unit, at=call.now)
        await record(connection, actor=actor, action="incident.open", subject=made.number, detail={"unit": body.unit})
        return await _detail(connection, made.id, bounds, call.now)


@route(
    "POST",
    "/api/incidents/{id}/dispatch",
    permission="incidents.act",
    scope=GRID,
    params=IncidentPath,
    body=Dispatch,
    returns=IncidentDetail,
    problems=[HTTPStatus.CONFLICT],
    summary="Send a unit, or call whoever is near; replaces an earlier dispatch",
)
async def dispatch_incident(call: Call[None, Dispatch, IncidentPath]) -> IncidentDetail:
    """409 when it is closed already."""
    bounds, unit = call.bounds(), call.body.unit
    async with call.transaction() as connection:
        found = await _detail(connection, call.params.id, bounds, call.now)
        await check_within(connection, "unit", unit, bounds)
        with acting():
            await actions.dispatch_incident(connection, found.id, unit=unit, at=call.now)
        await record(
            connection,
            actor=call.viewer.name,
            action="incident.dispatch",
            subject=found.number,
            detail={"unit": unit},
        )
        return await _detail(connection, found.id, bounds, call.now)


@route(
    "POST",
    "/api/incidents/{id}/close",
    permission="incidents.act",
    scope=GRID,
    params=IncidentPath,
    body=Closing,
    returns=IncidentDetail,
    problems=[HTTPStatus.CONFLICT],
    summary="Close an incident; harmless to repeat",
)
async def close_incident(call: Call[None, Closing, IncidentPath]) -> IncidentDetail:
    """The first time counts; a repeated call says when that was."""
    bounds = call.bounds()
    async with call.transaction() as connection:
        found = await _detail(connection, call.params.id, bounds, call.now)
        if found.closed_at is not None:
            return found
        with acting():
            await actions.close_incident(connection, found.id, at=call.now)
        await record(
            connection,
            actor=call.viewer.name,
            action="incident.close",
            subject=found.number,
            detail={"note": call.body.note},
        )
        return await _detail(connection, found.id, bounds, call.now)
