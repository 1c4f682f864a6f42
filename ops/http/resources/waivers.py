"""Waivers of more than one duty: a whole round, or what a unit or a grid has to do within a span of time."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Annotated

from pydantic import Field, StringConstraints

from ingest.database import Connection
from ingest.queries import load_queries
from ops.http.acts import acting, record
from ops.http.call import Call
from ops.http.cursors import Paging
from ops.http.database import row
from ops.http.errors import Finding, invalid, not_found
from ops.http.fields import Body, Code, Cursor, Moment, Page, Path, Query, RowId, View
from ops.http.permissions import GRID
from ops.http.routes import route
from ops.http.within import check_within
from rules import fairness
from rules.store.waivers import Terms, reach

LONGEST = timedelta(days=366)  # longer is no exception but another plan

_SQL = load_queries("ops.http.resources", "waivers.sql")
_PAGING = Paging(tuple[RowId], before="id")


class WaiverQuery(Query):
    """Which waivers."""

    in_force: bool | None = Field(None, description="true: not taken back; false: taken back")
    limit: Annotated[int, Field(ge=1, le=500)] = 100
    after: Cursor | None = None


class WaiverPath(Path):
    """Which waiver."""

    id: RowId


class Span(Body):
    """Whose duties within which time; a window that the span only cuts is not meant."""

    round: RowId | None = Field(None, description="number of a whole round, and then nothing else")
    unit: Code | None = None
    grid: Code | None = Field(None, description="code of a grid; those below it are meant too")
    rules: list[Code] | None = Field(None, min_length=1, max_length=50, description="without it those of all rules")
    from_: Moment | None = Field(None, alias="from")
    to: Moment | None = None


class NewWaiver(Span):
    """The same, and why."""

    why: Annotated[str, StringConstraints(min_length=1, max_length=fairness.MAX_TEXT, strip_whitespace=True)]


class Preview(View):
    """What a waiver would do."""

    duties: int = Field(description="that it would waive, of those that are planned")
    by_rule: dict[str, int]
    waived: int = Field(description="that are waived already")
    beyond: int = Field(description="whose windows the span only cuts: they stay")


class Waiver(View):
    """One act of waiving."""

    id: int
    round: str | None = Field(description="key of the round")
    unit: str | None
    grid: str | None
    rules: list[str] | None
    since: datetime | None
    until: datetime | None
    why: str
    made_by: str
    made_at: datetime
    ended_by: str | None
    ended_at: datetime | None
    duties: int = Field(description="that it waives now")


class WaiverPage(Page):
    """One page of waivers, newest first; those of single duties stand with the duty."""

    items: list[Waiver]


async def _terms(connection: Connection, body: Span, bounds: Mapping[str, object]) -> Terms:
    """What is meant, kept to the territory of whoever asks."""
    wrong = _complaint(body)
    if wrong:
        field, what = wrong
        raise invalid(what, Finding(f"body.{field}", what))
    if body.round is not None:
        found = await row(connection, _SQL["round_within"], {**bounds, "round": body.round})
        if found is None:
            raise not_found(f"round {body.round}")
        return Terms(round=found["key"])
    await check_within(connection, "unit", body.unit, bounds)
    await check_within(connection, "grid", body.grid, bounds)
    grid = body.grid or bounds["scope"]
    return Terms(
        unit=body.unit,
        grid=str(grid) if grid else None,
        rules=None if body.rules is None else tuple(body.rules),
        since=body.from_,
        until=body.to,
    )


def _complaint(body: Span) -> tuple[str, str] | None:
    others = (body.unit, body.grid, body.rules, body.from_, body.to)
    if body.round is not None:
        return None if others == (None,) * 5 else ("round", "a round is waived whole; leave out everything else")
    if body.unit is None and body.grid is None:
        return "unit", "say whose duties: a unit, a grid, or both; or a whole round"
    if body.from_ is None or body.to is None:
        return "from", "say from when to when"
    if not body.from_ < body.to:
        return "from", "from must lie before to"
    return ("to", f"at most {LONGEST.days} days; change the plan instead") if body.to - body.from_ > LONGEST else None


async def _find(connection: Connection, waiver: int, bounds: Mapping[str, object]) -> Waiver:
    found = await row(connection, _SQL["find_waiver"], {**bounds, "id": waiver})
    if found is None:
        raise not_found(f"waiver {waiver}")
    return Waiver.model_validate(found)


@route(
    "GET",
    "/api/waivers",
    permission="duties.read",
    scope=GRID,
    query=WaiverQuery,
    returns=WaiverPage,
    summary="Waivers of rounds and spans, newest first",
)
async def list_waivers(call: Call[WaiverQuery]) -> WaiverPage:
    """A patrol sees those that name its own unit."""
    query = call.query
    params = {**call.bounds(), "in_force": query.in_force}
    async with call.transaction() as connection:
        page, following = await _PAGING.read(connection, _SQL["list_waivers"], params, query)
    return WaiverPage(items=[Waiver.model_validate(one) for one in page], next=following)


@route(
    "POST",
    "/api/waivers/preview",
    permission="duties.waive",
    scope=GRID,
    body=Span,
    returns=Preview,
    summary="How many duties a waiver would cover; nothing is changed",
)
async def preview_waiver(call: Call[None, Span]) -> Preview:
    """Those that are planned later into the span are waived too, and cannot be counted yet."""
    bounds = call.bounds()
    async with call.transaction() as connection:
        terms = await _terms(connection, call.body, bounds)
        found = await reach(connection, terms)
    return Preview(duties=sum(found.duties.values()), by_rule=found.duties, waived=found.waived, beyond=found.beyond)


@route(
    "POST",
    "/api/waivers",
    permission="duties.waive",
    scope=GRID,
    body=NewWaiver,
    returns=Waiver,
    status=HTTPStatus.CREATED,
    problems=[HTTPStatus.CONFLICT],
    summary="Waive a whole round, or what a unit or a grid has to do within a span, with a reason",
)
async def make_waiver(call: Call[None, NewWaiver]) -> Waiver:
    """Within the territory of whoever waives."""
    bounds = call.bounds()
    async with call.transaction() as connection:
        terms = await _terms(connection, call.body, bounds)
        with acting():
            waiver, duties = await fairness.waive(
                connection, terms, actor=call.viewer.name, why=call.body.why, at=call.now
            )
        said = call.body.model_dump(mode="json", by_alias=True, exclude_none=True)
        await record(
            connection,
            actor=call.viewer.name,
            action="waiver.make",
            subject=str(waiver),
            detail={**said, "duties": duties},
        )
        return await _find(connection, waiver, bounds)


@route(
    "POST",
    "/api/waivers/{id}/end",
    permission="duties.waive",
    scope=GRID,
    params=WaiverPath,
    returns=Waiver,
    summary="Take a waiver back; its duties are judged again. Harmless to repeat",
)
async def end_waiver(call: Call[None, None, WaiverPath]) -> Waiver:
    """The first one who takes it back counts."""
    bounds = call.bounds()
    async with call.transaction() as connection:
        before = await _find(connection, call.params.id, bounds)
        with acting():
            duties = await fairness.end_waiver(connection, before.id, actor=call.viewer.name, at=call.now)
        if before.ended_at is None:
            await record(
                connection,
                actor=call.viewer.name,
                action="waiver.end",
                subject=str(before.id),
                detail={"duties": duties},
            )
        return await _find(connection, before.id, bounds)
