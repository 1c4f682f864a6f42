"""How much of a line was walked: the parts of it that lie in the corridor around believable fixes and movements."""

import math
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from devices.geometry import M_PER_DEG
from rules.core.fixes import Fix, Pace, Span, within

Floats = NDArray[np.float64]
_TOUCH_M = 0.05  # pieces no further apart than this are one: what is lost between two legs to rounding


@dataclass(frozen=True)
class Way:
    """A line by its corners: (lat, lon) in degrees WGS-84; places on it are metres from its beginning."""

    points: tuple[tuple[float, float], ...]

    @cached_property
    def xy(self) -> Floats:
        """The corners on the plane that touches at the first one, metres, shape (corners, 2)."""
        return self.plane([lat for lat, _ in self.points], [lon for _, lon in self.points])

    @cached_property
    def at_m(self) -> Floats:
        """How far along each corner is."""
        steps = np.hypot(*np.diff(self.xy, axis=0).T)
        return np.concatenate(([0.0], np.cumsum(steps)))

    @property
    def length_m(self) -> float:
        """From end to end."""
        return float(self.at_m[-1])

    def plane(self, lat: Iterable[float], lon: Iterable[float]) -> Floats:
        """Places on that plane, metres east and north, shape (places, 2)."""
        lat0, lon0 = self.points[0]
        east = (np.array(list(lon), float) - lon0) * M_PER_DEG * math.cos(math.radians(lat0))
        return np.column_stack((east, (np.array(list(lat), float) - lat0) * M_PER_DEG))

    def part(self, from_m: float, to_m: float) -> tuple[tuple[float, float], ...]:
        """The corners of a stretch of it, degrees, with its two ends."""
        between = [it for it, at in zip(self.points, self.at_m, strict=True) if from_m < at < to_m]
        return (self._place(from_m), *between, self._place(to_m))

    def _place(self, at_m: float) -> tuple[float, float]:
        lat = np.interp(at_m, self.at_m, [lat for lat, _ in self.points])
        lon = np.interp(at_m, self.at_m, [lon for _, lon in self.points])
        return float(lat), float(lon)


@dataclass(frozen=True)
class Piece:
    """A part of a line that one fix (twice) or one movement covers, in metres from its beginning, by `at`."""

    from_m: float
    to_m: float
    at: datetime
    device: str
    fixes: tuple[Fix, Fix]


@dataclass(frozen=True)
class Stretch:
    """A part of a line without a break, and the pieces at its two ends."""

    from_m: float
    to_m: float
    first: Piece
    last: Piece

    @property
    def length_m(self) -> float:
        """How long it is."""
        return self.to_m - self.from_m


@dataclass(frozen=True)
class Gap:
    """A part of a line that nobody is known to have walked."""

    from_m: float
    to_m: float

    @property
    def length_m(self) -> float:
        """How long it is."""
        return self.to_m - self.from_m


def pieces(
    way: Way,
    fixes: tuple[Fix, ...],
    *,
    device: str,
    span: Span,
    pace: Pace,
    corridor_m: float,
    loose: bool = False,
    any_speed: bool = False,
) -> list[Piece]:
    """What one device covers of a line within a span.

    Args:
        way: the line.
        fixes: of one device, ordered; those just outside the span complete its first and last movement.
        device: its name.
        span: only what happened in it counts; a movement across its border is cut there.
        pace: which movements are believable.
        corridor_m: this near to the line is on it; less accurate fixes prove nothing and are left out.
        loose: take those in as well, each as wide as it is inaccurate: where the device may have been.
        any_speed: take in movements that are faster than the unit moves.
    """
    near = within(fixes, span.widened(before=pace.max_gap, after=pace.max_gap))
    if not loose:
        near = tuple(fix for fix in near if fix.accuracy_m is None or fix.accuracy_m <= corridor_m)
    if not near:
        return []
    moves = _moves(way, near, span=span, pace=pace, any_speed=any_speed)
    reach = corridor_m + (moves.accuracy_m if loose else 0.0)
    found = []
    for move, from_m, to_m in _overlaps(way, moves, np.broadcast_to(reach, moves.accuracy_m.shape)):
        a, b = moves.ends[move]
        found.append(Piece(from_m, to_m, min(b.time, span.end), device, (a, b)))
    return found


