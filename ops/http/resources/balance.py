"""How work is spread over the base grids: places, kilometres, duties and alerts, and how uneven that is."""

import asyncio
from datetime import datetime
from typing import Literal

from pydantic import Field
from shapely.geometry import shape

from ingest.queries import load_queries
from ops.http.call import Call
from ops.http.database import rows
from ops.http.fields import Moment, Query, View
from ops.http.permissions import GRID
from ops.http.routes import route
from ops.http.spans import span_of
from ops.town.balance import extremes, gini, road_km
from ops.town.laying import base_with_roads

Load = Literal["checkpoints", "road_km", "line_km", "duties", "alerts"]
LOADS: tuple[Load, ...] = ("checkpoints", "road_km", "line_km", "duties", "alerts")

_SQL = load_queries("ops.http.resources", "balance.sql")


class BalanceQuery(Query):
    """Of which time; places and roads are those of now."""

    from_: Moment | None = Field(None, alias="from", description="at or after; without it a week before `to`")
    to: Moment | None = Field(None, description="before; without it now")


class GridLoad(View):
    """What falls to one base grid."""

    code: str
    name: str
    grade: int | None
    checkpoints: int
    road_km: float = Field(description="a road on a common border counts half to each side")
    line_km: float = Field(description="of lines that must be walked, likewise")
    duties: int = Field(description="that opened in the span, superseded ones left out")
    alerts: int = Field(description="that opened in the span")


class Spread(View):
    """How one kind of work is spread."""

    load: Load
    total: float
    mean: float | None
    gini: float | None = Field(
        description="0 every grid has the same, near 1 one has all: half the mean difference between two grids, as a "
        "share of the mean; null when there is nothing"
    )
    most: str | None = Field(description="code of the grid with the most")
    least: str | None


class Balance(View):
    """The workload of a territory."""

    since: datetime
    until: datetime
    items: list[GridLoad] = Field(description="patrol base grids, by code")
    spreads: list[Spread]


@route(
    "GET",
    "/api/territory/balance",
    permission="territory.read",
    scope=GRID,
    query=BalanceQuery,
    returns=Balance,
    summary="Work by base grid, and how evenly it is spread",
)
async def read_balance(call: Call[BalanceQuery]) -> Balance:
    """Neighbours that carry three times as much as each other are the ones to redraw."""
    since, until = span_of(call.query.from_, call.query.to, now=call.now, days=7)
    bounds = call.bounds()
    async with call.transaction() as connection:
        areas, km = await base_with_roads(connection, at=call.now)
        found = await rows(connection, _SQL["loads"], {**bounds, "since": since, "until": until})
        lines = await rows(connection, _SQL["lines"], bounds)
    walked = await asyncio.to_thread(road_km, areas, [shape(one["geometry"]) for one in lines])
    base = {area.code for area in areas}
    items = [
        GridLoad(**one, road_km=km[one["code"]], line_km=walked[one["code"]]) for one in found if one["code"] in base
    ]
    return Balance(since=since, until=until, items=items, spreads=[_spread(load, items) for load in LOADS])


def _spread(load: Load, items: list[GridLoad]) -> Spread:
    values = {it.code: float(getattr(it, load)) for it in items}
    most, least = extremes(values)
    total = round(sum(values.values()), 3)
    mean = round(total / len(values), 3) if values else None
    return Spread(load=load, total=total, mean=mean, gini=gini(values.values()), most=most, least=least)
