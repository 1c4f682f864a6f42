"""Where something is at each moment: straight movements between points on a plane in metres."""

import itertools
import math
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from devices.geometry import M_PER_DEG, to_local_m

Point = tuple[float, float]
"""Metres east and north of the plane's origin."""

STANDING_MPS = 0.2  # slower than this is standing about


@dataclass(frozen=True)
class Plane:
    """A plane that touches the ground at its origin, given in degrees; good for a town."""

    lat: float
    lon: float

    def point(self, lat: float, lon: float) -> Point:
        """Metres of a place."""
        return to_local_m(lat, lon, self.lat, self.lon)

    def place(self, x: float, y: float) -> tuple[float, float]:
        """Latitude and longitude of a point."""
        return self.lat + y / M_PER_DEG, self.lon + x / (M_PER_DEG * math.cos(math.radians(self.lat)))


@dataclass(frozen=True)
class Moment:
    """How something moves at one moment: metres, metres per second, degrees from north; no heading when it stands."""

    x: float
    y: float
    speed_mps: float
    heading_deg: float | None

    @property
    def point(self) -> Point:
        """Where it is."""
        return self.x, self.y


class Course:
    """A movement in time; build it forwards with `stand` and `go`. Times are seconds since 1970."""

    def __init__(self, at_s: float, point: Point) -> None:
        self._times = [at_s]
        self._points = [point]

    @property
    def starts_s(self) -> float:
        """When it begins."""
        return self._times[0]

    @property
    def ends_s(self) -> float:
        """Up to when it is known."""
        return self._times[-1]

    @property
    def point(self) -> Point:
        """Where it ends."""
        return self._points[-1]

    def stand(self, until_s: float) -> None:
        """Stay until a moment; nothing when that has passed."""
        if until_s > self._times[-1]:
            self._times.append(until_s)
            self._points.append(self._points[-1])

    def go(self, points: Iterable[Point], *, speed_mps: float) -> None:
        """Go straight from point to point."""
        for point in points:
            way_m = math.dist(self._points[-1], point)
            if way_m > 0:
                self._times.append(self._times[-1] + way_m / speed_mps)
                self._points.append(point)

    def at(self, moment_s: float) -> Moment:
        """Where it is at a moment; before the start and after the end it stands."""
        index = bisect_right(self._times, moment_s)
        if index == 0 or index == len(self._times):
            x, y = self._points[0 if index == 0 else -1]
            return Moment(x, y, 0.0, None)
        start, end = self._times[index - 1], self._times[index]
        (ax, ay), (bx, by) = self._points[index - 1], self._points[index]
        share = (moment_s - start) / (end - start)
        speed = math.hypot(bx - ax, by - ay) / (end - start)
        heading = math.degrees(math.atan2(bx - ax, by - ay)) % 360 if speed >= STANDING_MPS else None
        return Moment(ax + (bx - ax) * share, ay + (by - ay) * share, speed, heading)


def length_m(points: Sequence[Point]) -> float:
    """Length of a way."""
    return sum(math.dist(a, b) for a, b in itertools.pairwise(points))
