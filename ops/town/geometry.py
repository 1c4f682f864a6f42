"""Whether a GeoJSON geometry is one, and metres around a town from its degrees."""

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry
from shapely.validation import explain_validity

METRES_PER_DEGREE = 111_195.0  # of latitude, on a sphere of 6,371 km; 0.3 % is nothing to a finding

_DEPTHS = {"Point": 0, "LineString": 1, "MultiLineString": 2, "Polygon": 2, "MultiPolygon": 3}

Complain = Callable[[str, str], None]
"""Takes what is wrong and what to do."""


def check_geometry(geometry: Any, *, allowed: Sequence[str], complain: Complain) -> dict[str, Any] | None:
    """The geometry when it is sound and of an allowed type; otherwise None, after complaining.

    It complains once for each ring or for the first bad position: a swapped pair is swapped in all of them.
    """
    kinds = " or ".join(allowed)
    if geometry is None:
        complain("has no geometry", f"draw it; it must be a {kinds}")
        return None
    if not isinstance(geometry, dict) or not isinstance(geometry.get("type"), str):
        complain("has a geometry that is none", f"write it as GeoJSON; it must be a {kinds}")
        return None
    kind = geometry["type"]
    if kind not in allowed:
        complain(f"is a {kind[:40]!a}", f"it must be a {kinds}")
        return None
    coordinates = geometry.get("coordinates")
    problem = _positions_problem(coordinates, depth=_DEPTHS[kind])
    if problem is not None:
        complain(*problem)
        return None
    flat = {"type": kind, "coordinates": _flat(coordinates, depth=_DEPTHS[kind])}
    if kind == "Point":
        return flat
    problems = list(_rings_problems(flat) if "Polygon" in kind else _lines_problems(flat))
    for what, remedy in problems:
        complain(what, remedy)
    return None if problems else flat


def _flat(coordinates: Any, *, depth: int) -> list[Any]:
    """Without altitudes: shapely refuses a line that has them in some places only."""
    return list(coordinates[:2]) if depth == 0 else [_flat(inner, depth=depth - 1) for inner in coordinates]


def _positions_problem(coordinates: Any, *, depth: int) -> tuple[str, str] | None:
    if depth == 0:
        return _position_problem(coordinates)
    if not isinstance(coordinates, list) or not coordinates:
        return "has no coordinates", "draw it again; its coordinates are missing or not nested as its type asks"
    for inner in coordinates:
        problem = _positions_problem(inner, depth=depth - 1)
        if problem is not None:
            return problem
    return None


def _position_problem(position: Any) -> tuple[str, str] | None:
    remedy = "a position is [longitude, latitude] in degrees, WGS-84"
    if not isinstance(position, list) or len(position) < 2 or not all(map(_is_number, position)):
        return "has a position that is not two numbers", remedy
    return degrees_problem(lon=float(position[0]), lat=float(position[1]))


def degrees_problem(*, lon: float, lat: float) -> tuple[str, str] | None:
    """What is wrong with a pair of degrees, and what to do; None when nothing is."""
    if -180 <= lon <= 180 and -90 <= lat <= 90:
        return None
    place = f"longitude {lon:g}, latitude {lat:g}"
    if -180 <= lat <= 180 and -90 <= lon <= 90:
        return f"has latitude and longitude swapped ({place})", "write the longitude first, then the latitude"
    if max(abs(lon), abs(lat)) > 1000:
        return f"has coordinates in metres, not degrees ({place})", "export it as WGS-84 (EPSG:4326)"
    return f"has coordinates out of range ({place})", "longitude is -180 to 180 and latitude -90 to 90, in degrees"


def _is_number(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def _polygons(geometry: dict[str, Any]) -> list[list[list[list[float]]]]:
    coordinates = geometry["coordinates"]
    return [coordinates] if geometry["type"] == "Polygon" else coordinates


def _rings_problems(geometry: dict[str, Any]) -> Iterator[tuple[str, str]]:
    sound = True
    for polygon in _polygons(geometry):
        for number, ring in enumerate(polygon):
            name = "the outer ring" if number == 0 else f"hole {number}"
            if ring[0] != ring[-1]:
                sound = False
                yield f"has {name} open", "end the ring with the position that it starts with"
            elif len(ring) < 4:
                sound = False
                yield f"has {name} with {len(ring)} positions", "a ring has at least four, the last equal to the first"
    if not sound:
        return
    why = _invalid(geometry)
    if why is not None:
        yield f"crosses or touches itself: {why}", 'redraw it there, or run the map program\'s "fix geometries"'


def _invalid(geometry: dict[str, Any]) -> str | None:
    try:
        built = shape(geometry)
        return None if built.is_valid and built.area > 0 else explain_validity(built)
    except (shapely.errors.ShapelyError, ValueError, TypeError) as error:
        return str(error)


def _lines_problems(geometry: dict[str, Any]) -> Iterator[tuple[str, str]]:
    coordinates = geometry["coordinates"]
    lines = [coordinates] if geometry["type"] == "LineString" else coordinates
    for line in lines:
        if len({(position[0], position[1]) for position in line}) < 2:
            yield "is a line without length", "a line has at least two different positions"
            return


def in_metres(geometry: BaseGeometry, *, around_lat: float) -> BaseGeometry:
    """A geometry in degrees as one in metres, true near a latitude (equirectangular)."""
    scale: NDArray[np.float64] = np.array(
        [METRES_PER_DEGREE * max(math.cos(math.radians(around_lat)), 1e-6), METRES_PER_DEGREE]
    )

    def stretch(points: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.multiply(points, scale)

    return shapely.transform(geometry, stretch)


def distance_m(one: BaseGeometry, other: BaseGeometry) -> float:
    """The shortest distance between two geometries in degrees, in metres; good to 1 % within some kilometres."""
    lat = shapely.get_y(shapely.centroid(one))
    around = float(lat) if math.isfinite(lat) else 0.0
    return float(shapely.distance(in_metres(one, around_lat=around), in_metres(other, around_lat=around)))
