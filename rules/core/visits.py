"""Whether a device was at a place, when, for how long, how near and how surely."""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from devices.geometry import M_PER_DEG, to_local_m
from rules.core.fixes import Fix, Pace, Span, believable, places_within
from rules.core.places import Circle, Place, Point, Polygon

__all__ = [
    "Approach",
    "Circle",
    "Columns",
    "Place",
    "Polygon",
    "Stay",
    "Visit",
    "approaches",
    "first_visit",
    "nearest_approach",
    "passes",
    "stay_of",
    "visit_of",
    "worse",
]

_ROUNDING_M = 0.01  # by which the two ways to reckon a distance differ at the very most


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

    def proves(self, place: Place) -> bool:
        """Inside, and accurate enough to say so."""
        return self.distance_m <= place.radius_m and not self.coarse(place)

    def coarse(self, place: Place) -> bool:
        """Less accurate than the place is wide: it can prove nothing about it."""
        return self.accuracy_m is not None and self.accuracy_m > place.breadth_m

    def leaves_open(self, place: Place) -> bool:
        """Proves no visit, and is too near to rule one out, given how inaccurate it is."""
        return not self.proves(place) and self.distance_m <= place.radius_m + (self.accuracy_m or 0.0)


@dataclass(frozen=True)
class Visit:
    """A pass through a place: when it was first and last seen inside, how near the pass came, and who made it."""

    at: datetime
    distance_m: float
    accuracy_m: float | None
    fixes: tuple[Fix, ...]
    until: datetime | None = None
    holder: str | None = None

    @property
    def interpolated(self) -> bool:
        """Whether it rests on the way between two fixes, none of them need lie inside."""
        return len(self.fixes) == 2


@dataclass(frozen=True)
class Stay:
    """How long a pass was inside: surely, and at the very most; None when nobody can say how long at most."""

    sure_s: float
    most_s: float | None


@dataclass(frozen=True, eq=False)
class Columns:
    """Fixes as arrays: degrees WGS-84, and metres of inaccuracy, nought where none is stated."""

    lat: NDArray[np.float64]
    lon: NDArray[np.float64]
    error_m: NDArray[np.float64]

    @classmethod
    def of(cls, fixes: tuple[Fix, ...]) -> "Columns":
        """The columns of some fixes."""
        rows = np.array([(fix.lat, fix.lon, fix.accuracy_m or 0.0) for fix in fixes], dtype=np.float64).reshape(-1, 3)
        return cls(*np.ascontiguousarray(rows.T))


