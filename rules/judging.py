"""From duties and readings to verdicts and alerts: what the worker and a back-test have in common; no I/O, no clock."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from rules.core.alerts import Intent
from rules.core.duties import Duty, Judgement, Standing, stand
from rules.core.lag import tempered
from rules.core.naming import unblamed
from rules.core.rounds import Round
from rules.core.world import World
from rules.facts import Case, Group, Member
from rules.replies import Effect, Need
from rules.rule import DutyRule
from rules.waived import intents_of


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """A case after judgement.

    Attributes:
        case: what was judged, with the duty as it was before.
        judgement: what the rule found.
        standing: what may be said of it now.
        number: of the evidence row that the verdict rests on; None as long as there is none.
    """

    case: Case
    judgement: Judgement
    standing: Standing
    number: int | None = None

    @property
    def says_why(self) -> bool:
        """Whether there is something to keep as evidence."""
        return self.standing.verdict is not None and self.judgement.evidence is not None

    @property
    def needs_new_evidence(self) -> bool:
        """Whether it must not overwrite what is there: a verdict that changed leaves the old to its alert."""
        duty = self.case.duty
        return self.says_why and (duty.evidence is None or duty.verdict is not self.standing.verdict)

    def after(self, *, now: datetime) -> Duty:
        """The duty as it is after this judgement."""
        its = self.standing
        return replace(
            self.case.duty,
            state=its.state,
            verdict=its.verdict,
            reasons=its.reasons,
            met_at=its.met_at,
            judge_at=its.judge_at,
            judged_at=now,
            evidence=self.number,
        )


def share_of(rule: DutyRule | None, duty: Duty, world: World, *, now: datetime) -> str:
    """What names the duties that share alerts with this one."""
    if rule and rule.shares == "round" and duty.round is not None:
        return f"round {duty.round}"
    if rule and rule.shares == "community":
        return community(duty, world, now=now)
    return duty.key


def community(duty: Duty, world: World, *, now: datetime) -> str:
    """The grid above the duty's, which shares one alert; the duty's own grid at the top, "site" without one."""
    grid = world.grids.at(duty.grid, now)
    return (grid.parent or grid.code) if grid else "site"


def judge(
    rule: DutyRule, case: Case, need: Need | None, *, now: datetime, caught_up_to: datetime | None = None
) -> Outcome:
    """Judge one case.

    Args:
        rule: whose duty it is.
        case: with everything that the rule needs.
        need: what it wanted; None when the judgement does not rest on fixes.
        now: aware UTC.
        caught_up_to: how far ingest has come; None when nothing is on its way, as in a back-test.
    """
    judgement = rule.judge(case, now=now)
    if need is not None or case.long is not None:
        judgement = unblamed(case.duty, judgement, world=case.world)
        judgement = tempered(case.duty, judgement, now=now, caught_up_to=caught_up_to)
    standing = stand(case.duty, judgement, now=now)
    return Outcome(case=case, judgement=judgement, standing=standing, number=case.duty.evidence)


def effects_of(rule: DutyRule, outcome: Outcome, *, now: datetime) -> list[Effect]:
    """What follows from a judgement besides alerts."""
    return rule.effects(outcome.after(now=now), outcome.case, now=now)


def alerts_of(
    rule: DutyRule,
    outcomes: Sequence[Outcome],
    *,
    others: Iterable[Duty],
    its_round: Round | None,
    now: datetime,
) -> list[Intent]:
    """What people must know about the duties that share alerts.

    Args:
        rule: of all of them.
        outcomes: those that were judged now, at least one.
        others: those that share alerts with them, whether judged now or not.
        its_round: the round of all of them, if there is one.
        now: aware UTC.
    """
    first = outcomes[0].case
    members = {duty.id or 0: Member(duty=duty) for duty in others}
    for outcome in outcomes:
        members[outcome.case.duty.id or 0] = Member(duty=outcome.after(now=now), evidence=outcome.judgement.evidence)
    group = Group(
        key=share_of(rule, first.duty, first.world, now=now),
        round=its_round,
        members=tuple(members[number] for number in sorted(members)),
        world=first.world,
        settings=first.settings,
        now=now,
    )
    return intents_of(rule, group)
