"""What people hear of one duty that has an alert of its own: a reproach, a doubt, or that either is withdrawn."""

from collections.abc import Mapping
from datetime import datetime

from rules.core.alerts import UNPROVEN, WITHDRAWN, Clear, Intent, Raise, Severity
from rules.core.duties import NOT_PROVEN, Duty, Verdict
from rules.core.words import day_clock
from rules.core.world import World


def told(
    duty: Duty,
    *,
    missed: str,
    doubtful: str,
    severity: Severity,
    world: World,
    subject: str | None = None,
    lat: float | None = None,
    lon: float | None = None,
) -> list[Intent]:
    """What to say about a duty after judgement; nothing while it has no verdict.

    Args:
        duty: judged.
        missed: the alert's title when nobody did it.
        doubtful: the title when nobody can tell.
        severity: of a missed one; a doubt blames nobody and is a warning at the most.
        world: for its zone.
        subject: what the alert names; the duty's subject without it.
        lat: where to look on the map, degrees WGS-84.
        lon: likewise.
    """
    if duty.verdict is None:
        return []
    if duty.verdict is Verdict.WAIVED:
        return [Clear(fingerprint=fingerprint(duty), note="waived")]
    if duty.verdict not in NOT_PROVEN:
        return [Clear(fingerprint=fingerprint(duty), event=WITHDRAWN, class_=WITHDRAWN, note=_proof(duty, world))]
    proven = duty.verdict is Verdict.MISSED
    return [
        Raise(
            fingerprint=fingerprint(duty),
            rule=duty.rule,
            subject=subject or duty.subject,
            class_="missed" if proven else UNPROVEN,
            severity=severity if proven else min(severity, Severity.WARNING, key=lambda it: it.rank),
            title=missed if proven else doubtful,
            reasons=duty.reasons,
            grid=duty.grid,
            unit=duty.unit,
            duty=duty.id,
            evidence=duty.evidence,
            lat=lat,
            lon=lon,
            occurred_at=duty.settles_at,
        )
    ]


def fingerprint(duty: Duty) -> str:
    """What makes two alerts about a duty the same one."""
    return f"{duty.rule}:{duty.key}"


def graded(by_grade: Mapping[int, Severity], world: World, grid: str | None, at: datetime) -> Severity:
    """The severity by the grade of a grid as it was then; a grid without grade counts as 1."""
    return by_grade.get(world.grade(grid, at) or 1, Severity.WARNING)


def _proof(duty: Duty, world: World) -> str:
    done = f" at {day_clock(duty.met_at, world.zone)}" if duty.met_at else ""
    return f"late data show that it was done{done}" if duty.verdict is Verdict.MET else f"it was done late{done}"