def approaches(
    fixes: tuple[Fix, ...], circle: Place, *, span: Span, pace: Pace, columns: Columns | None = None
) -> list[Approach]:
    """The fixes and believable movements in the span that matter: those in reach, and the nearest of all, by time.

    In reach is what lies in the place or may do so, given how inaccurate it is.

    Args:
        fixes: of one device, ordered, credible; those just outside the span complete its first and last movement.
        circle: the place.
        span: only what happened in it counts; a movement across its border is cut there.
        pace: which movements are believable.
        columns: of the fixes, when they are known already.
    """
    start, stop = places_within(fixes, span.widened(before=pace.max_gap, after=pace.max_gap))
    near = fixes[start:stop]
    first, last = (at - start for at in places_within(fixes, span))
    columns = columns or Columns.of(fixes)
    part = Columns(columns.lat[start:stop], columns.lon[start:stop], columns.error_m[start:stop])
    candidates = _candidates(part, circle, slice(first, last))
    known = sorted({index for at in candidates for index in (at - 1, at) if index >= 0})
    places = {at: to_local_m(near[at].lat, near[at].lon, circle.lat, circle.lon) for at in known}
    distances = {at: circle.distance_at(place) for at, place in places.items()}
    found: list[Approach] = []
    nearest: Approach | None = None
    for index in candidates:
        fix = near[index]
        for approach in (
            _from_before(near, index, places, distances, nearest, place=circle, span=span, pace=pace),
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


def _candidates(columns: Columns, place: Place, inside: slice) -> list[int]:
    """The fixes that may be in reach or nearest of all, by themselves or by the movement that ends there.

    A patrol is far from most of its points for most of the time. What is left out here lies further off than the
    nearest fix inside the span, and out of reach; it is two thirds of the work.
    """
    if not columns.lat.size:
        return []
    east_m = ((columns.lon - place.lon + 540) % 360 - 180) * (M_PER_DEG * math.cos(math.radians(place.lat)))
    north_m = (columns.lat - place.lat) * M_PER_DEG
    middle_m = np.hypot(east_m, north_m)
    nearest_m = middle_m[inside].min(initial=np.inf) + place.outer_m
    way_m = np.hypot(east_m[1:] - east_m[:-1], north_m[1:] - north_m[:-1])
    least_m = middle_m.copy()  # no point of the movement to a fix is nearer to the middle than this
    least_m[1:] = np.minimum(least_m[1:], (middle_m[:-1] + middle_m[1:] - way_m) / 2)
    error_m = columns.error_m.copy()
    error_m[1:] = np.maximum(error_m[1:], columns.error_m[:-1])
    reach_m = np.maximum(nearest_m, place.radius_m + error_m) + place.outer_m + _ROUNDING_M
    found: list[int] = np.flatnonzero(least_m <= reach_m).tolist()
    return found


def passes(course: Iterable[Approach], place: Place, *, perhaps: bool = False) -> Iterator[tuple[Approach, ...]]:
    """The passes through a place among approaches in order of time: each all that proves it, without a break.

    Args:
        course: approaches in order of time.
        place: where.
        perhaps: take in what may lie in the place, given how inaccurate it is.
    """
    run: list[Approach] = []
    for approach in course:
        counts = approach.proves(place) or (perhaps and approach.leaves_open(place))
        if run and (approach.step > run[-1].step + 1 or not counts):
            yield tuple(run)
            run = []
        if counts:
            run.append(approach)
    if run:
        yield tuple(run)


def visit_of(run: tuple[Approach, ...]) -> Visit:
    """What a pass shows."""
    first = run[0]
    return Visit(first.at, min(it.distance_m for it in run), first.accuracy_m, first.fixes, run[-1].at)


def first_visit(course: Iterable[Approach], circle: Place) -> Visit | None:
    """The first pass through the place among approaches in order of time, or None."""
    return next((visit_of(run) for run in passes(course, circle)), None)


def stay_of(run: tuple[Approach, ...], fixes: tuple[Fix, ...], *, span: Span, pace: Pace) -> Stay:
    """How long a pass was inside within the span.

    Surely from its first fix inside to its last; at the most from the fix before it to the one after it, as long as
    those are near enough in time to tell.
    """
    inside = [it.at for it in run if len(it.fixes) == 1]
    sure_s = (inside[-1] - inside[0]).total_seconds() if inside else 0.0
    first, last = run[0].fixes[0], run[-1].fixes[-1]
    before = first if len(run[0].fixes) == 2 else _neighbour(fixes, first, pace, ahead=False)
    after = last if len(run[-1].fixes) == 2 else _neighbour(fixes, last, pace, ahead=True)
    if before is None or after is None:
        return Stay(sure_s, None)
    most = min(after.time, span.end) - max(before.time, span.start)
    return Stay(sure_s, max(sure_s, most.total_seconds()))


def rushes(pairs: Iterable[tuple[Fix, Fix]], place: Place, *, span: Span) -> Iterator[Approach]:
    """The straight ways through a place within a span, of neighbouring fixes that are too far apart to be believed.

    They prove no visit; but whoever rode instead of walking was perhaps there. A fix in the place speaks for itself.
    """
    for a, b in pairs:
        if b.time < span.start or a.time > span.end:
            continue
        start, end = (to_local_m(fix.lat, fix.lon, place.lat, place.lon) for fix in (a, b))
        nearness, share = place.nearest_along(start, end)
        at, accuracy_m = a.time + (b.time - a.time) * share, worse(a.accuracy_m, b.accuracy_m)
        outside = min(place.distance_m(a), place.distance_m(b)) > place.radius_m
        if outside and nearness <= place.radius_m + (accuracy_m or 0.0) and at in span:
            yield Approach(0, at, nearness, accuracy_m, (a, b))


def nearest_approach(course: Iterable[Approach]) -> Approach | None:
    """The nearest of them, the earliest when several are, or None."""
    return min(course, key=lambda it: (it.distance_m, it.step), default=None)


def worse(one: float | None, other: float | None) -> float | None:
    """The worse of two accuracies; one that is not stated says nothing."""
    if one is None or other is None:
        return one if other is None else other
    return max(one, other)


def _neighbour(fixes: tuple[Fix, ...], fix: Fix, pace: Pace, *, ahead: bool) -> Fix | None:
    """The next fix before or after one, unless it is too far off in time to say where the device was between them."""
    times = [it.time for it in fixes]
    at = bisect_right(times, fix.time) if ahead else bisect_left(times, fix.time) - 1
    if not 0 <= at < len(fixes):
        return None
    return fixes[at] if abs(fixes[at].time - fix.time) <= pace.max_gap else None


def _matters(distance_m: float, accuracy_m: float | None, place: Place, nearest: Approach | None) -> bool:
    """Whether something at least this far off is in reach, or nearer than all before."""
    return nearest is None or distance_m < max(nearest.distance_m, place.radius_m + (accuracy_m or 0.0) + 0.001)


def _from_before(
    fixes: tuple[Fix, ...],
    index: int,
    places: Mapping[int, Point],
    distances: Mapping[int, float],
    nearest: Approach | None,
    *,
    place: Place,
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
    if not _matters(bound, accuracy_m, place, nearest):
        return None
    whole_s = (b.time - a.time).total_seconds()
    if not believable(whole_s, way_m, pace):
        return None
    low = max(0.0, (span.start - a.time).total_seconds() / whole_s)
    high = min(1.0, (span.end - a.time).total_seconds() / whole_s)
    if low > high:
        return None
    start, end = _between(places[index - 1], places[index], low), _between(places[index - 1], places[index], high)
    nearness, share = place.nearest_along(start, end)
    at = a.time + (b.time - a.time) * (low + (high - low) * share)
    return Approach(2 * index - 1, at, nearness, accuracy_m, (a, b))


def _between(a: Point, b: Point, share: float) -> Point:
    return a[0] + (b[0] - a[0]) * share, a[1] + (b[1] - a[1]) * share
