"""Fixes in order, and which movements between two of them may be believed."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from devices.plausibility import Flag

_UNUSABLE = Flag.MOCK | Flag.NULL_ISLAND


@dataclass(frozen=True, slots=True)
class Fix:
    """One stored position. Degrees WGS-84, metres, aware UTC; `received_at` takes no part in any verdict."""

    time: datetime
    digest: int
    lat: float
    lon: float
    accuracy_m: float | None = None
    flags: int = 0
    received_at: datetime | None = field(default=None, compare=False)
    grid: str | None = field(default=None, compare=False)  # only where a rule asked for it

    @property
    def credible(self) -> bool:
        """Whether it says where the device was: not made up, not the null island."""
        return not self.flags & _UNUSABLE


@dataclass(frozen=True)
class Span:
    """From `start` to `end`, both included."""

    start: datetime
    end: datetime

    def widened(self, *, before: timedelta, after: timedelta) -> "Span":
        """The span with a margin on both sides."""
        return Span(self.start - before, self.end + after)

    def meets(self, other: "Span") -> "Span | None":
        """What both have in common, or None."""
        start, end = max(self.start, other.start), min(self.end, other.end)
        return Span(start, end) if start <= end else None

    def __contains__(self, moment: datetime) -> bool:
        return self.start <= moment <= self.end


def merged(spans: Iterable[Span]) -> tuple[Span, ...]:
    """The same time in as few spans as possible, in order: those that touch become one."""
    found: list[Span] = []
    for span in sorted(spans, key=lambda it: (it.start, it.end)):
        if found and span.start <= found[-1].end:
            found[-1] = Span(found[-1].start, max(found[-1].end, span.end))
        else:
            found.append(span)
    return tuple(found)


@dataclass(frozen=True)
class Pace:
    """How a kind of unit moves.

    Attributes:
        max_gap_s: two fixes further apart in time do not tell the way between them.
        max_speed_mps: faster than this is not a movement but an error; also how far it may get unseen.
    """

    max_gap_s: float
    max_speed_mps: float

    @property
    def max_gap(self) -> timedelta:
        """The same as a timedelta."""
        return timedelta(seconds=self.max_gap_s)


PACES = {
    # Four reports of a handset at 30 s, two of a radio at 60 s; on foot a straight line errs by some 50 m in that
    # time. 5 m/s is a run, and a bicycle in a lane.
    "foot": Pace(max_gap_s=120, max_speed_mps=5),
    # A handset in a car reports each 30 s, its own terminal each 10 s: one report may be late. At 8 m/s of a patrol
    # 45 s are 360 m; any longer and a straight line cuts across whole blocks. 45 m/s is 162 km/h.
    "motorcycle": Pace(max_gap_s=45, max_speed_mps=45),
    "car": Pace(max_gap_s=45, max_speed_mps=45),
    "electric": Pace(max_gap_s=45, max_speed_mps=45),
}
FASTEST = Pace(max_gap_s=120, max_speed_mps=45)  # of anything on a patrol: what is faster was not a movement at all
MARGIN = timedelta(
    minutes=15
)  # fixes this long before and after a window are read too: they narrow the holes at its ends


def pace_of(kind: str | None) -> Pace:
    """How a unit of this kind moves; one of unknown kind is taken to walk, which proves least by segments."""
    return PACES.get(kind or "foot", PACES["foot"])


def ordered(fixes: Iterable[Fix]) -> tuple[Fix, ...]:
    """The fixes of one device by (time, digest), each once: whatever order they came in, and how often."""
    unique: dict[tuple[datetime, int], Fix] = {}
    for fix in fixes:
        known = unique.get((fix.time, fix.digest))
        if known is None or _sooner(fix, known):
            unique[fix.time, fix.digest] = fix
    return tuple(unique[key] for key in sorted(unique))


def believable(gap_s: float, way_m: float, pace: Pace) -> bool:
    """Whether the device can be said to have gone straight between two neighbouring fixes."""
    return 0 < gap_s <= pace.max_gap_s and way_m <= pace.max_speed_mps * gap_s


def within(fixes: tuple[Fix, ...], span: Span) -> tuple[Fix, ...]:
    """Those of ordered fixes that were made in the span."""
    start, stop = places_within(fixes, span)
    return fixes[start:stop]


def places_within(fixes: tuple[Fix, ...], span: Span) -> tuple[int, int]:
    """Where those of ordered fixes begin and end that were made in the span."""
    start = bisect_left(fixes, span.start, key=_time)
    return start, bisect_right(fixes, span.end, lo=start, key=_time)


def _time(fix: Fix) -> datetime:
    return fix.time


def _sooner(fix: Fix, known: Fix) -> bool:
    return fix.received_at is not None and (known.received_at is None or fix.received_at < known.received_at)
