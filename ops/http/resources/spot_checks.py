"""Spot checks: finished rounds drawn by lot, and what people found who checked them."""

from collections.abc import Mapping
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any, Literal

from pydantic import Field

from ingest.database import Connection
from ingest.queries import load_queries
from ops.http.acts import acting, record
from ops.http.call import Call
from ops.http.cursors import Paging
from ops.http.database import row
from ops.http.errors import not_found
from ops.http.fields import Body, Code, Cursor, Moment, Page, Path, Query, RowId, Text, View
from ops.http.permissions import GRID
from ops.http.routes import route
from rules.spot_checks import Outcome, answer_spot_check

_SQL = load_queries("ops.http.resources", "spot_checks.sql")
_PAGING = Paging(tuple[Moment, RowId], past_time="due_at", past_id="id")
_ANY = {"id": None, "answered": None, "unit": None, "past_time": None, "past_id": None, "limit": 1}


class SpotCheckQuery(Query):
    """Which checks."""

    state: Literal["open", "answered", "all"] = Field(
        "open", description="open: without an answer, and one still counts"
    )
    unit: Code | None = Field(None, description="who walked the round")
    limit: Annotated[int, Field(ge=1, le=500)] = 100
    after: Cursor | None = None


class SpotCheckPath(Path):
    """Which check."""

    id: RowId


class SpotCheckAnswer(Body):
    """What was found."""

    outcome: Outcome = Field(description="whether the round was walked as its verdicts say")
    note: Text = Field("", description="how that is known; required when it is not confirmed")


class SpotCheck(View):
    """One drawn round; `proven`, `missed` and `in_doubt` count its points as they are judged now."""

    id: int = Field(description="number of the check")
    round: str = Field(description="key of the round")
    unit: str | None
    route: str | None
    grid: str | None
    starts_at: datetime | None
    ended_at: datetime
    due_at: datetime
    overdue: bool
    points: int
    proven: int
    missed: int
    in_doubt: int
    outcome: Outcome | None
    note: str | None
    answered_at: datetime | None
    answered_by: str | None


class SpotCheckPage(Page):
    """One page of checks, the one that is due first first."""

    items: list[SpotCheck]


def _check(found: Mapping[str, Any], now: datetime) -> SpotCheck:
    columns = {name: found[name] for name in found if name in SpotCheck.model_fields}
    overdue = found["outcome"] is None and found["due_at"] < now
    return SpotCheck.model_validate({**columns, "overdue": overdue})


async def _one(connection: Connection, check: int, bounds: Mapping[str, object], now: datetime) -> SpotCheck:
    found = await row(connection, _SQL["list_spot_checks"], {**_ANY, **bounds, "id": check})
    if found is None:
        raise not_found(f"spot check {check}")
    return _check(found, now)


@route(
    "GET",
    "/api/spot-checks",
    permission="spot_checks.read",
    scope=GRID,
    query=SpotCheckQuery,
    returns=SpotCheckPage,
    summary="Rounds drawn for a check; without filters those that wait for an answer",
)
async def list_spot_checks(call: Call[SpotCheckQuery]) -> SpotCheckPage:
    """Paged by time and id, so that checks which are answered meanwhile shift nothing."""
    query = call.query
    params = {
        **_ANY,
        **call.bounds(),
        "answered": {"open": False, "answered": True, "all": None}[query.state],
        "unit": query.unit,
    }
    async with call.transaction() as connection:
        page, following = await _PAGING.read(connection, _SQL["list_spot_checks"], params, query)
    return SpotCheckPage(items=[_check(one, call.now) for one in page], next=following)


@route(
    "POST",
    "/api/spot-checks/{id}",
    permission="spot_checks.act",
    scope=GRID,
    params=SpotCheckPath,
    body=SpotCheckAnswer,
    returns=SpotCheck,
    problems=[HTTPStatus.CONFLICT],
    summary="Say what a check found; the first answer stands",
)
async def answer(call: Call[None, SpotCheckAnswer, SpotCheckPath]) -> SpotCheck:
    """Recorded; whoever comes second is told so with 409."""
    bounds, body = call.bounds(), call.body
    async with call.transaction() as connection:
        found = await _one(connection, call.params.id, bounds, call.now)
        with acting():
            await answer_spot_check(
                connection,
                found.id,
                outcome=body.outcome,
                note=body.note,
                actor=call.viewer.name,
                at=call.now,
            )
        await record(
            connection,
            actor=call.viewer.name,
            action="spot_check.answer",
            subject=found.round,
            detail={"outcome": body.outcome, "note": body.note},
        )
        return await _one(connection, found.id, bounds, call.now)
