"""Shapes of GeoJSON that the resources share. Positions are longitude, latitude; degrees WGS-84."""

from typing import Any, Literal

from pydantic import Field

from ops.http.fields import View


class PointGeometry(View):
    """One place."""

    type: Literal["Point"] = "Point"
    coordinates: tuple[float, float] = Field(description="longitude, latitude; degrees WGS-84")


class LineGeometry(View):
    """A line, or several that belong together, as `type` says."""

    type: Literal["LineString", "MultiLineString"]
    coordinates: list[Any] = Field(description="positions as [longitude, latitude], or lists of them; WGS-84")


def point(lat: float, lon: float) -> PointGeometry:
    """The geometry of one place, given in degrees."""
    return PointGeometry(coordinates=(lon, lat))
