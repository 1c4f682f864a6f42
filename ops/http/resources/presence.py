"""How present the patrol was: hours in sight, passes for each kilometre of road, staffed minutes, by base grid."""

import asyncio
from datetime import datetime
from typing import Any

from pydantic import Field
from shapely.geometry import shape

from ingest.database import Connection
from ingest.queries import load_queries
from ops.http.call import Call
from ops.http.database import rows
from ops.http.errors import not_found
from ops.http.fields import Code, Moment, Path, Query, View
from ops.http.permissions import GRID
from ops.http.resources.measures import MeasureRate
from ops.http.routes import route
from ops.http.spans import span_of
from ops.town.balance import road_km
from ops.town.ground import PATROL
from ops.town.laying import areas_of
from ops.town.topology import Area, leaves
from rules.core.fixes import Span
from rules.core.measures import Presence, together, whole_hours
from rules.store import measures as store
from rules.store.world import snapshot

_SQL = load_queries("ops.http.resources", "presence.sql")
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
    """All base grids of the territory, over the whole hours that are over."""

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


async def base_with_roads(connection: Connection, *, now: datetime) -> tuple[list[Area], dict[str, float]]:
    """The patrol base grids of now, and the kilometres of road in each."""
    areas = leaves([it for it in await areas_of(connection, at=now) if it.hierarchy == PATROL])
    found = await rows(connection, _SQL["roads"], {"now": now})
    return areas, await asyncio.to_thread(road_km, areas, [shape(one["geometry"]) for one in found])


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
        areas, km = await base_with_roads(connection, now=call.now)
        found = await store.presence(
            connection, known.world, Span(since, until), now=call.now, road_km=km, bounds=bounds
        )
    names = {area.code: area.name for area in areas}
    hours = whole_hours(Span(since, until), call.now)
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
    span = Span(since, until)
    async with call.transaction() as connection:
        if code not in await store.within(connection, bounds):
            raise not_found(f"grid {code}")
        known = await snapshot(connection, zone=call.service.settings.site.zone)
        found: list[dict[str, Any]] = await store.hours_of(connection, known.world, span, grid=code, now=call.now)
    hours = whole_hours(span, call.now)
    return PresenceDetail(
        code=code, since=hours.start, until=hours.end, items=[PresenceHour.model_validate(one) for one in found]
    )
