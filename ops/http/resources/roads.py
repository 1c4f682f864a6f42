"""Roads as GeoJSON: the lines of the map that needs no tiles."""

from typing import Any, Literal

import shapely
from pydantic import Field
from shapely.geometry import shape

from ingest.queries import load_queries
from ops.http.call import Call
from ops.http.database import row, rows
from ops.http.fields import View
from ops.http.geojson import LineGeometry
from ops.http.permissions import GRID
from ops.http.routes import route

_SQL = load_queries("ops.http.resources", "roads.sql")


class RoadProperties(View):
    """What a road is."""

    code: str
    name: str
    kind: str | None


class RoadFeature(View):
    """One road."""

    type: Literal["Feature"] = "Feature"
    properties: RoadProperties
    geometry: LineGeometry


class RoadCollection(View):
    """A GeoJSON feature collection."""

    type: Literal["FeatureCollection"] = "FeatureCollection"
    features: list[RoadFeature] = Field(description="by code")


@route(
    "GET",
    "/api/roads",
    permission="grids.read",
    scope=GRID,
    returns=RoadCollection,
    content_type="application/geo+json",
    summary="Roads as GeoJSON, those that touch the territory",
)
async def list_roads(call: Call) -> RoadCollection:
    """A road has no grid of its own, so its line is held against the territory's shape."""
    bounds = call.bounds()
    async with call.transaction() as connection:
        found = await rows(connection, _SQL["list_roads"], bounds)
        territory = await row(connection, _SQL["territory"], bounds)
    if bounds["scope"] is not None:
        found = _touching(found, territory["geometry"] if territory else None)
    return RoadCollection(
        features=[
            RoadFeature(
                properties=RoadProperties(code=one["code"], name=one["name"], kind=one["kind"]),
                geometry=LineGeometry.model_validate(one["geometry"]),
            )
            for one in found
        ]
    )


def _touching(roads: list[dict[str, Any]], territory: dict[str, Any] | None) -> list[dict[str, Any]]:
    if territory is None or not roads:
        return []
    within = shape(territory)
    shapely.prepare(within)
    touches = shapely.intersects(within, [shape(one["geometry"]) for one in roads])
    return [one for one, it_does in zip(roads, touches, strict=True) if it_does]
