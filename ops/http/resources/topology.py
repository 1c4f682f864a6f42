"""Flaws of the territory: gaps, overlaps, roads and points in no grid or in two; as sentences and for the map."""

import asyncio
from typing import Any, Literal

import shapely
from pydantic import Field
from shapely.geometry import mapping, shape

from ingest.queries import load_queries
from ops.http.call import Call
from ops.http.database import rows
from ops.http.fields import Code, Query, View
from ops.http.permissions import GRID
from ops.http.routes import route
from ops.town.ground import PATROL, grounds, without_ground
from ops.town.laying import areas_of
from ops.town.topology import Area, Flaw, FlawKind, Thing, area_flaws, thing_flaws

_SQL = load_queries("ops.http.resources", "topology.sql")


class TopologyQuery(Query):
    """Of which division of the ground."""

    hierarchy: Code = "patrol"


class FlawProperties(View):
    """What is wrong."""

    kind: FlawKind
    subject: str = Field(description="code of the grid, road or point that it is about")
    name: str | None
    others: list[str] = Field(description="codes of the other grids concerned")
    what: str
    remedy: str
    size_m2: float | None
    length_m: float | None


class FlawFeature(View):
    """One flaw where it is."""

    type: Literal["Feature"] = "Feature"
    properties: FlawProperties
    geometry: dict[str, Any] = Field(description="GeoJSON, WGS-84")


class FlawCollection(View):
    """A GeoJSON feature collection, and how many of each kind there are."""

    type: Literal["FeatureCollection"] = "FeatureCollection"
    features: list[FlawFeature]
    counts: dict[str, int]
    checked: dict[str, int] = Field(description="how many grids, roads and points were looked at")


@route(
    "GET",
    "/api/territory/topology",
    permission="territory.read",
    scope=GRID,
    query=TopologyQuery,
    returns=FlawCollection,
    content_type="application/geo+json",
    summary="Gaps, overlaps, and roads and points in no grid or in two, as GeoJSON",
)
async def read_topology(call: Call[TopologyQuery]) -> FlawCollection:
    """A flaw shows to whoever sees one of the grids concerned; what lies in no grid, to those of the whole site."""
    hierarchy, bounds = call.query.hierarchy, call.bounds()
    async with call.transaction() as connection:
        everything = await areas_of(connection, at=call.now)
        within = {one["code"] for one in await rows(connection, _SQL["within"], bounds)}
        found = await rows(connection, _SQL["things"], bounds)
    areas = [area for area in everything if area.hierarchy == hierarchy]
    things = [
        Thing(
            kind=one["kind"],
            code=one["code"],
            name=one["name"],
            shape=shape(one["geometry"]) if one["geometry"] else shapely.Point(one["lon"], one["lat"]),
        )
        for one in found
    ]
    flaws = await asyncio.to_thread(_flaws, areas, things, everything)
    shown = [flaw for flaw in flaws if bounds["scope"] is None or within.intersection(flaw.codes)]
    names = {area.code: area.name for area in areas} | {thing.code: thing.name for thing in things}
    return FlawCollection(
        features=[_feature(flaw, names) for flaw in shown],
        counts={kind: sum(flaw.kind == kind for flaw in shown) for kind in dict.fromkeys(it.kind for it in shown)},
        checked={
            "grids": len(areas),
            "roads": sum(it.kind == "road" for it in things),
            "points": sum(it.kind != "road" for it in things),
        },
    )


def _flaws(areas: list[Area], things: list[Thing], everything: list[Area]) -> list[Flaw]:
    found = [*area_flaws(areas), *thing_flaws(areas, things)]
    if areas and areas[0].hierarchy != PATROL:
        codes = {area.code for area in areas}
        found += [it for it in without_ground(everything, grounds(everything)) if it.codes[0] in codes]
    return found


def _feature(flaw: Flaw, names: dict[str, str]) -> FlawFeature:
    subject, *others = flaw.codes
    properties = FlawProperties(
        kind=flaw.kind,
        subject=subject,
        name=names.get(subject),
        others=others,
        what=flaw.what,
        remedy=flaw.remedy,
        size_m2=_rounded(flaw.size_m2),
        length_m=_rounded(flaw.length_m),
    )
    return FlawFeature(properties=properties, geometry=dict(mapping(flaw.shape)))


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 1)
