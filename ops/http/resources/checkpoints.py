"""Checkpoints as GeoJSON: where rounds must pass."""

from typing import Literal

from pydantic import Field

from ingest.queries import load_queries
from ops.http.call import Call
from ops.http.database import rows
from ops.http.fields import View
from ops.http.geojson import PointGeometry, point
from ops.http.permissions import GRID
from ops.http.routes import route
from ops.http.standing_in import bounds_of_the_work

_SQL = load_queries("ops.http.resources", "checkpoints.sql")


class CheckpointProperties(View):
    """What a checkpoint is."""

    code: str
    name: str
    kind: str
    grid: str | None
    radius_m: float = Field(description="being this near counts as being there; with a border the circle around it")
    border: list[tuple[float, float]] | None = Field(
        description="longitude, latitude around a polygon: being inside counts; null: the circle"
    )
    dwell_s: int | None = Field(description="seconds that a visit must last")


class CheckpointFeature(View):
    """One checkpoint."""

    type: Literal["Feature"] = "Feature"
    properties: CheckpointProperties
    geometry: PointGeometry


class CheckpointCollection(View):
    """A GeoJSON feature collection."""

    type: Literal["FeatureCollection"] = "FeatureCollection"
    features: list[CheckpointFeature] = Field(description="by code")


@route(
    "GET",
    "/api/checkpoints",
    permission="rounds.read",
    scope=GRID,
    returns=CheckpointCollection,
    content_type="application/geo+json",
    summary="Checkpoints as GeoJSON",
)
async def list_checkpoints(call: Call) -> CheckpointCollection:
    """Those in force now; a round tells the points as they were in its time."""
    async with call.transaction() as connection:
        found = await rows(connection, _SQL["list_checkpoints"], await bounds_of_the_work(call, connection))
    return CheckpointCollection(
        features=[
            CheckpointFeature(geometry=point(one.pop("lat"), one.pop("lon")), properties=CheckpointProperties(**one))
            for one in found
        ]
    )
