"""Whether a device was in a circle, when, how near and how surely."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from devices.geometry import segment_distance_m, to_local_m
from rules.core.fixes import Fix, Pace, Span, believable, within


@dataclass(frozen=True)
class Circle:
    """A place and how near to it counts as being there: degrees WGS-84, metres."""

    lat: float
    lon: float
    radius_m: float

    def distance_m(self, fix: Fix) -> float:
        """From a fix to the middle, on the plane that touches there."""
        return math.hypot(*to_local_m(fix.lat, fix.lon, self.lat, self.lon))


@dataclass(frozen=True)
class Approach:
    """How near one fix, or one movement between two, came to a place, and when.

    `accuracy_m` is the worse of the fixes', None when no fix says. `step` counts fixes and movements in turn, so that
    two approaches which follow each other without anything between them differ by one.
    """

    step: int
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
    """The fixes and believable movements in the span that matter: those in reach, and the nearest of all, by time.

    In reach is what lies in the circle or may do so, given how inaccurate it is.

    Args:
        fixes: of one device, ordered, credible; those just outside the span complete its first and last movement.
        circle: the place.
        span: only what happened in it counts; a movement across its border is cut there.
        pace: which movements are believable.
    """
    near = within(fixes, span.widened(before=pace.max_gap, after=pace.max_gap))
    places = [to_local_m(fix.lat, fix.lon, circle.lat, circle.lon) for fix in near]
    distances = [math.hypot(*place) for place in places]
    found: list[Approach] = []
    nearest: Approach | None = None
    for index, fix in enumerate(near):
        for approach in (
            _from_before(near, index, places, distances, nearest, circle=circle, span=span, pace=pace),
            Approach(2 * index, fix.time, distances[index], fix.accuracy_m, (fix,))
            if fix.time in span and _matters(distances[index], fix.accuracy_m, circle, nearest)
            else None,
        ):
            if approach is None:
                continue
            if nearest is None or approach.distance_m < nearest.distance_m:
                nearest = approach
            if approach.distance_m <= circle.radius_m + (approach.accuracy_m or 0.0):
                found.append(approach)
    return found if nearest is None or nearest in found else sorted([*found, nearest], key=lambda it: it.step)


def first_visit(course: Iterable[Approach], circle: Circle) -> Visit | None:
    """The first pass through the circle among approaches in order of time, or None."""
    first: Approach | None = None
    step, nearest = 0, 0.0
    for approach in course:
        if first is not None and (approach.step > step + 1 or not approach.proves(circle)):
            break
        if approach.proves(circle):
            if first is None:
                first, nearest = approach, approach.distance_m
            step, nearest = approach.step, min(nearest, approach.distance_m)
    return Visit(first.at, nearest, first.accuracy_m, first.fixes) if first else None


def nearest_approach(course: Iterable[Approach]) -> Approach | None:
    """The nearest of them, the earliest when several are, or None."""
    return min(course, key=lambda it: (it.distance_m, it.step), default=None)


def worse(one: float | None, other: float | None) -> float | None:
    """The worse of two accuracies; one that is not stated says nothing."""
    if one is None or other is None:
        return one if other is None else other
    return max(one, other)


def _matters(distance_m: float, accuracy_m: float | None, circle: Circle, nearest: Approach | None) -> bool:
    """Whether something at least this far off is in reach, or nearer than all before."""
    return nearest is None or distance_m < max(nearest.distance_m, circle.radius_m + (accuracy_m or 0.0) + 0.001)


def _from_before(
    fixes: tuple[Fix, ...],
    index: int,
    places: list[tuple[float, float]],
    distances: list[float],
    nearest: Approach | None,
    *,
    circle: Circle,
    span: Span,
    pace: Pace,
) -> Approach | None:
    """The movement that ends at a fix, if it can be believed and matters."""
    if index == 0:
        return None
    a, b = fixes[index - 1], fixes[index]
    way_m = math.dist(places[index - 1], places[index])
    # No point of the way is nearer than this; most ways end here, which is what makes a judgement cheap.
    bound = (distances[index - 1] + distances[index] - way_m) / 2
    accuracy_m = worse(a.accuracy_m, b.accuracy_m)
    if not _matters(bound, accuracy_m, circle, nearest):
        return None
    if not believable((b.time - a.time).total_seconds(), way_m, pace):
        return None
    return _along(2 * index - 1, a, b, accuracy_m, circle=circle, span=span)


def _along(step: int, a: Fix, b: Fix, accuracy_m: float | None, *, circle: Circle, span: Span) -> Approach | None:
    whole = (b.time - a.time).total_seconds()
    low = max(0.0, (span.start - a.time).total_seconds() / whole)
    high = min(1.0, (span.end - a.time).total_seconds() / whole)
    if low > high:
        return None
    start, end = _point(a, b, low), _point(a, b, high)
    nearness, share = segment_distance_m(circle.lat, circle.lon, *start, *end)
    at = a.time + (b.time - a.time) * (low + (high - low) * share)
    return Approach(step, at, nearness, accuracy_m, (a, b))


def _point(a: Fix, b: Fix, share: float) -> tuple[float, float]:
    return a.lat + (b.lat - a.lat) * share, a.lon + (b.lon - a.lon) * share
