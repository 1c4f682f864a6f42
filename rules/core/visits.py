"""Whether a device was in a circle, when, how near and how surely."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from devices.geometry import distance_m, segment_distance_m
from rules.core.fixes import Fix, Pace, Span, segments


@dataclass(frozen=True)
class Circle:
    """A place and how near to it counts as being there: degrees WGS-84, metres."""

    lat: float
    lon: float
    radius_m: float

    def distance_m(self, fix: Fix) -> float:
        """From a fix to the middle."""
        return distance_m(fix.lat, fix.lon, self.lat, self.lon)


@dataclass(frozen=True)
class Approach:
    """How near one fix, or one movement between two, came to a place, and when.

    `accuracy_m` is the worse of the fixes', None when no fix says.
    """

    at: datetime
    distance_m: float
    accuracy_m: float | None
    fixes: tuple[Fix, ...]

    def proves(self, circle: Circle) -> bool:
        """Inside, and accurate enough to say so."""
        return self.distance_m <= circle.radius_m and not self.coarse(circle)

    def coarse(self, circle: Circle) -> bool:
        """Less accurate than the circle is wide: it can prove nothing about it."""
        return self.accuracy_m is not None and self.accuracy_m > circle.radius_m

    def leaves_open(self, circle: Circle) -> bool:
        """Too coarse to prove a visit, and too near to rule one out."""
        return self.coarse(circle) and self.distance_m <= circle.radius_m + (self.accuracy_m or 0.0)


@dataclass(frozen=True)
class Visit:
    """A pass through a circle: when it was first seen inside, and how near the pass came to the middle."""

    at: datetime
    distance_m: float
    accuracy_m: float | None
    fixes: tuple[Fix, ...]

    @property
    def interpolated(self) -> bool:
        """Whether it rests on the way between two fixes, none of them need lie inside."""
        return len(self.fixes) == 2


def approaches(fixes: tuple[Fix, ...], circle: Circle, *, span: Span, pace: Pace) -> list[Approach]:
    """Every fix in the span and every believable movement that touches it, by time.

    Args:
        fixes: of one device, ordered, credible; those just outside the span complete its first and last movement.
        circle: the place.
        span: only what happened in it counts; a movement across its border is cut there.
        pace: which movements are believable.
    """
    found = [Approach(fix.time, circle.distance_m(fix), fix.accuracy_m, (fix,)) for fix in fixes if fix.time in span]
    found += [
        approach for a, b in segments(fixes, pace) if (approach := _along(a, b, circle=circle, span=span)) is not None
    ]
    return sorted(found, key=lambda it: (it.at, it.distance_m, len(it.fixes), it.fixes[0].digest))


def first_visit(course: Iterable[Approach], circle: Circle) -> Visit | None:
    """The first pass through the circle among approaches in order of time, or None."""
    first: Approach | None = None
    nearest = 0.0
    for approach in course:
        if approach.proves(circle):
            if first is None:
                first, nearest = approach, approach.distance_m
            nearest = min(nearest, approach.distance_m)
        elif first is not None:
            break
    return Visit(first.at, nearest, first.accuracy_m, first.fixes) if first else None


def nearest_approach(course: Iterable[Approach]) -> Approach | None:
    """The nearest of them, the earliest when several are, or None."""
    return min(course, key=lambda it: (it.distance_m, it.at), default=None)


def _along(a: Fix, b: Fix, *, circle: Circle, span: Span) -> Approach | None:
    whole = (b.time - a.time).total_seconds()
    low = max(0.0, (span.start - a.time).total_seconds() / whole)
    high = min(1.0, (span.end - a.time).total_seconds() / whole)
    if low > high:
        return None
    start, end = _point(a, b, low), _point(a, b, high)
    nearness, share = segment_distance_m(circle.lat, circle.lon, *start, *end)
    at = a.time + (b.time - a.time) * (low + (high - low) * share)
    return Approach(at, nearness, worse(a.accuracy_m, b.accuracy_m), (a, b))


def worse(one: float | None, other: float | None) -> float | None:
    """The worse of two accuracies; one that is not stated says nothing."""
    return max((it for it in (one, other) if it is not None), default=None)


def _point(a: Fix, b: Fix, share: float) -> tuple[float, float]:
    return a.lat + (b.lat - a.lat) * share, a.lon + (b.lon - a.lon) * share
