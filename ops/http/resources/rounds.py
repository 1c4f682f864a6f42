"""Rounds: the plan of a day, and what became of each of its points."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from annotated_types import Ge, Lt
from pydantic import Field

from ingest.queries import load_queries
from ops.http.call import Call
from ops.http.cursors import Paging
from ops.http.database import rows
from ops.http.fields import Code, Cursor, Moment, Page, Query, RowId, View
from ops.http.permissions import GRID
from ops.http.routes import route
from ops.http.standing_in import bounds_of_the_work

DutyState = Literal["planned", "open", "waiting", "provisional", "final", "superseded"]
Verdict = Literal["early", "met", "late", "missed", "in_doubt", "waived"]
Day = Annotated[date, Ge(date(2000, 1, 2)), Lt(date(2099, 12, 31))]

_SQL = load_queries("ops.http.resources", "rounds.sql")
_PAGING = Paging(tuple[Moment, RowId], past_time="starts_at", past_id="id")


class RoundQuery(Query):
    """Which rounds."""

    day: Day | None = Field(
        None,
        description="the site's date on which they start, such as 2026-11-21; without it today and what still runs",
    )
    unit: Code | None = None
    route: Code | None = None
    superseded: bool = Field(False, description="also rounds and points that a corrected plan has no longer")
    limit: Annotated[int, Field(ge=1, le=1000)] = 500
    after: Cursor | None = None


class RoundPoint(View):
    """One point of a round; `verdict` is null until there is one."""

    id: int = Field(description="number of the duty")
    rule: str
    checkpoint: str
    name: str | None
    lat: float | None
    lon: float | None
    radius_m: float | None
    grid: str | None
    state: DutyState
    verdict: Verdict | None
    reasons: list[Any]
    opens_at: datetime
    due_at: datetime
    met_at: datetime | None
    judged_at: datetime | None
    superseded_at: datetime | None = Field(description="when a correction took its place; null: it counts")
    superseded_why: Literal["not_planned", "changed", "corrected"] | None


class RoundCounts(View):
    """How many points came to which verdict; `due` are those without one."""

    early: int = 0
    met: int = 0
    late: int = 0
    missed: int = 0
    in_doubt: int = 0
    waived: int = 0
    due: int = 0


class Round(View):
    """One round with those of its points that lie within the viewer's territory."""

    id: int
    key: str
    shift: str
    route: str
    route_name: str | None
    unit: str
    unit_name: str | None
    grid: str | None
    starts_at: datetime
    ends_at: datetime
    superseded_at: datetime | None
    points: list[RoundPoint]
    counts: RoundCounts


class RoundPage(Page):
    """Rounds in the order in which they start."""

    day: date
    items: list[Round]


def _round(found: Mapping[str, Any], points: Sequence[Mapping[str, Any]]) -> Round:
    counts = Counter(point["verdict"] or "due" for point in points if point["superseded_at"] is None)
    return Round.model_validate(
        {
            **found,
            "points": [
                {("checkpoint" if key == "subject" else key): point[key] for key in point if key != "round"}
                for point in points
            ],
            "counts": dict(counts),
        }
    )


@route(
    "GET",
    "/api/rounds",
    permission="rounds.read",
    scope=GRID,
    query=RoundQuery,
    returns=RoundPage,
    summary="The rounds of a day with their points and verdicts",
)
async def list_rounds(call: Call[RoundQuery]) -> RoundPage:
    """A night's round counts to the day on which it starts."""
    query = call.query
    zone = ZoneInfo(call.service.settings.site.zone)
    day = query.day or call.now.astimezone(zone).date()
    since, until = (
        datetime.combine(which, time(), tzinfo=zone).astimezone(UTC) for which in (day, day + timedelta(days=1))
    )
    params: dict[str, object] = {
        "since": since,
        "until": until,
        "running_at": None if query.day else call.now,
        "unit": query.unit,
        "route": query.route,
        "superseded": query.superseded,
    }
    points = defaultdict(list)
    async with call.transaction() as connection:
        params |= await bounds_of_the_work(call, connection)
        page, following = await _PAGING.read(connection, _SQL["list_rounds"], params, query)
        of_page = {**params, "rounds": [one["id"] for one in page]}
        for point in await rows(connection, _SQL["list_points"], of_page):
            points[point["round"]].append(point)
    return RoundPage(
        day=day,
        items=[_round(one, points[one["id"]]) for one in page],
        next=following,
    )
