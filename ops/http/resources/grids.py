"""The territory as GeoJSON."""

from typing import Annotated, Any, Literal

from pydantic import Field

from ingest.queries import load_queries
from ops.http.call import Call
from ops.http.database import rows
from ops.http.fields import Query, View
from ops.http.permissions import GRID
from ops.http.routes import route

_SQL = load_queries("ops.http.resources", "grids.sql")


class GridQuery(Query):
    """Which grids."""

    level: list[Annotated[int, Field(ge=1, le=9)]] | None = Field(
        None, description="1 the town, 2 communities, 3 base grids; repeat it for several"
    )


class GridProperties(View):
    """What a grid is."""

    code: str
    name: str
    level: int
    parent: str | None
    grade: int | None = Field(description="1 to 4: how closely it is watched")


class GridFeature(View):
    """One grid."""

    type: Literal["Feature"] = "Feature"
    properties: GridProperties
    geometry: dict[str, Any] = Field(description="GeoJSON polygon or multipolygon, WGS-84")


class GridCollection(View):
    """A GeoJSON feature collection."""

    type: Literal["FeatureCollection"] = "FeatureCollection"
    features: list[GridFeature]


@route(
    "GET",
    "/api/grids",
    permission="grids.read",
    scope=GRID,
    query=GridQuery,
    returns=GridCollection,
    content_type="application/geo+json",
    summary="The territory as GeoJSON",
)
async def list_grids(call: Call[GridQuery]) -> GridCollection:
    """The viewer's grid and all below it."""
    async with call.transaction() as connection:
        found = await rows(connection, _SQL["list_grids"], {**call.bounds(), "level": call.query.level})
    features = []
    for one in found:
        geometry = one.pop("geometry")
        features.append(GridFeature(properties=GridProperties.model_validate(one), geometry=geometry))
    return GridCollection(features=features)
