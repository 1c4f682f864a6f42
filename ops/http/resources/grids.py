"""The territory as GeoJSON."""

from typing import Annotated, Any, Literal

from pydantic import Field

from ingest.queries import load_queries
from ops.http.call import Call
from ops.http.database import rows
from ops.http.fields import Code, Query, View
from ops.http.permissions import GRID
from ops.http.routes import route

_SQL = load_queries("ops.http.resources", "grids.sql")


class GridQuery(Query):
    """Which grids."""

    level: list[Annotated[int, Field(ge=1, le=99)]] | None = Field(
        None, description="1 the top, then down; repeat it for several"
    )
    hierarchy: Code = Field("patrol", description="`patrol`, or another over the same ground")


class GridProperties(View):
    """What a grid is."""

    code: str
    name: str
    level: int
    parent: str | None
    grade: int | None = Field(description="1 to 4: how closely it is watched")
    hierarchy: str
    base: bool = Field(description="whether no other grid lies below it")


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
    """The viewer's grid and all below it; of another hierarchy than its own, what lies on its ground."""
    async with call.transaction() as connection:
        found = await rows(connection, _SQL["list_grids"], {**call.bounds(), **call.query.model_dump()})
    features = []
    for one in found:
        geometry = one.pop("geometry")
        features.append(GridFeature(properties=GridProperties.model_validate(one), geometry=geometry))
    return GridCollection(features=features)
