"""Nobody was at an incident in time.

To the officer: the unit that was sent, or any unit when none was named, should be at the place within five minutes of
the dispatch.

Fires when the limit and the settle time have passed without a device in the circle: as *missed* when a device was in
sight all the time, as *unproven* when none was.

Resolves when a device arrives after all (its class becomes *late*, or it is withdrawn when late data show an arrival
in time), when another unit is sent instead, or by an officer's hand. An incident that is closed before the limit asks
for nobody any more.
"""

from datetime import datetime, timedelta
from typing import ClassVar

from pydantic import Field
from typing_extensions import override

from rules.core.alerts import UNPROVEN, WITHDRAWN, Clear, Intent, Raise, Reason, Severity
from rules.core.duties import NOT_PROVEN, Duty, Judgement, Verdict
from rules.core.fixes import MARGIN, Span
from rules.core.presence import absences, doubts, earliest, sight, visit_reasons
from rules.core.reasons import Why, instant, reason
from rules.core.visits import Circle
from rules.core.witness import evidence
from rules.core.words import clock, length
from rules.rule import (
    Arrival,
    Case,
    DutyRule,
    Effect,
    Group,
    IncidentFacts,
    Member,
    Need,
    Planned,
    Planning,
    Rule,
    RuleSettings,
    Subject,
)

# Ingest learns of a new incident within a second or two; a fix that it took in before that has woken nobody.
_KNOWN_AFTER = timedelta(seconds=5)


class Settings(RuleSettings):
    """What can be set."""

    limit_s: float = Field(
        300, gt=0, le=86_400, description="seconds from dispatch to arrival: the five minutes of the 1-3-5 circles"
    )
    give_up_s: float = Field(
        7200, ge=0, le=86_400, description="seconds after the limit in which an arrival still counts, as late"
    )
    settle_s: float = Field(
        60, ge=0, le=3600, description="seconds to wait for data: two reports of a handset, six of a vehicle"
    )
    severity: Severity = Field(Severity.HIGH, description="of an alert that nobody came in time")


