"""Whether a unit was at a place within a window, by all the devices it held; three answers, each with its proof."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from rules.core.alerts import Reason
from rules.core.fixes import Fix, Pace, Span, ordered, within
from rules.core.holes import Hole, heard, holes
from rules.core.reasons import Why, instant, reason
from rules.core.visits import Approach, Circle, Visit, approaches, first_visit, nearest_approach

_DEVICES_KEPT = 8  # devices whose fixes evidence copies; a unit holds fewer, "any unit" may hold hundreds
_HOLES_KEPT = 3  # the longest holes of a device tell enough


@dataclass(frozen=True)
class Tracked:
    """A device that counted for the unit: when it was in its custody, and what it reported around the window."""

    device: str
    kind: str
    holder: str
    spells: tuple[Span, ...]
    fixes: tuple[Fix, ...]
    pace: Pace

    @cached_property
    def held(self) -> tuple[Fix, ...]:
        """Its fixes in order, each once, while the unit held it."""
        return tuple(fix for fix in ordered(self.fixes) if any(fix.time in spell for spell in self.spells))

    @cached_property
    def credible(self) -> tuple[Fix, ...]:
        """Those of them that say where it was."""
        return tuple(fix for fix in self.held if fix.credible)


@dataclass(frozen=True)
class Sighting:
    """What one device shows about one place and window."""

    device: str
    holder: str
    course: tuple[Approach, ...]
    visit: Visit | None
    nearest: Approach | None
    doubts: tuple[Reason, ...]
    holes: tuple[Hole, ...]
    fixes: tuple[Fix, ...]

    @property
    def rules_out(self) -> bool:
        """It covers the window, and it was not there."""
        return self.visit is None and not self.doubts


def sight(tracked: Tracked, circle: Circle, span: Span) -> Sighting:
    """What one device shows about the circle within the span."""
    fixes = tracked.credible
    course = tuple(approaches(fixes, circle, span=span, pace=tracked.pace))
    visit = first_visit(course, circle)
    gaps = holes(fixes, circle, span=span, pace=tracked.pace) if visit is None else []
    gaps = sorted(gaps, key=lambda gap: (-gap.gap_s, gap.start))[:_HOLES_KEPT]
    return Sighting(
        tracked.device,
        tracked.holder,
        course,
        visit,
        nearest_approach(course),
        () if visit else tuple(_doubts(tracked, course, gaps, circle=circle, span=span)),
        tuple(gaps),
        within(fixes, span),
    )


def earliest(sightings: Sequence[Sighting]) -> tuple[Sighting, Visit] | None:
    """The sighting with the earliest visit, or None when nobody was there."""
    seen = [(it.visit.at, it.device, it, it.visit) for it in sightings if it.visit]
    return min(seen, key=lambda it: it[:2])[2:] if seen else None


def doubts(sightings: Sequence[Sighting]) -> list[Reason]:
    """Why nobody can say "missed"; empty when a device covers the window, or when there was a visit."""
    if not sightings:
        return [reason(Why.NO_DEVICE)]
    if any(it.rules_out or it.visit for it in sightings):
        return []
    return [doubt for it in sightings[:_DEVICES_KEPT] for doubt in it.doubts]


def absences(sightings: Sequence[Sighting]) -> list[Reason]:
    """What shows that nobody was there: how near the covering devices came."""
    return [
        reason(
            Why.NEAREST_FIX,
            device=it.device,
            distance_m=it.nearest.distance_m,
            accuracy_m=it.nearest.accuracy_m,
            at=it.nearest.at,
            fixes=len(it.fixes),
        )
        for it in nearest_first(sightings)[:_DEVICES_KEPT]
        if it.rules_out and it.nearest
    ]


def visit_reasons(sighting: Sighting, visit: Visit) -> list[Reason]:
    """How a visit is known."""
    found = [
        reason(Why.VISIT, device=sighting.device, distance_m=visit.distance_m, accuracy_m=visit.accuracy_m, at=visit.at)
    ]
    if visit.interpolated:
        a, b = visit.fixes
        found.append(reason(Why.INTERPOLATED, gap_s=(b.time - a.time).total_seconds()))
    if visit.accuracy_m is None:
        found.append(reason(Why.ACCURACY_UNKNOWN))
    return found


def nearest_first(sightings: Sequence[Sighting]) -> list[Sighting]:
    """Those that came nearest first; those without any fix last."""
    return sorted(sightings, key=lambda it: (it.nearest.distance_m if it.nearest else float("inf"), it.device))


def evidence(circle: Circle, span: Span, sightings: Sequence[Sighting]) -> dict[str, Any]:
    """Copies of the fixes on which a verdict rests, bounded in number; they outlive the raw track."""
    chosen = earliest(sightings)
    return {
        "place": {"lat": circle.lat, "lon": circle.lon, "radius_m": circle.radius_m},
        "window": [instant(span.start), instant(span.end)],
        "visit": _visit(*chosen) if chosen else None,
        "devices": [_device(it, circle) for it in nearest_first(sightings)[:_DEVICES_KEPT]],
    }


def _visit(sighting: Sighting, visit: Visit) -> dict[str, Any]:
    late = [fix.received_at for fix in visit.fixes if fix.received_at]
    return {
        "device": sighting.device,
        "holder": sighting.holder,
        "at": instant(visit.at),
        "received_at": instant(max(late)) if late else None,
    }


def _device(sighting: Sighting, circle: Circle) -> dict[str, Any]:
    kept: set[Fix] = set()
    if sighting.visit:
        kept.update(sighting.visit.fixes)
    if sighting.nearest:
        kept.update(sighting.nearest.fixes)
    for hole in sighting.holes:
        kept.update(fix for fix in (hole.before, hole.after) if fix)
    if sighting.fixes:
        kept.update((sighting.fixes[0], sighting.fixes[-1]))
    return {
        "device": sighting.device,
        "holder": sighting.holder,
        "fixes_in_window": len(sighting.fixes),
        "holes": [[instant(hole.start), instant(hole.end)] for hole in sighting.holes],
        "fixes": [_copy(fix, circle) for fix in sorted(kept, key=lambda fix: (fix.time, fix.digest))],
    }


def _copy(fix: Fix, circle: Circle) -> dict[str, Any]:
    return {
        "time": instant(fix.time),
        "lat": fix.lat,
        "lon": fix.lon,
        "accuracy_m": fix.accuracy_m,
        "distance_m": round(circle.distance_m(fix), 1),
        "received_after_s": _delay(fix.time, fix.received_at),
        "flags": fix.flags,
    }


def _delay(time: datetime, received_at: datetime | None) -> float | None:
    return None if received_at is None else round((received_at - time).total_seconds(), 1)


def _doubts(
    tracked: Tracked,
    course: tuple[Approach, ...],
    gaps: list[Hole],
    *,
    circle: Circle,
    span: Span,
) -> list[Reason]:
    device = tracked.device
    found: list[Reason] = []
    whole = any(spell.start <= span.start and span.end <= spell.end for spell in tracked.spells)
    if not whole:
        found.append(reason(Why.CUSTODY, device=device))
    if not heard(tracked.credible, span=span, pace=tracked.pace):
        found.append(reason(Why.SILENT_DEVICE, device=device))
    else:
        found += [reason(Why.HOLE, device=device, start=gap.start, end=gap.end, gap_s=gap.gap_s) for gap in gaps]
    coarse = nearest_approach(it for it in course if it.leaves_open(circle))
    if coarse:
        found.append(
            reason(
                Why.ACCURACY,
                device=device,
                accuracy_m=coarse.accuracy_m,
                radius_m=circle.radius_m,
                distance_m=coarse.distance_m,
                at=coarse.at,
            )
        )
    made_up = next((it for it in within(tracked.held, span) if not it.credible and _inside(it, circle)), None)
    if made_up:
        found.append(reason(Why.MOCK, device=device, at=made_up.time))
    return found


def _inside(fix: Fix, circle: Circle) -> bool:
    return circle.distance_m(fix) <= circle.radius_m
