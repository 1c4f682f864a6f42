"""Places to be at: circles and polygons, and how near a fix or a movement comes to them."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, Protocol

import shapely

from devices.geometry import to_local_m
from rules.core.fixes import Fix
from rules.core.plans import Checkpoint, Ring, StaticPost

Point = tuple[float, float]
"""Metres east and north of a place's middle."""


class Place(Protocol):
    """Somewhere to be: `lat` and `lon` in degrees WGS-84 name its middle.

    Distances are those of a circle's middle, or from a polygon's border and nought inside it; `radius_m` is the
    distance that still counts as being there, `breadth_m` the worst accuracy that can prove it.
    """

    @property
    def lat(self) -> float:
        """Degrees."""

    @property
    def lon(self) -> float:
        """Degrees."""

    @property
    def radius_m(self) -> float:
        """No further away than this is there."""

    @property
    def breadth_m(self) -> float:
        """A fix less accurate than this proves nothing about the place."""

    @property
    def outer_m(self) -> float:
        """A distance and that from the middle differ by no more than this."""

    def distance_m(self, fix: Fix) -> float:
        """How far a fix is."""

    def outside_m(self, fix: Fix) -> float:
        """How far a fix lies beyond where it still counts; negative inside."""

    def distance_at(self, point: Point) -> float:
        """The distance of metres around the middle."""

    def nearest_along(self, start: Point, end: Point) -> tuple[float, float]:
        """How near a straight way comes, and at which share of it (0 at its start) that is first so."""

    def shown(self) -> Mapping[str, Any]:
        """As evidence keeps it."""


@dataclass(frozen=True)
class Circle:
    """A place and how near to it counts as being there: degrees WGS-84, metres."""

    lat: float
    lon: float
    radius_m: float

    @property
    def breadth_m(self) -> float:
        """Its radius."""
        return self.radius_m

    @property
    def outer_m(self) -> float:
        """Nought: its distances are those from the middle."""
        return 0.0

    def distance_m(self, fix: Fix) -> float:
        """From a fix to the middle, on the plane that touches there."""
        return self.distance_at(to_local_m(fix.lat, fix.lon, self.lat, self.lon))

    def outside_m(self, fix: Fix) -> float:
        """From the border to a fix; negative inside."""
        return self.distance_m(fix) - self.radius_m

    def distance_at(self, point: Point) -> float:
        """From metres around the middle to it."""
        return math.hypot(*point)

    def nearest_along(self, start: Point, end: Point) -> tuple[float, float]:
        """How near to the middle a way comes, and at which share of it."""
        return _nearest_to((0.0, 0.0), start, end)

    def shown(self) -> Mapping[str, Any]:
        """As evidence keeps it."""
        return {"lat": self.lat, "lon": self.lon, "radius_m": self.radius_m}


@dataclass(frozen=True)
class Polygon:
    """A place with a border: degrees WGS-84; `ring` goes around it once, (lat, lon) by (lat, lon)."""

    lat: float
    lon: float
    ring: Ring

    @property
    def radius_m(self) -> float:
        """Nought: inside or not."""
        return 0.0

    @cached_property
    def breadth_m(self) -> float:
        """The radius of the largest circle in it."""
        largest = shapely.maximum_inscribed_circle(shapely.Polygon(self._corners))
        return float(shapely.length(largest))

    @cached_property
    def outer_m(self) -> float:
        """From the middle to its furthest corner."""
        return max(math.hypot(*corner) for corner in self._corners)

    def distance_m(self, fix: Fix) -> float:
        """From a fix to the border; nought inside."""
        return self.distance_at(to_local_m(fix.lat, fix.lon, self.lat, self.lon))

    def outside_m(self, fix: Fix) -> float:
        """From the border to a fix; negative inside."""
        point = to_local_m(fix.lat, fix.lon, self.lat, self.lon)
        return -self._border_m(point) if self._holds(point) else self._border_m(point)

    def distance_at(self, point: Point) -> float:
        """From metres around the middle to the border; nought inside."""
        return 0.0 if self._holds(point) else self._border_m(point)

    def _border_m(self, point: Point) -> float:
        return min(_nearest_to(point, start, end)[0] for start, end in self._sides)

    def nearest_along(self, start: Point, end: Point) -> tuple[float, float]:
        """How near to the border a way comes, nought where it enters, and at which share of it that is first so."""
        if self._holds(start):
            return 0.0, 0.0
        entries = [share for side in self._sides if (share := _crossing(start, end, side)) is not None]
        if entries:
            return 0.0, min(entries)
        nearest = [_nearest_to(corner, start, end) for corner in self._corners]
        return min([*nearest, (self.distance_at(start), 0.0), (self.distance_at(end), 1.0)])

    def shown(self) -> Mapping[str, Any]:
        """As evidence keeps it."""
        reach_m = max(math.hypot(*corner) for corner in self._corners)
        ring = [list(corner) for corner in self.ring]
        return {"lat": self.lat, "lon": self.lon, "radius_m": round(reach_m, 1), "polygon": ring}

    @cached_property
    def _corners(self) -> tuple[Point, ...]:
        return tuple(to_local_m(lat, lon, self.lat, self.lon) for lat, lon in self.ring)

    @cached_property
    def _sides(self) -> tuple[tuple[Point, Point], ...]:
        corners = self._corners
        return tuple(zip(corners, corners[1:] + corners[:1], strict=True))

    def _holds(self, point: Point) -> bool:
        """By the number of sides that a ray to the east meets."""
        x, y = point
        inside = False
        for (ax, ay), (bx, by) in self._sides:
            if (ay > y) != (by > y) and x < ax + (y - ay) / (by - ay) * (bx - ax):
                inside = not inside
        return inside


@lru_cache(maxsize=20_000)  # the checkpoints and posts of a large town; a polygon's breadth is worth keeping
def place_of(point: Checkpoint | StaticPost) -> Place:
    """Where a checkpoint or a static post is: its polygon if it has one, else its circle."""
    return Polygon(point.lat, point.lon, point.ring) if point.ring else Circle(point.lat, point.lon, point.radius_m)


def _nearest_to(point: Point, start: Point, end: Point) -> tuple[float, float]:
    """How near a straight way comes to a point, and at which share of it."""
    ax, ay = start[0] - point[0], start[1] - point[1]
    dx, dy = end[0] - start[0], end[1] - start[1]
    length2 = dx * dx + dy * dy
    share = 0.0 if length2 == 0 else min(1.0, max(0.0, -(ax * dx + ay * dy) / length2))
    return math.hypot(ax + share * dx, ay + share * dy), share


def _crossing(start: Point, end: Point, side: tuple[Point, Point]) -> float | None:
    """At which share of a way it crosses a side; None when it does not."""
    (ax, ay), (bx, by) = side
    dx, dy, sx, sy = end[0] - start[0], end[1] - start[1], bx - ax, by - ay
    across = dx * sy - dy * sx
    if across == 0:
        return None
    share = ((ax - start[0]) * sy - (ay - start[1]) * sx) / across
    along = ((ax - start[0]) * dy - (ay - start[1]) * dx) / across
    return share if 0 <= share <= 1 and 0 <= along <= 1 else None
