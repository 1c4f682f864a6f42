"""Where a checkpoint is: a point with a radius, or a polygon with the circle around it."""

import math
from typing import Any

import shapely

from ops.town.fields import Fields
from ops.town.geometry import in_metres
from ops.town.model import Geometry

DEFAULT_RADIUS_M = 40.0  # a handset's fix between houses is good to 10-30 m
_LARGEST_M = 500.0  # from the middle of a polygon to its border; what is larger is a grid


def place_of(fields: Fields, geometry: Geometry) -> dict[str, Any] | None:
    """The columns `lat`, `lon`, `radius_m` and `geometry` of a checkpoint; None, with a finding, when it is none."""
    radius_m = fields.number("radius_m", low=5, high=_LARGEST_M, required=False)
    if geometry["type"] == "Point":
        lon, lat = geometry["coordinates"]
        return {"lat": float(lat), "lon": float(lon), "radius_m": radius_m or DEFAULT_RADIUS_M, "geometry": None}
    if len(geometry["coordinates"]) > 1:
        fields.wrong("is a polygon with holes", "draw its outer border only: who is in a hole is there as well")
        return None
    if radius_m is not None:
        fields.wrong("is a polygon with a radius_m", "leave the radius out: its border says where it is")
        return None
    shape = shapely.geometry.shape(geometry)
    middle = shape.representative_point()
    corners = shapely.get_coordinates(in_metres(shape, around_lat=middle.y))
    at = shapely.get_coordinates(in_metres(middle, around_lat=middle.y))[0]
    reach_m = max(math.dist(at, corner) for corner in corners)
    if reach_m > _LARGEST_M:
        fields.wrong(f"reaches {reach_m:.0f} m from its middle", f"at most {_LARGEST_M:.0f} m; make several of it")
        return None
    return {"lat": middle.y, "lon": middle.x, "radius_m": float(math.ceil(reach_m)), "geometry": geometry}
