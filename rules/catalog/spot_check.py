"""A finished round should be checked by a person, and nobody has; or somebody has, and does not confirm it.

To the officer: of all rounds a small share is drawn by lot. Ask the patrol, call the shop on the corner, go and look;
then say whether the round was walked as its verdicts have it. Which rounds are drawn depends on their keys alone:
planning again draws the same ones.

Fires when a drawn round has not been checked so many days after its end, as *missed*; and when somebody who checked it
does not confirm it, as *not confirmed*.

Resolves when the round is confirmed, or by an officer's hand.
"""

import hashlib
from datetime import datetime, timedelta
from typing import ClassVar

from pydantic import Field
from typing_extensions import override

from rules.core.alerts import Clear, Intent, Raise, Severity
from rules.core.duties import Duty, Judgement, Verdict
from rules.core.reasons import Why, reason
from rules.core.rounds import Round, rounds
from rules.core.telling import fingerprint
from rules.core.words import day_clock
from rules.facts import Case, Group, Planning
from rules.replies import Need, Planned
from rules.rule import DutyRule, Rule, RuleSettings, Subject

CONFIRMED, NOT_CONFIRMED = "confirmed", "not_confirmed"


class Settings(RuleSettings):
    """What can be set."""

    share: float = Field(
        0.02,
        ge=0,
        le=1,
        description="of all rounds that is drawn; one in fifty is ten a week in a town of 72 a day",
    )
    due_days: float = Field(7, gt=0, le=90, description="days from the end of a round to the answer about it")
    severity: Severity = Field(Severity.INFO, description="of an alert that nobody has checked a round")
    refuted_severity: Severity = Field(Severity.HIGH, description="of an alert that a round was not confirmed")


class SpotCheck(DutyRule):
    """One duty for each round that is drawn; it belongs to whoever checks, not to the unit that walked."""

    name: ClassVar[str] = "spot_check"
    title: ClassVar[str] = "Spot check of a round"
    settings: ClassVar[type[RuleSettings]] = Settings
    subject: ClassVar[Subject] = "round"
    replans: ClassVar[bool] = True

    @override
    def plan(self, planning: Planning) -> list[Planned]:
        planned = []
        for its_round in rounds(planning.world, since=planning.since, until=planning.until):
            settings = planning.settings.at(self.name, Settings, its_round.ends_at)
            if lot(its_round.key) < settings.share:
                planned.append(Planned(duty=self._duty(its_round, settings)))
        return planned

    def _duty(self, its_round: Round, settings: Settings) -> Duty:
        due_at = its_round.ends_at + timedelta(days=settings.due_days)
        return Duty(
            rule=self.name,
            key=f"{self.name}/{its_round.key}",
            subject=its_round.key,
            grid=its_round.grid,
            opens_at=its_round.ends_at,
            due_at=due_at,
            settles_at=due_at,
            final_at=due_at + timedelta(days=settings.due_days),
            judge_at=due_at,
            context={"unit": its_round.unit, "route": its_round.route},
        )

    @override
    def need(self, case: Case) -> Need | None:
        return None

    @override
    def judge(self, case: Case, *, now: datetime) -> Judgement:
        answer = case.answer
        if answer is None:
            return Judgement(verdict=Verdict.MISSED, reasons=(reason(Why.UNCHECKED, due_at=case.duty.due_at),))
        said = reason(
            Why.CHECKED,
            outcome=answer.outcome,
            by=answer.answered_by,
            at=answer.answered_at,
            note=answer.note or None,
        )
        late = answer.answered_at > case.duty.due_at
        verdict = Verdict.LATE if late else Verdict.MET
        return Judgement(verdict=verdict, reasons=(said,), met_at=answer.answered_at, done=True)

    @override
    def alerts(self, group: Group) -> list[Intent]:
        return [self._told(group, member.duty) for member in group.members if member.duty.verdict is not None]

    def _told(self, group: Group, duty: Duty) -> Intent:
        said = duty.reasons[0] if duty.reasons else {}
        refuted = said.get("outcome") == NOT_CONFIRMED
        if not refuted and duty.verdict is not Verdict.MISSED:
            return Clear(fingerprint=fingerprint(duty), note=f"the round was checked by {said.get('by', 'somebody')}")
        settings = group.settings.at(self.name, Settings, duty.opens_at)
        unit, route = duty.context.get("unit"), duty.context.get("route")
        which = f"the round of {unit} on {route} that ended {day_clock(duty.opens_at, group.world.zone)}"
        return Raise(
            fingerprint=fingerprint(duty),
            rule=self.name,
            subject=duty.subject,
            class_=NOT_CONFIRMED if refuted else "missed",
            severity=settings.refuted_severity if refuted else settings.severity,
            title=f"{said.get('by')} does not confirm {which}" if refuted else f"Nobody has checked {which}",
            reasons=duty.reasons,
            grid=duty.grid,
            unit=unit if refuted else None,
            duty=duty.id,
            occurred_at=duty.met_at if refuted and duty.met_at else duty.settles_at,
        )


def lot(key: str) -> float:
    """A number from 0 to 1 that a key alone decides."""
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big") / 2**64


rule: Rule = SpotCheck()
