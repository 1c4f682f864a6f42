"""What one device that a unit held shows about a place and a window: there, not there, or why nobody can say."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from typing import Any

from devices.geometry import distance_m
from rules.core.alerts import Reason
from rules.core.fixes import Fix, Pace, Span, ordered, within
from rules.core.holes import Hole, heard, holes
from rules.core.jumps import Track
from rules.core.places import Place
from rules.core.reasons import Why, reason
from rules.core.visits import (
    Approach,
    Columns,
    Visit,
    approaches,
    nearest_approach,
    passes,
    rushes,
    stay_of,
    visit_of,
)

_HOLES_KEPT = 3  # the longest holes of a device tell enough


@dataclass(frozen=True)
class Terms:
    """What a pass must be to count as a visit.

    Attributes:
        dwell_s: it must last so long.
        slow_mps: it must not be faster than this: who drives by does not look after the place. None: any speed.
    """

    dwell_s: float | None = None
    slow_mps: float | None = None


ANY_PASS = Terms()


@dataclass(frozen=True)
class Tracked:
    """A device that counted for the unit: when it was in its custody, and what it reported around the window.

    Attributes:
        holder: who had it; all of them when it went from hand to hand within the unit.
        hands: who had it when, if that was not one alone.
    """

    device: str
    kind: str
    holder: str
    spells: tuple[Span, ...]
    fixes: tuple[Fix, ...]
    pace: Pace
    hands: tuple[tuple[Span, str], ...] = ()
    _seen: dict[Any, "Sighting"] = field(init=False, default_factory=dict, compare=False, repr=False)

    def carrier(self, at: datetime) -> str:
        """Who had it then: of two who hand it over, whoever takes it."""
        return next((who for span, who in reversed(self.hands) if at in span), self.holder)

    def held_throughout(self, span: Span) -> bool:
        """Whether the unit had it all the time; a pause so short that it tells the way across it is none."""
        since = span.start
        for spell in self.spells:
            if spell.start > (since + self.pace.max_gap if since > span.start else since):
                return False
            since = max(since, spell.end)
            if since >= span.end:
                return True
        return False

    @cached_property
    def held(self) -> tuple[Fix, ...]:
        """Its fixes in order, each once, while the unit held it."""
        return tuple(fix for fix in ordered(self.fixes) if any(fix.time in spell for spell in self.spells))

    @cached_property
    def credible(self) -> tuple[Fix, ...]:
        """Those of them that say where it was."""
        return self.track.fixes

    @cached_property
    def track(self) -> Track:
        """The same, and which of them fit together; apart from them those where it cannot have been."""
        return Track(tuple(fix for fix in self.held if fix.credible), pace=self.pace)

    @cached_property
    def columns(self) -> Columns:
        """The credible ones as arrays."""
        return Columns.of(self.credible)

    def until(self, moment: datetime) -> "Tracked":
        """The same without what it reported of later."""
        return replace(self, fixes=tuple(fix for fix in self.fixes if fix.time <= moment))

    def sight(self, place: Place, span: Span, terms: Terms = ANY_PASS) -> "Sighting":
        """The same as `sight`, found once for all points of a round that ask about one another."""
        key = (place, span, terms)
        if key not in self._seen:
            self._seen[key] = sight(self, place, span, terms)
        return self._seen[key]


@dataclass(frozen=True)
class Sighting:
    """What one device shows about one place and window.

    Attributes:
        carrier: who had it when it came nearest.
        doubts: why it does not rule a visit out.
        strays: those of them that rest on what it reported, not on when it was held, or first or last heard.
        visits: passes that count; `visit` is the first of them.
        short: why other passes do not count.
    """

    device: str
    kind: str
    holder: str
    course: tuple[Approach, ...]
    visit: Visit | None
    nearest: Approach | None
    doubts: tuple[Reason, ...]
    holes: tuple[Hole, ...]
    fixes: tuple[Fix, ...]
    strays: tuple[Reason, ...] = ()
    visits: tuple[Visit, ...] = ()
    short: tuple[Reason, ...] = ()
    carrier: str | None = None

    @property
    def rules_out(self) -> bool:
        """It covers the window, and it was not there."""
        return self.visit is None and not self.doubts


def sight(tracked: Tracked, circle: Place, span: Span, terms: Terms = ANY_PASS) -> Sighting:
    """What one device shows about the place within the span."""
    fixes = tracked.credible
    course = tuple(approaches(fixes, circle, span=span, pace=tracked.pace, columns=tracked.columns))
    visits, short, unsure = _sorted_out(tracked, passes(course, circle), span, terms)
    smooth = tracked.track.smooth
    if not visits and len(smooth) < len(fixes):
        # A fix that went astray must not hide the way on which it was made.
        past = tuple(approaches(smooth, circle, span=span, pace=tracked.pace))
        visits, *_ = _sorted_out(tracked, passes(past, circle), span, terms)
        course = past if visits else course
    visit = visits[0] if visits else None
    gaps = holes(smooth, circle, span=span, pace=tracked.pace) if visit is None else []
    gaps = sorted(gaps, key=lambda gap: (-gap.gap_s, gap.start))[:_HOLES_KEPT]
    ends: list[Reason] = []
    strays: list[Reason] = []
    if visit is None:
        ends = _ends(tracked, gaps, span=span)
        between = [_hole(tracked, gap) for gap in gaps if gap.before and gap.after]
        strays = [*unsure, *between, *_strays(tracked, course, circle=circle, span=span, terms=terms)]
    nearest = nearest_approach(course)
    return Sighting(
        device=tracked.device,
        kind=tracked.kind,
        holder=tracked.holder,
        course=course,
        visit=visit,
        nearest=nearest,
        carrier=tracked.carrier(nearest.at) if nearest else None,
        doubts=(*ends, *strays),
        holes=tuple(gaps),
        fixes=within(fixes, span),
        strays=tuple(strays),
        visits=tuple(visits),
        short=tuple(short),
    )


def sight_around(tracked: Tracked, place: Place, window: Span, around: Span, terms: Terms) -> Sighting:
    """What one device without a visit shows of a window and of the time around it in which one would still count.

    That it was held and in sight all the time is asked of the window alone: before a shift and after it a handset may
    be off. What it reported around the window and leaves open whether it was there is a doubt all the same.
    """
    inner = tracked.sight(place, window, terms)
    if inner.doubts and not terms.dwell_s:
        return inner  # a stay may go on after the window; whatever else is open stays so
    outer = tracked.sight(place, around, terms)
    ends = [it for it in inner.doubts if it not in inner.strays]
    known = [*ends, *outer.strays]
    return replace(inner, doubts=tuple(known), strays=outer.strays, holes=outer.holes, short=outer.short)


def _sorted_out(
    tracked: Tracked, runs: Iterable[tuple[Approach, ...]], span: Span, terms: Terms
) -> tuple[list[Visit], list[Reason], list[Reason]]:
    """Passes that count, why others do not, and why nobody knows of some."""
    visits: list[Visit] = []
    short: list[Reason] = []
    unsure: list[Reason] = []
    for run in runs:
        who = {"device": tracked.device, "holder": tracked.carrier(run[0].at), "at": run[0].at}
        speed_mps = _slowest(run)
        stay = stay_of(run, tracked.credible, span=span, pace=tracked.pace) if terms.dwell_s else None
        if terms.slow_mps is not None and speed_mps is not None and speed_mps > terms.slow_mps:
            short.append(reason(Why.DROVE_PAST, **who, speed_mps=speed_mps))
        elif stay is None or terms.dwell_s is None or stay.sure_s >= terms.dwell_s:
            visits.append(replace(visit_of(run), holder=tracked.carrier(run[0].at)))
        elif stay.most_s is None or stay.most_s >= terms.dwell_s:
            unsure.append(reason(Why.DWELL_UNSURE, **who, stayed_s=stay.sure_s, dwell_s=terms.dwell_s))
        else:
            short.append(reason(Why.DWELL_SHORT, **who, stayed_s=stay.sure_s, dwell_s=terms.dwell_s))
    return visits, short, unsure


def _slowest(run: tuple[Approach, ...]) -> float | None:
    """The least speed of a pass's movements; None when it has none, so that nobody knows."""
    pairs = [it.fixes for it in run if len(it.fixes) == 2]
    return min(
        (distance_m(a.lat, a.lon, b.lat, b.lon) / (b.time - a.time).total_seconds() for a, b in pairs), default=None
    )


