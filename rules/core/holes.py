"""Gaps in a device's data that are long enough for an unseen visit; they forbid the word "missed"."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from rules.core.fixes import Fix, Pace, Span, within
from rules.core.places import Place


@dataclass(frozen=True)
class Hole:
    """From `start` to `end`, within the window, the device could have been at the place and nobody would know.

    `before` and `after` are the fixes around it; None at an end of what is known.
    """

    start: datetime
    end: datetime
    before: Fix | None
    after: Fix | None

    @property
    def gap_s(self) -> float:
        """How long the device was out of sight."""
        return (self.end - self.start).total_seconds()


def heard(fixes: tuple[Fix, ...], *, span: Span, pace: Pace) -> bool:
    """Whether there is any fix in the window or within one permitted gap of it."""
    return bool(within(fixes, span.widened(before=pace.max_gap, after=pace.max_gap)))


def holes(fixes: tuple[Fix, ...], circle: Place, *, span: Span, pace: Pace) -> list[Hole]:
    """The gaps in which the device could have gone to the circle and come back into view where it did.

    A gap is believed to be harmless when it is no longer than `pace.max_gap_s` (the movement across it is known), or
    when the way to the circle and on to the next fix takes longer than the gap at the pace's top speed. At the ends
    of what is known only one of the two ways counts.

    Args:
        fixes: of one device, ordered, only credible ones; those around the span shorten the gaps at its ends.
        circle: the place.
        span: the window; the unseen visit must lie in it.
        pace: how long a gap may be, and how fast the unit can go.
    """
    found = []
    for before, after in zip((None, *fixes), (*fixes, None), strict=True):
        start = before.time if before else span.start
        end = after.time if after else span.end
        if (end - start) <= pace.max_gap:
            continue
        there = span.start if before is None else before.time + _way(before, circle, pace)
        latest = span.end if after is None else after.time - _way(after, circle, pace)
        if max(there, span.start) <= min(latest, span.end):
            found.append(Hole(max(start, span.start), min(end, span.end), before, after))
    return found


def _way(fix: Fix, circle: Place, pace: Pace) -> timedelta:
    """The least time between a fix and the circle's border, given that the fix may lie as far off as it says."""
    way_m = max(0.0, circle.distance_m(fix) - circle.radius_m - (fix.accuracy_m or 0.0))
    return timedelta(seconds=way_m / pace.max_speed_mps)