def joined(found: Iterable[Piece]) -> list[Stretch]:
    """The same parts of the line in as few stretches as possible, from its beginning on."""
    stretches: list[Stretch] = []
    for piece in sorted(found, key=lambda it: (it.from_m, -it.to_m, it.at, it.device)):
        last = stretches[-1] if stretches else None
        if last is None or piece.from_m > last.to_m + _TOUCH_M:
            stretches.append(Stretch(piece.from_m, piece.to_m, piece, piece))
        elif piece.to_m > last.to_m:
            stretches[-1] = Stretch(last.from_m, piece.to_m, last.first, piece)
    return stretches


def covered_m(stretches: Iterable[Stretch]) -> float:
    """Metres in all."""
    return sum(it.length_m for it in stretches)


def gaps(way: Way, stretches: Sequence[Stretch]) -> list[Gap]:
    """What is left between the stretches, from the line's beginning to its end."""
    ends = [0.0, *(it.to_m for it in stretches)]
    starts = [*(it.from_m for it in stretches), way.length_m]
    return [Gap(a, b) for a, b in zip(ends, starts, strict=True) if b - a > _TOUCH_M]


def reached_at(found: Sequence[Piece], need_m: float) -> datetime | None:
    """When so many metres were covered for the first time; None when they never were."""
    times = sorted({it.at for it in found})

    def enough(at: datetime) -> bool:
        return covered_m(joined(it for it in found if it.at <= at)) >= need_m - _TOUCH_M

    index = bisect_right(times, False, key=enough)
    return times[index] if index < len(times) else None


def unseen_m(
    way: Way, left: Sequence[Gap], before: Fix | None, after: Fix | None, *, gap_s: float, pace: Pace
) -> float:
    """How much of what is left could have been walked in a hole between two fixes, at the pace's top speed.

    The ways from the last fix to the nearest part of it, and from there to the next fix, take their time; what lies
    between two parts is not counted, so that doubt errs on the side of whoever walked.
    """
    way_m = gap_s * pace.max_speed_mps
    for fix in (before, after):
        if fix is not None:
            way_m -= max(0.0, min(_distance_m(way, fix, gap) for gap in left) - (fix.accuracy_m or 0.0))
    return min(max(0.0, way_m), sum(gap.length_m for gap in left))


@dataclass(frozen=True)
class _Moves:
    """Movements and single fixes as segments, cut at the span; a fix is a movement from itself to itself."""

    start: Floats  # (moves, 2) metres
    end: Floats
    accuracy_m: Floats  # the worse one, 0 when neither says
    ends: list[tuple[Fix, Fix]]


def _moves(way: Way, fixes: tuple[Fix, ...], *, span: Span, pace: Pace, any_speed: bool) -> _Moves:
    xy = way.plane([fix.lat for fix in fixes], [fix.lon for fix in fixes])
    seconds = np.array([(fix.time - span.start).total_seconds() for fix in fixes])
    accuracy = np.array([fix.accuracy_m or 0.0 for fix in fixes])
    end_s = (span.end - span.start).total_seconds()
    inside = np.flatnonzero((seconds >= 0) & (seconds <= end_s))
    gap_s = np.diff(seconds)
    way_m = np.hypot(*np.diff(xy, axis=0).T)
    believed = (gap_s > 0) & (gap_s <= pace.max_gap_s) & (any_speed | (way_m <= pace.max_speed_mps * gap_s))
    moving = np.flatnonzero(believed & (seconds[1:] >= 0) & (seconds[:-1] <= end_s))
    low = np.clip(-seconds[moving] / gap_s[moving], 0.0, 1.0)[:, None]
    high = np.clip((end_s - seconds[moving]) / gap_s[moving], 0.0, 1.0)[:, None]
    step = xy[moving + 1] - xy[moving]
    return _Moves(
        np.concatenate((xy[inside], xy[moving] + step * low)),
        np.concatenate((xy[inside], xy[moving] + step * high)),
        np.concatenate((accuracy[inside], np.maximum(accuracy[moving], accuracy[moving + 1]))),
        [(fixes[i], fixes[i]) for i in inside.tolist()] + [(fixes[i], fixes[i + 1]) for i in moving.tolist()],
    )


