"""A round's checkpoint was not reached.

To the officer: a patrol should have been at this point in this window, and was not, or nobody can prove it.

Fires when the window, the late limit and the settle time are over and the stored fixes show no visit: as *missed* when
a device of the unit was in sight all the time, as *unproven* when all of its devices have a hole, are silent or are too
inaccurate. When no point of a round is proven there is one alert for the round instead of one for each point.

Resolves when late fixes prove the visit (the alert is withdrawn, with a note who told before), or by an officer's hand.
"""

from datetime import datetime, timedelta
from typing import Any, ClassVar, Literal

from pydantic import Field
from typing_extensions import override

from rules.core.alerts import UNPROVEN, WITHDRAWN, Clear, Intent, Raise, Reason, Severity
from rules.core.duties import NOT_PROVEN, Duty, Judgement, Verdict
from rules.core.fixes import MARGIN, Span
from rules.core.presence import Sighting, absences, doubts, earliest, evidence, sight, visit_reasons
from rules.core.reasons import Why, reason
from rules.core.rounds import Round, rounds
from rules.core.settling import settle_time
from rules.core.visits import Circle, Visit
from rules.core.words import clock, length
from rules.core.world import World
from rules.rule import Case, DutyRule, Group, Member, Need, Planned, Planning, Rule, RuleSettings, Subject

_LATE_DATA = timedelta(minutes=2)  # a fix that came later than this came late enough to say so


class Settings(RuleSettings):
    """What can be set."""

    early_s: float = Field(300, ge=0, le=3600, description="seconds before its window in which a visit counts as early")
    late_s: float = Field(
        300, ge=0, le=7200, description="seconds after its window in which a visit is late, not missed: a gate was shut"
    )
    settle_s: float | None = Field(
        None, ge=0, le=3600, description="seconds to wait for data; unset: two report intervals of the slowest device"
    )
    severity_by_grade: dict[int, Severity] = Field(
        default={1: Severity.WARNING, 2: Severity.WARNING, 3: Severity.HIGH, 4: Severity.CRITICAL},
        description="severity of a missed point by the grade of its grid, where the site's grade policy names none; "
        "a grid without grade counts as 1",
    )


