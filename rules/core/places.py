"""A place that can be held: a circle or a polygon, and how far from its border a fix lies."""

import math
from dataclasses import dataclass
from itertools import pairwise

from devices.geometry import segment_distance_m, to_local_m
from rules.core.fixes import Fix
from rules.core.world import StaticPost


@dataclass(frozen=True)
class Place:
    """Degrees WGS-84, metres; without a `ring` of (lat, lon) it is the circle."""

    lat: float
    lon: float
    radius_m: float
    ring: tuple[tuple[float, float], ...] = ()

    @property
    def width_m(self) -> float:
        """What a fix must be more accurate than to tell inside from outside: the radius, or half a polygon's width."""
        if not self.ring:
            return self.radius_m
        places = [to_local_m(lat, lon, self.lat, self.lon) for lat, lon in self.ring]
        sides = [max(axis) - min(axis) for axis in zip(*places, strict=True)]
        return float(min(sides)) / 2

    def outside_m(self, fix: Fix) -> float:
        """Metres from a fix to the border; negative when it lies inside."""
        if not self.ring:
            return math.hypot(*to_local_m(fix.lat, fix.lon, self.lat, self.lon)) - self.radius_m
        border_m = min(segment_distance_m(fix.lat, fix.lon, *a, *b)[0] for a, b in self._sides())
        return -border_m if self._holds(fix) else border_m

    def _sides(self) -> list[tuple[tuple[float, float], tuple[float, float]]]:
        return list(pairwise(self.ring if self.ring[0] == self.ring[-1] else (*self.ring, self.ring[0])))

    def _holds(self, fix: Fix) -> bool:
        odd = False
        for (lat1, lon1), (lat2, lon2) in self._sides():
            if (lat1 > fix.lat) != (lat2 > fix.lat):
                odd ^= fix.lon < lon1 + (fix.lat - lat1) / (lat2 - lat1) * (lon2 - lon1)
        return odd


def place_of(post: StaticPost) -> Place:
    """The place that a static post holds."""
    return Place(post.lat, post.lon, post.radius_m, post.ring)
