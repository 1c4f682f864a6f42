"""Hydrants as GeoJSON: where water is, and whether it can be had."""

from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from ingest.queries import load_queries
from ops.http.call import Call
from ops.http.database import rows
from ops.http.fields import View
from ops.http.geojson import PointGeometry, point
from ops.http.permissions import GRID
from ops.http.routes import route
from ops.http.water import HydrantState, hydrant_state

_SQL = load_queries("ops.http.resources", "hydrants.sql")


class HydrantProperties(View):
    """A hydrant and what its tag said last."""

    code: str
    name: str
    grid: str | None
    place: str | None = Field(description="such as pillar or underground")
    device: str | None = Field(description="name of its tag")
    state: HydrantState = Field(description="by its newest measurement; untagged: nothing watches it")
    measured: dict[str, Any] | None = Field(description="with units in the names, such as pressure_kpa")
    measured_at: datetime | None
    heard_at: datetime | None = Field(description="when anything at all last came from its tag")
    battery_pct: int | None


class HydrantFeature(View):
    """One hydrant."""

    type: Literal["Feature"] = "Feature"
    properties: HydrantProperties
    geometry: PointGeometry


class HydrantCollection(View):
    """A GeoJSON feature collection."""

    type: Literal["FeatureCollection"] = "FeatureCollection"
    features: list[HydrantFeature] = Field(description="by code")


@route(
    "GET",
    "/api/hydrants",
    permission="equipment.read",
    scope=GRID,
    returns=HydrantCollection,
    content_type="application/geo+json",
    summary="Hydrants as GeoJSON, with their newest measurement and state",
)
async def list_hydrants(call: Call) -> HydrantCollection:
    """A state is reckoned now, so a tag that fell silent shows as silent without a message from it."""
    async with call.transaction() as connection:
        found = await rows(connection, _SQL["list_hydrants"], call.bounds())
    features = []
    for one in found:
        state = hydrant_state(one["measured"], heard_at=one["heard_at"], tagged=one["device"] is not None, now=call.now)
        features.append(
            HydrantFeature(
                geometry=point(one.pop("lat"), one.pop("lon")), properties=HydrantProperties(**one, state=state)
            )
        )
    return HydrantCollection(features=features)
