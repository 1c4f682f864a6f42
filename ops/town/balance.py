"""How work is spread over grids: kilometres of road in each, and one figure for how even a spread is."""

from collections.abc import Iterable, Mapping, Sequence

import shapely
from shapely.geometry.base import BaseGeometry

from ops.town.plane import Plane
from ops.town.topology import Area


def road_km(areas: Sequence[Area], roads: Iterable[BaseGeometry]) -> dict[str, float]:
    """Kilometres of line within each grid; a line along a common border counts half to each side.

    Args:
        areas: that do not lie over each other.
        roads: lines in degrees.

    Returns:
        By code of the grid; a grid without any has 0.
    """
    plane = Plane(area.shape for area in areas)
    shapes = [plane.metres(area.shape) for area in areas]
    tree = shapely.STRtree(shapes)
    metres = {area.code: 0.0 for area in areas}
    for road in map(plane.metres, roads):
        near = sorted(tree.query(road, predicate="intersects").tolist())
        pieces = {index: shapely.intersection(road, shapes[index]) for index in near}
        for index, piece in pieces.items():
            shared = sum(shapely.intersection(piece, other).length for at, other in pieces.items() if at != index)
            metres[areas[index].code] += piece.length - min(shared, piece.length) / 2
    return {code: round(length / 1000, 3) for code, length in metres.items()}


def gini(values: Iterable[float]) -> float | None:
    """How unevenly something is spread: 0 all have the same, near 1 one has all; None of nothing at all.

    It is half the mean difference between any two, as a share of the mean.
    """
    ordered = sorted(values)
    total = sum(ordered)
    if not ordered or total <= 0:
        return None
    count = len(ordered)
    weighted = sum(rank * value for rank, value in enumerate(ordered, start=1))
    return round(2 * weighted / (count * total) - (count + 1) / count, 3) + 0.0  # no -0.0


def extremes(values: Mapping[str, float]) -> tuple[str | None, str | None]:
    """The codes with the most and with the least; the lowest code among equals."""
    if not values:
        return None, None
    ordered = sorted(values)
    return max(ordered, key=values.__getitem__), min(ordered, key=values.__getitem__)
