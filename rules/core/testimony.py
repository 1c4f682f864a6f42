"""What the sightings of several devices say together: who was there first, why nobody can say, and the evidence."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from rules.core.alerts import Reason
from rules.core.fixes import Fix, Span
from rules.core.places import Place
from rules.core.presence import Sighting
from rules.core.reasons import Why, instant, reason
from rules.core.visits import Visit

DEVICES_KEPT = 8  # devices whose fixes evidence copies; a unit holds fewer, "any unit" may hold hundreds


def earliest(sightings: Sequence[Sighting]) -> tuple[Sighting, Visit] | None:
    """The sighting with the earliest visit, or None when nobody was there."""
    seen = [(it.visit.at, it.device, it, it.visit) for it in sightings if it.visit]
    return min(seen, key=lambda it: it[:2])[2:] if seen else None


def doubts(sightings: Sequence[Sighting], *, one_unit: bool = True) -> list[Reason]:
    """Why nobody can say "missed"; empty when a device covers the window, or when there was a visit.

    Two who walk together need one device that was in sight. Two vehicles do not drive together: of those of one unit
    each has to be ruled out that was on the road at all.
    """
    if not sightings:
        return [reason(Why.NO_DEVICE)]
    if any(it.visit for it in sightings):
        return []
    if any(it.rules_out for it in sightings):
        others = [it for it in sightings if one_unit and it.kind == "vehicle" and it.fixes]
        return [doubt for it in others[:DEVICES_KEPT] for doubt in it.strays]
    return [doubt for it in sightings[:DEVICES_KEPT] for doubt in it.doubts]


def absences(sightings: Sequence[Sighting]) -> list[Reason]:
    """What shows that nobody was there: passes that do not count, else how near the covering devices came."""
    ruling = [it for it in nearest_first(sightings)[:DEVICES_KEPT] if it.rules_out]
    return [why for it in ruling for why in it.short] + [
        reason(
            Why.NEAREST_FIX,
            device=it.device,
            holder=it.carrier or it.holder,
            distance_m=it.nearest.distance_m,
            accuracy_m=it.nearest.accuracy_m,
            at=it.nearest.at,
            fixes=len(it.fixes),
        )
        for it in ruling
        if it.nearest and not it.short
    ]


def visit_reasons(sighting: Sighting, visit: Visit) -> list[Reason]:
    """How a visit is known."""
    found = [
        reason(
            Why.VISIT,
            device=sighting.device,
            holder=visit.holder or sighting.holder,
            distance_m=visit.distance_m,
            accuracy_m=visit.accuracy_m,
            at=visit.at,
        )
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


def evidence(circle: Place, span: Span, sightings: Sequence[Sighting]) -> dict[str, Any]:
    """Copies of the fixes on which a verdict rests, bounded in number; they outlive the raw track."""
    chosen = earliest(sightings)
    return {
        "place": dict(circle.shown()),
        "window": [instant(span.start), instant(span.end)],
        "visit": _visit(*chosen) if chosen else None,
        "devices": [_device(it, circle) for it in nearest_first(sightings)[:DEVICES_KEPT]],
    }


def _visit(sighting: Sighting, visit: Visit) -> dict[str, Any]:
    late = [fix.received_at for fix in visit.fixes if fix.received_at]
    return {
        "device": sighting.device,
        "holder": visit.holder or sighting.holder,
        "at": instant(visit.at),
        "received_at": instant(max(late)) if late else None,
    }


def _device(sighting: Sighting, circle: Place) -> dict[str, Any]:
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


def _copy(fix: Fix, circle: Place) -> dict[str, Any]:
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
