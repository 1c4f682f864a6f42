"""Duties: what had to be done by when, what became of it and why; waiving one, and objecting to its verdict."""

from datetime import UTC, datetime, time, timedelta
from http import HTTPStatus
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import Field, StringConstraints

from ingest.database import Connection
from ingest.queries import load_queries
from ops.http.acts import acting, record
from ops.http.call import Call
from ops.http.cursors import Paging
from ops.http.database import row, rows
from ops.http.drawing import Drawing, drawing_of
from ops.http.errors import Problem, not_found
from ops.http.fields import Body, Code, Cursor, Moment, Page, Path, Query, RowId, View
from ops.http.permissions import GRID
from ops.http.resources.alerts import AlertEvent, Severity
from ops.http.resources.alerts import State as AlertState
from ops.http.resources.objections import Objection, objection_of
from ops.http.resources.rounds import Day, Verdict
from ops.http.routes import route
from ops.http.standing_in import bounds_of_the_work
from rules import fairness

State = Literal["planned", "open", "waiting", "provisional", "final", "superseded"]
Words = Annotated[str, StringConstraints(min_length=1, max_length=fairness.MAX_TEXT, strip_whitespace=True)]

_SQL = load_queries("ops.http.resources", "duties.sql")
_PAGING = Paging(tuple[Moment, RowId], past_time="due_at", past_id="id")


class DutyQuery(Query):
    """Which duties; filters that are left out let everything pass."""

    day: Day | None = Field(None, description="the site's date on which they fall due, such as 2026-11-21")
    unit: Code | None = None
    rule: list[Code] | None = Field(None, description="repeat it for several")
    verdict: list[Verdict] | None = Field(None, description="repeat it for several")
    state: list[State] | None = Field(None, description="repeat it for several")
    grid: Code | None = Field(None, description="code of a grid; those below it are meant too")
    since: Moment | None = Field(None, description="due at or after")
    until: Moment | None = Field(None, description="due before")
    limit: Annotated[int, Field(ge=1, le=500)] = 100
    after: Cursor | None = None


class DutyPath(Path):
    """Which duty."""

    id: RowId


class Waiving(Body):
    """Why they are let off."""

    why: Words = Field(description="such as: road closed, child ill, by order")


class Objecting(Body):
    """What is wrong with the verdict."""

    text: Words


class Duty(View):
    """One duty; `verdict` is null until there is one. Degrees WGS-84."""

    id: int
    rule: str
    subject: str = Field(description="code of the checkpoint or equipment, number of the incident, and so on")
    name: str | None = Field(description="of the place, as it was then")
    unit: str | None
    unit_name: str | None
    round: int | None
    route: str | None
    route_name: str | None
    grid: str | None
    lat: float | None
    lon: float | None
    radius_m: float | None
    state: State
    verdict: Verdict | None
    reasons: list[Any]
    opens_at: datetime
    due_at: datetime
    settles_at: datetime
    final_at: datetime
    met_at: datetime | None
    judged_at: datetime | None
    waived_at: datetime | None = Field(description="also before the verdict says so: it is about to")
    waived_by: str | None
    waived_why: str | None
    superseded_at: datetime | None = Field(description="when a corrected plan or roster took its place")
    superseded_why: str | None
    objection: str | None = Field(description="state of the newest objection")
    object_until: datetime | None = Field(description="null when there is nothing to object to")


class DutyPage(Page):
    """Duties, the one due last first."""

    items: list[Duty]


class DutyAlert(View):
    """An alert about the duty, or about its whole round, with its history."""

    id: int
    rule: str
    class_: str = Field(serialization_alias="class", validation_alias="class")
    severity: Severity
    state: AlertState
    title: str
    whole_round: bool
    opened_at: datetime
    changed_at: datetime
    resolved_at: datetime | None
    history: list[AlertEvent]


class DutyWaiver(View):
    """An act of waiving that is, or was, about the duty."""

    id: int
    of: Literal["duty", "round", "span"]
    why: str
    made_by: str
    made_at: datetime
    ended_by: str | None
    ended_at: datetime | None
    in_force: bool = Field(description="whether it is what waives the duty now")


class Telling(View):
    """Who was told of an alert, as what."""

    alert: int
    kind: Literal["account", "device"]
    who: str
    channel: Literal["console", "notice"]
    class_: str = Field(serialization_alias="class", validation_alias="class")
    at: datetime
    sent_at: datetime | None = Field(description="of a notice: when the broker had it")


class DutyDetail(Duty):
    """A duty with everything that its verdict rests on, and what people did about it."""

    evidence: Any | None = Field(description="as it was stored with the verdict; its shape is the rule's own")
    drawing: Drawing | None = Field(description="the same for a map; null when it shows no place")
    alerts: list[DutyAlert]
    waivers: list[DutyWaiver]
    objections: list[Objection]
    told: list[Telling]


def _span(query: DutyQuery, zone: str) -> tuple[datetime | None, datetime | None]:
    since, until = query.since, query.until
    if query.day is not None:
        start, end = (
            datetime.combine(which, time(), tzinfo=ZoneInfo(zone)).astimezone(UTC)
            for which in (query.day, query.day + timedelta(days=1))
        )
        since, until = max(since or start, start), min(until or end, end)
    return since, until


def _until(found: dict[str, Any], days: float) -> dict[str, Any]:
    """Until when one may object to a verdict that says something against somebody."""
    blames = found["verdict"] in fairness.OPEN_TO_OBJECTION and found["state"] != "superseded"
    return {**found, "object_until": found["final_at"] + timedelta(days=days) if blames else None}