class MissedCheckpoint(DutyRule):
    """Rounds from the shift calendar, one duty for each checkpoint of each."""

    name: ClassVar[str] = "missed_checkpoint"
    title: ClassVar[str] = "Missed checkpoint"
    settings: ClassVar[type[RuleSettings]] = Settings
    subject: ClassVar[Subject] = "checkpoint"
    shares: ClassVar[Literal["round", "community", "nothing"]] = "round"
    replans: ClassVar[bool] = True

    @override
    def plan(self, planning: Planning) -> list[Planned]:
        world = planning.world
        planned = []
        for its_round in rounds(world, since=planning.since, until=planning.until):
            settings = planning.settings.at(self.name, Settings, its_round.starts_at)
            route = world.routes.at(its_round.route, its_round.starts_at)
            window = Span(its_round.starts_at, its_round.ends_at)
            settle = settle_time(world, its_round.unit, window, set_s=settings.settle_s)
            settles_at = its_round.ends_at + timedelta(seconds=settings.late_s) + settle
            for code in dict.fromkeys(route.checkpoints if route else ()):
                point = world.checkpoints.at(code, its_round.starts_at)
                if point is None:
                    continue
                duty = Duty(
                    rule=self.name,
                    key=f"{self.name}/{its_round.key}/{code}",
                    subject=code,
                    unit=its_round.unit,
                    grid=point.grid,
                    opens_at=its_round.starts_at,
                    due_at=its_round.ends_at,
                    settles_at=settles_at,
                    final_at=max(settles_at, its_round.ends_at + planning.backfill),
                    judge_at=settles_at,
                    context={"checkpoint": point.name},
                )
                planned.append(Planned(duty=duty, round=its_round))
        return planned

    @override
    def need(self, case: Case) -> Need:
        settings = case.settings.at(self.name, Settings, case.duty.opens_at)
        held = _window(case.duty).widened(
            before=timedelta(seconds=settings.early_s), after=timedelta(seconds=settings.late_s)
        )
        return Need(unit=case.duty.unit, held=held, span=held.widened(before=MARGIN, after=MARGIN))

    @override
    def judge(self, case: Case, *, now: datetime) -> Judgement:
        duty = case.duty
        point = case.world.checkpoints.at(duty.subject, duty.opens_at)
        if point is None:
            return Judgement(verdict=Verdict.IN_DOUBT, reasons=(reason(Why.NO_PLACE, checkpoint=duty.subject),))
        settings = case.settings.at(self.name, Settings, duty.opens_at)
        circle = Circle(point.lat, point.lon, point.radius_m)
        window = _window(duty)
        sightings = [sight(it, circle, window) for it in case.tracked]
        if seen := earliest(sightings):
            return _visited(Verdict.MET, seen, [], circle, window, sightings)

        after = Span(window.end, window.end + timedelta(seconds=settings.late_s))
        later = [sight(it, circle, after) for it in case.tracked]
        if seen := earliest(later):
            late_s = (seen[1].at - window.end).total_seconds()
            return _visited(Verdict.LATE, seen, [reason(Why.LATE_BY, late_s=late_s)], circle, after, later)

        before = Span(window.start - timedelta(seconds=settings.early_s), window.start)
        sooner = [sight(it, circle, before) for it in case.tracked]
        if seen := earliest(sooner):
            early_s = (window.start - seen[1].at).total_seconds()
            return _visited(Verdict.EARLY, seen, [reason(Why.EARLY_BY, early_s=early_s)], circle, before, sooner)

        shown = evidence(circle, window, sightings)
        if unsure := doubts(sightings):
            return Judgement(verdict=Verdict.IN_DOUBT, reasons=tuple(unsure), evidence=shown)
        return Judgement(verdict=Verdict.MISSED, reasons=tuple(absences(sightings)), evidence=shown)

    @override
    def alerts(self, group: Group) -> list[Intent]:
        members = group.members
        unproven = [it.duty for it in members if it.duty.verdict in NOT_PROVEN]
        whole = group.round is not None and len(members) > 1 and len(unproven) == len(members)
        intents: list[Intent] = []
        if group.round is not None:
            intents.append(self._round(group, group.round) if whole else self._no_round(group, group.round))
        for member in members:
            if whole:
                intents.append(
                    Clear(
                        fingerprint=_fingerprint(member.duty),
                        event="inhibited",
                        note="no point of the round is proven: the round has an alert of its own",
                    )
                )
            elif member.duty.verdict is not None:
                intents.append(self._point(group, member))
        return intents

    def _point(self, group: Group, member: Member) -> Intent:
        duty = member.duty
        if duty.verdict not in NOT_PROVEN:
            return Clear(
                fingerprint=_fingerprint(duty), event=WITHDRAWN, class_=WITHDRAWN, note=_proof(member, group.world)
            )
        missed = duty.verdict is Verdict.MISSED
        point = group.world.checkpoints.at(duty.subject, duty.opens_at)
        where = f"{point.name} ({duty.subject})" if point else duty.subject
        when = f"{clock(duty.opens_at, group.world.zone)}-{clock(duty.due_at, group.world.zone)}"
        return Raise(
            fingerprint=_fingerprint(duty),
            rule=self.name,
            subject=duty.subject,
            class_="missed" if missed else UNPROVEN,
            severity=self._severity(duty, group),
            title=f"{duty.unit} missed {where}, {when}" if missed else f"{duty.unit} at {where}, {when}: not proven",
            reasons=duty.reasons,
            grid=duty.grid,
            unit=duty.unit,
            duty=duty.id,
            evidence=duty.evidence,
            lat=point.lat if point else None,
            lon=point.lon if point else None,
            occurred_at=duty.settles_at,
        )

    def _round(self, group: Group, its_round: Round) -> Intent:
        duties = [it.duty for it in group.members]
        missed = [it for it in duties if it.verdict is Verdict.MISSED]
        when = f"{clock(its_round.starts_at, group.world.zone)}-{clock(its_round.ends_at, group.world.zone)}"
        said = "missed" if missed else "not proven"
        points: list[Reason] = [
            reason(Why.POINTS, points=len(duties), missed=len(missed), in_doubt=len(duties) - len(missed))
        ]
        points += [{"checkpoint": it.subject, "verdict": str(it.verdict), **dict(_first(it))} for it in duties[:50]]
        return Raise(
            fingerprint=_round_fingerprint(its_round),
            rule=self.name,
            subject=its_round.key,
            class_="missed" if missed else UNPROVEN,
            severity=max((self._severity(it, group) for it in duties), key=lambda severity: severity.rank),
            title=f"{its_round.unit}: the whole round {its_round.route}, {when}, {said}",
            reasons=tuple(points),
            grid=its_round.grid,
            unit=its_round.unit,
            occurred_at=max(it.settles_at for it in duties),
        )

    def _no_round(self, group: Group, its_round: Round) -> Intent:
        proofs = [_proof(it, group.world) for it in group.members if it.evidence and it.duty.verdict not in NOT_PROVEN]
        note = "; ".join(proofs[:3]) or "at least one point of the round was reached"
        return Clear(fingerprint=_round_fingerprint(its_round), event=WITHDRAWN, class_=WITHDRAWN, note=note)

    def _severity(self, duty: Duty, group: Group) -> Severity:
        if duty.verdict is not Verdict.MISSED:
            return Severity.WARNING
        settings = group.settings.at(self.name, Settings, duty.opens_at)
        grade = group.world.grade(duty.grid, duty.opens_at) or 1
        policy = group.world.policy(grade, duty.opens_at)
        if policy is not None and policy.severity is not None:
            return Severity(policy.severity)
        return settings.severity_by_grade.get(grade, Severity.WARNING)


def _window(duty: Duty) -> Span:
    return Span(duty.opens_at, duty.due_at)


def _visited(
    verdict: Verdict,
    seen: tuple[Sighting, Visit],
    also: list[Reason],
    circle: Circle,
    span: Span,
    sightings: list[Sighting],
) -> Judgement:
    sighting, visit = seen
    return Judgement(
        verdict=verdict,
        reasons=(*visit_reasons(sighting, visit), *also),
        met_at=visit.at,
        evidence=evidence(circle, span, sightings),
    )


def _proof(member: Member, world: World) -> str:
    """What proves the visit, for the history of an alert that said otherwise."""
    visit: dict[str, Any] | None = (member.evidence or {}).get("visit")
    if visit is None or member.duty.met_at is None:
        return f"{member.duty.subject}: {member.duty.verdict}"
    at = clock(member.duty.met_at, world.zone)
    received = visit["received_at"]
    delay = datetime.fromisoformat(received) - member.duty.met_at if received else timedelta()
    if delay > _LATE_DATA:
        return f"{visit['device']}'s fixes came {length(delay)} late and show the visit at {at}"
    return f"{visit['device']} was there at {at}"


def _first(duty: Duty) -> Reason:
    return duty.reasons[0] if duty.reasons else {}


def _fingerprint(duty: Duty) -> str:
    return f"missed_checkpoint:{duty.key}"


def _round_fingerprint(its_round: Round) -> str:
    return f"missed_checkpoint:round:{its_round.key}"


rule: Rule = MissedCheckpoint()