def _overlaps(way: Way, moves: _Moves, reach_m: Floats) -> Iterable[tuple[int, float, float]]:
    """For each movement and each leg of the line in its reach: the movement, from where to where along the line.

    What lies within reach of a segment is convex, so each leg meets it in one interval: from the least to the greatest
    place that it has in common with the two circles around the segment's ends and with the strip between them.
    """
    lower, upper = np.minimum(moves.start, moves.end) - reach_m[:, None], np.maximum(moves.start, moves.end)
    upper = upper + reach_m[:, None]
    near = np.flatnonzero(((upper >= way.xy.min(axis=0)) & (lower <= way.xy.max(axis=0))).all(axis=1))
    a, b, r = moves.start[near], moves.end[near], reach_m[near]
    for leg in range(len(way.xy) - 1):
        length = float(way.at_m[leg + 1] - way.at_m[leg])
        if length <= 0:
            continue
        p = way.xy[leg]
        u = (way.xy[leg + 1] - p) / length
        low, high = _strip(p, u, a, b, r)
        for centre in (a, b):
            one, other = _circle(p, u, centre, r)
            low, high = np.fmin(low, one), np.fmax(high, other)
        low, high = np.maximum(low, 0.0), np.minimum(high, length)
        for index in np.flatnonzero(high > low).tolist():
            base = float(way.at_m[leg])
            yield int(near[index]), base + float(low[index]), base + float(high[index])


def _circle(p: Floats, u: Floats, centre: Floats, r: Floats) -> tuple[Floats, Floats]:
    """Where the straight line from p along u enters and leaves circles; NaN where it passes them by."""
    off = p - centre
    half = off @ u
    under = half * half - (off * off).sum(axis=1) + r * r
    root = np.sqrt(np.where(under >= 0, under, np.nan))
    return -half - root, -half + root


def _strip(p: Floats, u: Floats, a: Floats, b: Floats, r: Floats) -> tuple[Floats, Floats]:
    """Where it enters and leaves the rectangles r to both sides of the segments a-b; NaN where it passes them by."""
    step = b - a
    length = np.hypot(step[:, 0], step[:, 1])
    with np.errstate(divide="ignore", invalid="ignore"):
        d = step / length[:, None]  # NaN for a single fix, whose circle is all there is
    n = np.column_stack((-d[:, 1], d[:, 0]))
    off = p - a
    low1, high1 = _between((off * n).sum(axis=1), n @ u, -r, r)
    low2, high2 = _between((off * d).sum(axis=1), d @ u, np.zeros_like(length), length)
    low, high = np.maximum(low1, low2), np.minimum(high1, high2)
    none = ~(high >= low)
    return np.where(none, np.nan, low), np.where(none, np.nan, high)


def _between(start: Floats, slope: Floats, low: Floats, high: Floats) -> tuple[Floats, Floats]:
    """For which s the value start + s * slope lies between two others; NaN for none."""
    flat = np.abs(slope) < 1e-12
    with np.errstate(divide="ignore", invalid="ignore"):
        one, other = (low - start) / slope, (high - start) / slope
    within_it = (start >= low) & (start <= high)
    first = np.where(flat, np.where(within_it, -np.inf, np.nan), np.minimum(one, other))
    last = np.where(flat, np.where(within_it, np.inf, np.nan), np.maximum(one, other))
    return first, last


def _distance_m(way: Way, fix: Fix, gap: Gap) -> float:
    """From a fix to the nearest place of a part of the line."""
    corners = way.part(gap.from_m, gap.to_m)
    xy = way.plane([lat for lat, _ in corners], [lon for _, lon in corners])
    at = way.plane([fix.lat], [fix.lon])[0]
    a, step = xy[:-1], np.diff(xy, axis=0)
    square = (step * step).sum(axis=1)
    share = np.clip(((at - a) * step).sum(axis=1) / np.where(square > 0, square, 1.0), 0.0, 1.0)
    return float(np.hypot(*(a + step * share[:, None] - at).T).min())