class ResponseTime(DutyRule):
    """One duty for each dispatch."""

    name: ClassVar[str] = "response_time"
    title: ClassVar[str] = "Response time"
    settings: ClassVar[type[RuleSettings]] = Settings
    subject: ClassVar[Subject] = "incident"
    lasts: ClassVar[bool] = True

    @override
    def plan(self, planning: Planning) -> list[Planned]:
        planned = []
        for incident in planning.incidents:
            at = incident.dispatched_at
            if at is None:
                continue
            settings = planning.settings.at(self.name, Settings, at)
            due_at = at + timedelta(seconds=settings.limit_s)
            settles_at = due_at + timedelta(seconds=settings.settle_s)
            duty = Duty(
                rule=self.name,
                key=f"{self.name}/{incident.number}/{incident.unit or 'any'}/{instant(at)}",
                subject=str(incident.id),
                unit=incident.unit,
                grid=incident.grid,
                opens_at=at,
                due_at=due_at,
                settles_at=settles_at,
                final_at=max(settles_at + timedelta(seconds=settings.give_up_s), at + planning.backfill),
                judge_at=settles_at,
                context={"incident": incident.number, "dispatched_at": instant(at)},
            )
            planned.append(Planned(duty=duty))
        return planned

    @override
    def need(self, case: Case) -> Need:
        span = Span(case.duty.opens_at, self._gives_up_at(case))
        return Need(unit=case.duty.unit, held=span, span=span.widened(before=MARGIN, after=MARGIN))

    @override
    def judge(self, case: Case, *, now: datetime) -> Judgement:
        duty, incident = case.duty, case.incident
        if incident is None or incident.lat is None or incident.lon is None:
            return Judgement(verdict=Verdict.IN_DOUBT, reasons=(reason(Why.NO_PLACE, incident=duty.subject),))
        if not _current(duty, incident):
            return Judgement(
                verdict=Verdict.WAIVED, reasons=(reason(Why.SUPERSEDED, by=incident.unit or "any unit"),), done=True
            )
        circle = Circle(incident.lat, incident.lon, incident.radius_m)
        limit = Span(duty.opens_at, duty.due_at)
        sightings = [sight(it, circle, limit) for it in case.tracked]
        if seen := earliest(sightings):
            return Judgement(
                verdict=Verdict.MET,
                reasons=tuple(visit_reasons(*seen)),
                met_at=seen[1].at,
                evidence=evidence(circle, limit, sightings),
            )
        after = Span(duty.due_at, self._gives_up_at(case))
        later = [sight(it, circle, after) for it in case.tracked]
        if seen := earliest(later):
            late: Reason = reason(Why.LATE_BY, late_s=(seen[1].at - duty.due_at).total_seconds())
            return Judgement(
                verdict=Verdict.LATE,
                reasons=(*visit_reasons(*seen), late),
                met_at=seen[1].at,
                evidence=evidence(circle, after, later),
            )
        shown = evidence(circle, limit, sightings)
        if incident.closed_at is not None and incident.closed_at < duty.due_at:
            # Whoever was on the way was called off: the time to come had not run out.
            return Judgement(
                verdict=Verdict.WAIVED, reasons=(reason(Why.CLOSED, at=incident.closed_at),), evidence=shown
            )
        known_at = duty.opens_at + _KNOWN_AFTER
        again = known_at if now < known_at else None
        if unsure := doubts(sightings, one_unit=duty.unit is not None):
            return Judgement(verdict=Verdict.IN_DOUBT, reasons=tuple(unsure), evidence=shown, look_again_at=again)
        why = (reason(Why.NOT_YET), *absences(sightings))
        return Judgement(verdict=Verdict.MISSED, reasons=why, evidence=shown, look_again_at=again)

    @override
    def effects(self, duty: Duty, case: Case, *, now: datetime) -> list[Effect]:
        if case.incident is None or not _current(duty, case.incident):
            return []
        return [Arrival(incident=case.incident.id, at=duty.met_at)]

    @override
    def alerts(self, group: Group) -> list[Intent]:
        return [self._alert(group, member) for member in group.members if member.duty.verdict is not None]

    def _alert(self, group: Group, member: Member) -> Intent:
        duty = member.duty
        fingerprint = f"{self.name}:{duty.key}"
        number = duty.context.get("incident", duty.subject)
        if duty.verdict is Verdict.LATE and duty.met_at is not None:
            device = duty.reasons[0].get("device")
            came = f"{device} arrived at {clock(duty.met_at, group.world.zone)}"
            return Clear(
                fingerprint=fingerprint,
                class_="late",
                note=f"{came}, {length(duty.met_at - duty.opens_at)} after the dispatch",
            )
        if duty.verdict is Verdict.MET and duty.met_at is not None:
            device = duty.reasons[0].get("device")
            note = f"late data show that {device} arrived in time, at {clock(duty.met_at, group.world.zone)}"
            return Clear(fingerprint=fingerprint, event=WITHDRAWN, class_=WITHDRAWN, note=note)
        if duty.verdict not in NOT_PROVEN:
            closed = any(it["reason"] == Why.CLOSED for it in duty.reasons)
            note = "the incident was closed before the limit" if closed else "another unit was sent instead"
            return Clear(fingerprint=fingerprint, note=note)
        settings = group.settings.at(self.name, Settings, duty.opens_at)
        missed = duty.verdict is Verdict.MISSED
        who = duty.unit or "no unit"
        limit = length(duty.due_at - duty.opens_at)
        return Raise(
            fingerprint=fingerprint,
            rule=self.name,
            subject=str(number),
            class_="missed" if missed else UNPROVEN,
            severity=settings.severity if missed else Severity.WARNING,
            title=f"{number}: {who} has not arrived within {limit}"
            if missed
            else f"{number}: arrival of {duty.unit or 'any unit'} within {limit} is not proven",
            reasons=duty.reasons,
            grid=duty.grid,
            unit=duty.unit,
            duty=duty.id,
            incident=int(duty.subject),
            evidence=duty.evidence,
            occurred_at=duty.settles_at,
        )

    def _gives_up_at(self, case: Case) -> datetime:
        settings = case.settings.at(self.name, Settings, case.duty.opens_at)
        return case.duty.due_at + timedelta(seconds=settings.give_up_s)


def _current(duty: Duty, incident: IncidentFacts) -> bool:
    """Whether the duty stands for the dispatch that is in force."""
    return (
        incident.dispatched_at is not None
        and duty.unit == incident.unit
        and duty.context.get("dispatched_at") == instant(incident.dispatched_at)
    )


rule: Rule = ResponseTime()
