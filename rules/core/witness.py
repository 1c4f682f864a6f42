"""Copies of the fixes on which a verdict about a place rests; they outlive the raw track."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from rules.core.fixes import Fix, Span
from rules.core.places import Place
from rules.core.presence import DEVICES_KEPT, Sighting, earliest, nearest_first
from rules.core.reasons import instant
from rules.core.visits import Visit


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
