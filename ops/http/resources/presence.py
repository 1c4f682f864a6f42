"""How present the patrol was: hours in sight, passes for each kilometre of road, staffed minutes, by base grid."""

from datetime import datetime
from typing import Any

from pydantic import Field

from ops.http.call import Call
from ops.http.errors import not_found
from ops.http.fields import Code, Moment, Path, Query, View
from ops.http.permissions import GRID
from ops.http.resources.measures import MeasureRate
from ops.http.routes import route
from ops.http.spans import span_of
from ops.town.laying import base_with_roads
from rules.core.fixes import Span
from rules.core.measures import Presence, together
from rules.store import measures as store
from rules.store.world import snapshot

_MOST_DAYS = 31  # every fix of the span is looked at


class PresenceQuery(Query):
    """Of which time."""

    from_: Moment | None = Field(None, alias="from", description="at or after; without it a day before `to`")
    to: Moment | None = Field(None, description="before; without it now; at most 31 days")


class PresencePath(Path):
    """Which grid."""

    id: Code = Field(description="its code")


class PresenceLine(View):
    """One base grid, or all of them together."""

    code: str
    name: str | None
    sight: MeasureRate = Field(
        description="见巡率: hours with a unit on duty in sight (two fixes at least), of all hours"
    )
    staffed: MeasureRate = Field(
        description="minutes with a fix of a unit on duty, that minute or the one before, of all"
    )
    density: float | None = Field(
        description="巡逻密度: passes for each kilometre of road in each hour; a pass is a unit on duty that was in "
        "sight in an hour; null without road"
    )
    passes: int
    road_km: float
    hours: int


class PresenceList(View):
    """All base grids of the territory, over the whole hours that have been rolled up."""

    since: datetime
    until: datetime
    whole: PresenceLine
    items: list[PresenceLine]


class PresenceHour(View):
    """A unit in sight of a grid in an hour."""

    hour: datetime
    unit: str
    fixes: int
    first: datetime
    last: datetime


class PresenceDetail(View):
    """The hours behind a grid's figures."""

    code: str
    since: datetime
    until: datetime
    items: list[PresenceHour]


def _line(it: Presence, name: str | None) -> PresenceLine:
    return PresenceLine(
        code=it.grid,
        name=name,
        sight=MeasureRate(value=it.sight.value, n=it.sight.n, of=it.sight.of),
        staffed=MeasureRate(value=it.staffed.value, n=it.staffed.n, of=it.staffed.of),
        density=it.density,
        passes=it.passes,
        road_km=round(it.road_km, 3),
        hours=it.hours,
    )


@route(
    "GET",
    "/api/measures/presence",
    permission="territory.read",
    scope=GRID,
    query=PresenceQuery,
    returns=PresenceList,
    summary="见巡率, 巡逻密度 and staffed minutes by base grid",
)
async def read_presence(call: Call[PresenceQuery]) -> PresenceList:
    """Sight and passes come from the hourly rollup, staffed minutes from the stored fixes."""
    bounds = call.bounds()
    since, until = span_of(call.query.from_, call.query.to, now=call.now, days=1, most_days=_MOST_DAYS)
    async with call.transaction() as connection:
        known = await snapshot(connection, zone=call.service.settings.site.zone)
        areas, km = await base_with_roads(connection, at=call.now)
        hours = await store.rolled_up_hours(connection, Span(since, until))
        found = await store.presence(connection, known.world, hours, road_km=km, bounds=bounds)
    names = {area.code: area.name for area in areas}
    return PresenceList(
        since=hours.start,
        until=hours.end,
        whole=_line(together(found, grid=""), None),
        items=[_line(it, names.get(it.grid)) for it in found],
    )


@route(
    "GET",
    "/api/measures/presence/{id}",
    permission="territory.read",
    scope=GRID,
    params=PresencePath,
    query=PresenceQuery,
    returns=PresenceDetail,
    summary="The hours in which units on duty were in sight of a grid",
)
async def read_presence_hours(call: Call[PresenceQuery, None, PresencePath]) -> PresenceDetail:
    """One row for each unit and hour: as many rows as the figure has passes."""
    bounds, code = call.bounds(), call.params.id
    since, until = span_of(call.query.from_, call.query.to, now=call.now, days=1, most_days=_MOST_DAYS)
    async with call.transaction() as connection:
        if code not in await store.within(connection, bounds):
            raise not_found(f"grid {code}")
        known = await snapshot(connection, zone=call.service.settings.site.zone)
        hours = await store.rolled_up_hours(connection, Span(since, until))
        found: list[dict[str, Any]] = await store.hours_of(connection, known.world, hours, grid=code)
    return PresenceDetail(
        code=code, since=hours.start, until=hours.end, items=[PresenceHour.model_validate(one) for one in found]
    )