async def _detail(call: Call[Any, Any, DutyPath], connection: Connection, bounds: dict[str, object]) -> DutyDetail:
    duty = call.params.id
    found = await row(connection, _SQL["find_duty"], {**bounds, "id": duty})
    if found is None:
        raise not_found(f"duty {duty}")
    limits = await fairness.limits(connection, at=call.now)
    history: dict[int, list[dict[str, Any]]] = {}
    alerts = await rows(connection, _SQL["alerts_of"], {"id": duty})
    ids = [alert["id"] for alert in alerts]
    for event in await rows(connection, _SQL["history_of"], {"alerts": ids}):
        history.setdefault(event.pop("alert"), []).append(event)
    objections = await rows(connection, _SQL["objections_of"], {"id": duty})
    return DutyDetail.model_validate(
        {
            **_until(found, limits.object_within_days),
            "drawing": drawing_of(found["evidence"]),
            "alerts": [{**alert, "history": history.get(alert["id"], [])} for alert in alerts],
            "waivers": await rows(connection, _SQL["waivers_of"], {"id": duty}),
            "objections": [objection_of(one, limits, call.now) for one in objections],
            "told": await rows(connection, _SQL["told_of"], {"alerts": ids}),
        }
    )


@route(
    "GET",
    "/api/duties",
    permission="duties.read",
    scope=GRID,
    query=DutyQuery,
    returns=DutyPage,
    summary="Duties with their verdicts and reasons, the one due last first",
)
async def list_duties(call: Call[DutyQuery]) -> DutyPage:
    """A patrol sees those of its own unit, and those of others while one of its posts stood in for theirs."""
    query = call.query
    since, until = _span(query, call.service.settings.site.zone)
    params: dict[str, object] = {
        **query.model_dump(exclude={"day", "after"}),
        "since": since,
        "until": until,
    }
    async with call.transaction() as connection:
        params |= await bounds_of_the_work(call, connection)
        page, following = await _PAGING.read(connection, _SQL["list_duties"], params, query)
        limits = await fairness.limits(connection, at=call.now)
    return DutyPage(items=[Duty.model_validate(_until(one, limits.object_within_days)) for one in page], next=following)


@route(
    "GET",
    "/api/duties/{id}",
    permission="duties.read",
    scope=GRID,
    params=DutyPath,
    returns=DutyDetail,
    summary="One duty with reasons, evidence, alerts, waivers, objections and who was told",
)
async def read_duty(call: Call[None, None, DutyPath]) -> DutyDetail:
    """What a patrol opens to see why."""
    async with call.transaction() as connection:
        return await _detail(call, connection, await bounds_of_the_work(call, connection))


@route(
    "POST",
    "/api/duties/{id}/waive",
    permission="duties.waive",
    scope=GRID,
    params=DutyPath,
    body=Waiving,
    returns=DutyDetail,
    problems=[HTTPStatus.CONFLICT],
    summary="Waive a duty, with a reason; the verdict follows within seconds",
)
async def waive_duty(call: Call[None, Waiving, DutyPath]) -> DutyDetail:
    """Harmless to repeat: the first waiver counts."""
    why = call.body.why
    async with call.transaction() as connection:
        bounds = await bounds_of_the_work(call, connection)
        before = await _detail(call, connection, bounds)
        with acting():
            await fairness.waive_duty(connection, before.id, actor=call.viewer.name, why=why, at=call.now)
        if before.waived_at is None:
            await record(
                connection,
                actor=call.viewer.name,
                action="duty.waive",
                subject=str(before.id),
                detail={"why": why, "unit": before.unit, "verdict": before.verdict},
            )
        return await _detail(call, connection, bounds)


@route(
    "POST",
    "/api/duties/{id}/unwaive",
    permission="duties.waive",
    scope=GRID,
    params=DutyPath,
    returns=DutyDetail,
    problems=[HTTPStatus.CONFLICT],
    summary="Take a duty out of its waiver; it is judged again",
)
async def unwaive_duty(call: Call[None, None, DutyPath]) -> DutyDetail:
    """Harmless to repeat."""
    async with call.transaction() as connection:
        bounds = await bounds_of_the_work(call, connection)
        before = await _detail(call, connection, bounds)
        with acting():
            await fairness.unwaive_duty(connection, before.id, actor=call.viewer.name, at=call.now)
        if before.waived_at is not None:
            await record(
                connection,
                actor=call.viewer.name,
                action="duty.unwaive",
                subject=str(before.id),
                detail={"was": before.waived_why, "unit": before.unit},
            )
        return await _detail(call, connection, bounds)


@route(
    "POST",
    "/api/duties/{id}/objections",
    permission="objections.make",
    scope=GRID,
    params=DutyPath,
    body=Objecting,
    returns=DutyDetail,
    status=HTTPStatus.CREATED,
    problems=[HTTPStatus.CONFLICT],
    summary="Object to the verdict on a duty of one's own unit, or of one it stood in for",
)
async def make_objection(call: Call[None, Objecting, DutyPath]) -> DutyDetail:
    """409 when there is nothing to object to, when the time for it is over, and while an objection is open."""
    viewer = call.viewer
    if viewer.unit is None:
        raise Problem(
            HTTPStatus.FORBIDDEN, f"the account {viewer.name} belongs to no unit; an administrator can give it one"
        )
    async with call.transaction() as connection:
        bounds = await bounds_of_the_work(call, connection)
        before = await _detail(call, connection, bounds)
        with acting():
            made = await fairness.object_to(
                connection,
                before.id,
                actor=viewer.name,
                unit=viewer.unit,
                work_of=before.unit,
                text=call.body.text,
                at=call.now,
            )
        await record(
            connection,
            actor=viewer.name,
            action="objection.make",
            subject=str(made.id),
            detail={"duty": before.id, "verdict": made.verdict},
        )
        return await _detail(call, connection, bounds)
