"""Which grids border on each other, and for how many metres."""

from collections.abc import Sequence
from dataclasses import dataclass

import shapely
from shapely.geometry.base import BaseGeometry

from ops.town.plane import Plane
from ops.town.topology import Area

NEAR_M = 5.0  # borders drawn twice by hand lie this close to each other
BORDER_M = 20.0  # a shorter common border is a corner: nobody walks across it


@dataclass(frozen=True, kw_only=True)
class Neighbour:
    """A grid on the other side of a border."""

    code: str
    name: str
    border_m: float


def neighbours(of: Area, areas: Sequence[Area]) -> list[Neighbour]:
    """The grids that share a border with one, the longest border first.

    Args:
        of: the grid.
        areas: those that may be neighbours; it may be among them.
    """
    plane = Plane([of.shape])
    here = plane.metres(of.shape)
    around = shapely.buffer(here, NEAR_M)
    found = []
    for area in areas:
        if area.code == of.code:
            continue
        there = plane.metres(area.shape)
        if not shapely.intersects(around, there):
            continue
        border_m = (_along(here, there) + _along(there, here)) / 2  # the same from both sides
        if border_m > BORDER_M:
            found.append(Neighbour(code=area.code, name=area.name, border_m=round(border_m, 1)))
    return sorted(found, key=lambda it: (-it.border_m, it.code))


def _along(one: BaseGeometry, other: BaseGeometry) -> float:
    """How much of one's border runs along the other, without the ends that only come near it."""
    near = shapely.intersection(shapely.boundary(one), shapely.buffer(other, NEAR_M, cap_style="flat"))
    return max(0.0, float(near.length) - 2 * NEAR_M)