def _ends(tracked: Tracked, gaps: Sequence[Hole], *, span: Span) -> list[Reason]:
    """Held for a part of the span only, not heard in it, or not before or after some moment of it."""
    device = tracked.device
    found: list[Reason] = []
    if not tracked.held_throughout(span):
        found.append(reason(Why.CUSTODY, device=device))
    if not heard(tracked.credible, span=span, pace=tracked.pace):
        return [*found, reason(Why.SILENT_DEVICE, device=device)]
    return found + [_hole(tracked, gap) for gap in gaps if not (gap.before and gap.after)]


def _hole(tracked: Tracked, gap: Hole) -> Reason:
    return reason(Why.HOLE, device=tracked.device, start=gap.start, end=gap.end, gap_s=gap.gap_s)


def _strays(tracked: Tracked, course: tuple[Approach, ...], *, circle: Place, span: Span, terms: Terms) -> list[Reason]:
    """What it reported and leaves open whether it was there: too coarse, too fast, made up, or impossible."""
    device = tracked.device
    found: list[Reason] = []
    coarse = nearest_approach(_open(tracked, course, circle, span, terms))
    if coarse:
        found.append(
            reason(
                Why.ACCURACY,
                device=device,
                accuracy_m=coarse.accuracy_m,
                radius_m=circle.breadth_m,
                distance_m=coarse.distance_m,
                at=coarse.at,
            )
        )
    fast = next(rushes(tracked.track.rushed, circle, span=span), None)
    if fast and terms == ANY_PASS:
        a, b = fast.fixes
        speed_mps = distance_m(a.lat, a.lon, b.lat, b.lon) / (b.time - a.time).total_seconds()
        found.append(reason(Why.TOO_FAST, device=device, at=fast.at, speed_mps=speed_mps))
    made_up = next((it for it in within(tracked.held, span) if not it.credible and _inside(it, circle)), None)
    if made_up:
        found.append(reason(Why.MOCK, device=device, at=made_up.time))
    jump = next((it for it in within(tracked.track.jumps, span) if _inside(it, circle)), None)
    if jump:
        found.append(reason(Why.JUMP, device=device, at=jump.time))
    return found


def _open(tracked: Tracked, course: tuple[Approach, ...], place: Place, span: Span, terms: Terms) -> Iterator[Approach]:
    """Approaches that may have been in the place, in passes that would count if they were."""
    for run in passes(course, place, perhaps=True):
        speed_mps = _slowest(run)
        if terms.slow_mps is not None and speed_mps is not None and speed_mps > terms.slow_mps:
            continue
        if terms.dwell_s:
            most_s = stay_of(run, tracked.credible, span=span, pace=tracked.pace).most_s
            if most_s is not None and most_s < terms.dwell_s:
                continue
        yield from (it for it in run if it.leaves_open(place))


def _inside(fix: Fix, circle: Place) -> bool:
    return circle.distance_m(fix) <= circle.radius_m
