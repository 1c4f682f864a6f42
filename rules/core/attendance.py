"""How long a place was held: each moment of a span is present, absent, or nobody can tell."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from rules.core.fixes import Fix, Pace, Span, merged, within
from rules.core.places import Place


@dataclass(frozen=True)
class Attendance:
    """What one or several devices show about a span: spans in order that do not overlap."""

    span: Span
    present: tuple[Span, ...]
    absent: tuple[Span, ...]

    @property
    def unknown(self) -> tuple[Span, ...]:
        """When nobody can tell."""
        return without(self.span, (*self.present, *self.absent))

    @property
    def present_s(self) -> float:
        """Seconds that somebody was there."""
        return _seconds(self.present)

    @property
    def unknown_s(self) -> float:
        """Seconds about which nobody can tell."""
        return _seconds(self.unknown)

    def reached_at(self, need_s: float) -> datetime | None:
        """When somebody had been there for so long; None when nobody was."""
        for span in self.present:
            length_s = (span.end - span.start).total_seconds()
            if length_s >= need_s:
                return span.start + timedelta(seconds=max(0.0, need_s))
            need_s -= length_s
        return None


def attendance(fixes: tuple[Fix, ...], place: Place, *, span: Span, pace: Pace) -> Attendance:
    """What one device shows.

    Fixes less accurate than the place is wide tell nothing. One outside that may lie inside, given how inaccurate it
    is, leaves its time open: an accuracy circle that spans the border is not a crossing. Between two fixes that are
    further apart than the pace allows, only the least time to the place and back is known to be absence.

    Args:
        fixes: of one device, ordered, credible; those just outside the span complete its ends.
        place: what is held.
        span: the time that counts.
        pace: which movements are believable.
    """
    sharp = tuple(it for it in fixes if it.accuracy_m is None or it.accuracy_m <= place.breadth_m)
    margin = timedelta(minutes=15)
    near = within(sharp, span.widened(before=margin, after=margin))
    present: list[Span] = []
    absent: list[Span] = []
    for before, after in zip((None, *near), (*near, None), strict=True):
        _between(before, after, place, span=span, pace=pace, present=present, absent=absent)
    there = _cut(present, span)
    return Attendance(span, there, tuple(it for part in _cut(absent, span) for it in without(part, there)))


def together(span: Span, found: Iterable[Attendance]) -> Attendance:
    """What several devices show of a unit: it is there when one of them is, and away when one is and none is there."""
    its = list(found)
    present = merged(it for one in its for it in one.present)
    absent = merged(it for one in its for it in one.absent)
    return Attendance(span, present, tuple(it for part in absent for it in without(part, present)))


def without(span: Span, taken: Sequence[Span]) -> tuple[Span, ...]:
    """What is left of a span."""
    left: list[Span] = []
    start = span.start
    for it in merged(taken):
        if it.start > start:
            left.append(Span(start, min(it.start, span.end)))
        start = max(start, it.end)
        if start >= span.end:
            break
    if start < span.end:
        left.append(Span(start, span.end))
    return tuple(it for it in left if it.start < it.end)


def _between(
    before: Fix | None,
    after: Fix | None,
    place: Place,
    *,
    span: Span,
    pace: Pace,
    present: list[Span],
    absent: list[Span],
) -> None:
    """What two neighbouring fixes tell of the time between them; None is the end of what is known."""
    out_before = None if before is None else place.outside_m(before)
    out_after = None if after is None else place.outside_m(after)
    close = before and after and after.time - before.time <= pace.max_gap
    if close and before and after and out_before is not None and out_after is not None:
        if out_before <= 0 and out_after <= 0:
            present.append(Span(before.time, after.time))
        elif out_before <= 0 or out_after <= 0:
            # The border lies where the distances say; on a straight way into a circle that errs by some seconds.
            crossed = before.time + (after.time - before.time) * (out_before / (out_before - out_after))
            first, last = Span(before.time, crossed), Span(crossed, after.time)
            (present if out_before <= 0 else _open(before, out_before, absent)).append(first)
            (present if out_after <= 0 else _open(after, out_after, absent)).append(last)
        elif not _may_be_inside(before, out_before) and not _may_be_inside(after, out_after):
            absent.append(Span(before.time, after.time))
        return
    start, end = before.time if before else span.start, after.time if after else span.end
    if before is not None and out_before is not None:
        away = timedelta(seconds=max(0.0, out_before - (before.accuracy_m or 0.0)) / pace.max_speed_mps)
        absent.append(Span(start, min(start + away, end)))
    if after is not None and out_after is not None:
        away = timedelta(seconds=max(0.0, out_after - (after.accuracy_m or 0.0)) / pace.max_speed_mps)
        absent.append(Span(max(end - away, start), end))


def _open(fix: Fix, outside_m: float, absent: list[Span]) -> list[Span]:
    """Where the time around a fix outside goes: to the absences, or nowhere when it may lie inside."""
    return [] if _may_be_inside(fix, outside_m) else absent


def _may_be_inside(fix: Fix, outside_m: float) -> bool:
    return outside_m <= (fix.accuracy_m or 0.0)


def _cut(spans: Iterable[Span], span: Span) -> tuple[Span, ...]:
    parts = [part for one in spans if (part := one.meets(span))]
    return tuple(it for it in merged(parts) if it.start < it.end)


def _seconds(spans: Iterable[Span]) -> float:
    return sum((it.end - it.start).total_seconds() for it in spans)
