"""Stays in grids over days and weeks: what one device shows of a day, and when nobody saw it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby, pairwise

from rules.core.fixes import Fix, Span, ordered
from rules.core.periods import local_day


@dataclass(frozen=True)
class HeldBy:
    """A device that counts, who held it, and when."""

    device: str
    kind: str
    holder: str
    spells: tuple[Span, ...]


@dataclass(frozen=True, kw_only=True)
class Stay:
    """How long a device was in some grids on one local day: seconds, aware UTC; `fixes` are its first and last there.

    A scan of a tag there counts whatever the time: `tag` names it.
    """

    device: str
    holder: str
    day: date
    dwell_s: float
    first_at: datetime
    last_at: datetime
    fixes: tuple[Fix, ...] = ()
    tag: str | None = None


@dataclass(frozen=True, kw_only=True)
class Hour:
    """What a device reported in one hour (of UTC), by grid: how many fixes, the first and the last."""

    device: str
    hour: datetime
    grid: str | None
    fixes: int
    first: datetime
    last: datetime


@dataclass(frozen=True, kw_only=True)
class LongView:
    """What some posts' devices show of a long span.

    Attributes:
        held: which devices there were.
        stays: the days that prove enough, in order, and those that were looked at and do not.
        hours: every hour in which a device reported anything.
    """

    held: tuple[HeldBy, ...] = ()
    stays: tuple[Stay, ...] = ()
    hours: tuple[Hour, ...] = ()


def stay_of(
    fixes: Iterable[Fix],
    *,
    held: HeldBy,
    day: date,
    grids: frozenset[str],
    span: Span,
    max_gap: timedelta,
    accuracy_m: float,
) -> Stay | None:
    """The time between fixes that follow each other in the grids; None without any fix there.

    Args:
        fixes: of one device, about that day; each says in which grid it was made.
        held: the device.
        day: local.
        grids: codes.
        span: the day, or what of it counts.
        max_gap: two fixes further apart do not tell what was between them.
        accuracy_m: less accurate fixes are left out: they may lie in the next grid.
    """
    usable = [
        it
        for it in ordered(fixes)
        if it.credible
        and it.time in span
        and (it.accuracy_m is None or it.accuracy_m <= accuracy_m)
        and any(it.time in spell for spell in held.spells)
    ]
    there = [it for it in usable if it.grid in grids]
    if not there:
        return None
    steps = [b.time - a.time for a, b in pairwise(usable) if a.grid in grids and b.grid in grids]
    dwell = sum((step for step in steps if step <= max_gap), timedelta())
    return Stay(
        device=held.device,
        holder=held.holder,
        day=day,
        dwell_s=dwell.total_seconds(),
        first_at=there[0].time,
        last_at=there[-1].time,
        fixes=(there[0], there[-1]),
    )


def promising(
    hours: Sequence[Hour], *, device: str, grids: frozenset[str], dwell_s: float, max_gap: timedelta, zone: str
) -> list[date]:
    """The local days on which a device can have been in the grids for so long, as far as the hours tell."""
    bounds: dict[date, timedelta] = {}
    for it in hours:
        if it.device == device and it.grid in grids:
            for day in {local_day(it.first, zone), local_day(it.last, zone)}:
                bounds[day] = bounds.get(day, timedelta()) + (it.last - it.first) + max_gap
    return sorted(day for day, bound in bounds.items() if bound.total_seconds() >= dwell_s)


def proven_days(stays: Iterable[Stay], dwell_s: float) -> dict[date, Stay]:
    """The days with a long enough stay, or a scan, and the first of each that was."""
    enough = [it for it in stays if it.tag is not None or it.dwell_s >= dwell_s]
    found: dict[date, Stay] = {}
    for it in sorted(enough, key=lambda it: (it.day, it.first_at, it.device)):
        found.setdefault(it.day, it)
    return found


def silences(
    hours: Sequence[Hour], *, device: str, watch: Iterable[Span], interval_s: float, least_s: float
) -> list[Span]:
    """When a device was out of sight for at least so long while it should have been in sight.

    Within an hour only the number of fixes is known: where so many are missing that together they make a hole, the hour
    counts as one. That errs on the side of whoever carried it.

    Args:
        hours: of all devices.
        device: which one.
        watch: when it should have been in sight.
        interval_s: how often it reports.
        least_s: the shortest hole that matters.
    """
    its = sorted((it for it in hours if it.device == device), key=lambda it: it.hour)
    seen = []
    for _, group in groupby(its, key=lambda it: it.hour):
        rows = list(group)
        first, last = min(it.first for it in rows), max(it.last for it in rows)
        fixes = sum(it.fixes for it in rows)
        if (last - first).total_seconds() - (fixes - 1) * interval_s < least_s:
            seen.append(Span(first, last))
    found = []
    for span in watch:
        inside = [it for it in seen if it.meets(span)]
        edges = [span.start, *(moment for it in inside for moment in (it.start, it.end)), span.end]
        for start, end in zip(edges[::2], edges[1::2], strict=True):
            if (end - start).total_seconds() >= least_s:
                found.append(Span(start, end))
    return found
