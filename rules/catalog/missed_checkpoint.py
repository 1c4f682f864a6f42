"""A round's checkpoint was not reached.

To the officer: a patrol should have been at this point in this window, and was not, or nobody can prove it.

Proof is a pass through the point's circle or polygon, a stay where one is asked for, or a tag of the point that was
read nearby. A point of an ordered route must be reached in its turn, and within the minutes of its leg.

Fires when the window, the late limit and the settle time are over and the stored readings show no visit: as *missed*
when a device of the unit was in sight all the time, as *unproven* when all of its devices have a hole, are silent or
are too inaccurate, or when a tag was read far from its point. When more than a share of a round's points is not
proven there is one alert for the round instead of one for each point.

Resolves when late readings prove the visit (the alert is withdrawn, with a note who told before), when a corrected
plan no longer has the duty, or by an officer's hand.
"""

from datetime import datetime, timedelta
from typing import Any, ClassVar, Literal

from pydantic import Field
from typing_extensions import override

from rules.core.alerts import UNPROVEN, WITHDRAWN, Clear, Intent, Raise, Reason, Severity
from rules.core.duties import NOT_PROVEN, Duty, Judgement, Verdict
from rules.core.fixes import MARGIN, Span
from rules.core.holes import holes
from rules.core.places import place_of
from rules.core.plans import Checkpoint, Route
from rules.core.presence import Terms
from rules.core.proofs import Finding, Times, find, timing
from rules.core.reasons import Why, instant, reason
from rules.core.rounds import Round, points_of, rounds
from rules.core.scans import touches
from rules.core.sequence import in_turn, leg_before, out_of_turn
from rules.core.settling import settle_time
from rules.core.staff import VEHICLES
from rules.core.words import clock, length
from rules.core.world import World
from rules.facts import Case, Group, Member, Planning
from rules.replies import Need, Planned
from rules.rule import DutyRule, Rule, RuleSettings, Subject

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
    scan_reach_m: float = Field(
        100, ge=0, le=1000, description="metres outside its point at which a scan still counts as made there"
    )
    scan_fix_s: float = Field(
        120, ge=0, le=900, description="seconds between a scan and the fix that says where it was made"
    )
    accept_unplaced_scan: bool = Field(
        default=False, description="a scan counts though nothing says where it was made: indoors, without reception"
    )
    vehicle_pass: dict[str, bool] = Field(
        default={"street": True, "kiosk": False, "key_unit": False, "school": False, "filling_station": False},
        description="by kind of checkpoint, whether a vehicle that drives past has been there; a kind left out: yes",
    )
    vehicle_pass_mps: float = Field(
        3, gt=0, le=50, description="m/s above which a vehicle drives past; below it has slowed down to look"
    )
    out_of_order: Literal["late", "met"] = Field(
        "late", description="what a point of an ordered route counts as that was reached out of its turn"
    )
    round_share: float = Field(
        0.5, ge=0, le=1, description="more of its points not proven than this share, and a round has one alert for all"
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
        for its_round in rounds(world, since=planning.since, until=planning.until, units=planning.units):
            settings = planning.settings.at(self.name, Settings, its_round.starts_at)
            route = world.routes.at(its_round.route, its_round.starts_at)
            ordered = {"ordered": route.code} if route and route.ordered else {}
            window = Span(its_round.starts_at, its_round.ends_at)
            settle = settle_time(world, its_round.unit, window, set_s=settings.settle_s)
            settles_at = its_round.ends_at + timedelta(seconds=settings.late_s) + settle
            for point in points_of(world, its_round.route, its_round.starts_at):
                duty = Duty(
                    rule=self.name,
                    key=f"{self.name}/{its_round.key}/{point.code}",
                    subject=point.code,
                    unit=its_round.unit,
                    grid=point.grid,
                    opens_at=its_round.starts_at,
                    due_at=its_round.ends_at,
                    settles_at=settles_at,
                    final_at=max(settles_at, its_round.ends_at + planning.backfill),
                    judge_at=settles_at,
                    context={"checkpoint": point.name, **ordered},
                )
                planned.append(Planned(duty=duty, round=its_round))
        return planned

    @override
    def need(self, case: Case) -> Need:
        held = _times(case).held
        span = held.widened(before=MARGIN, after=MARGIN)
        return Need(unit=case.duty.unit, held=held, span=span, scans=True)

    @override
    def judge(self, case: Case, *, now: datetime) -> Judgement:
        duty = case.duty
        point = case.world.checkpoints.at(duty.subject, duty.opens_at)
        if point is None:
            return Judgement(verdict=Verdict.IN_DOUBT, reasons=(reason(Why.NO_PLACE, checkpoint=duty.subject),))
        found = _look(case, point)
        route = case.world.routes.at(duty.context.get("ordered"), duty.opens_at)
        if found.phase is None:
            shown = found.evidence()
            if unsure := found.doubts:
                return Judgement(verdict=Verdict.IN_DOUBT, reasons=tuple(unsure), evidence=shown)
            return Judgement(verdict=Verdict.MISSED, reasons=tuple(found.absences), evidence=shown)
        return _in_turn(case, found, route) if route else _visited(case, found)

    @override
    def alerts(self, group: Group) -> list[Intent]:
        members = group.members
        unproven = [it.duty for it in members if it.duty.verdict in NOT_PROVEN]
        whole = group.round is not None and self._is_one(group, len(unproven))
        intents: list[Intent] = []
        if group.round is not None:
            intents.append(self._round(group, group.round) if whole else self._no_round(group, group.round))
        for member in members:
            if whole:
                intents.append(
                    Clear(
                        fingerprint=_fingerprint(member.duty),
                        event="inhibited",
                        note=f"{len(unproven)} of {len(members)} points are not proven: the round has an alert",
                    )
                )
            elif member.duty.verdict is not None:
                intents.append(self._point(group, member))
        return intents

    def _is_one(self, group: Group, unproven: int) -> bool:
        """Whether so many points are not proven that the round is one matter."""
        settings = group.settings.at(self.name, Settings, group.members[0].duty.opens_at)
        whole = unproven == len(group.members)
        return unproven > 1 and (whole or unproven > settings.round_share * len(group.members))

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
        unproven = [it for it in duties if it.verdict in NOT_PROVEN]
        missed = [it for it in duties if it.verdict is Verdict.MISSED]
        when = f"{clock(its_round.starts_at, group.world.zone)}-{clock(its_round.ends_at, group.world.zone)}"
        said = "missed" if missed else "not proven"
        whole = "the whole round" if len(unproven) == len(duties) else f"{len(unproven)} of {len(duties)} points of"
        points: list[Reason] = [
            reason(Why.POINTS, points=len(duties), missed=len(missed), in_doubt=len(unproven) - len(missed))
        ]
        points += [{"checkpoint": it.subject, "verdict": str(it.verdict), **dict(_first(it))} for it in unproven[:50]]
        return Raise(
            fingerprint=_round_fingerprint(its_round),
            rule=self.name,
            subject=its_round.key,
            class_="missed" if missed else UNPROVEN,
            severity=max((self._severity(it, group) for it in unproven), key=lambda severity: severity.rank),
            title=f"{its_round.unit}: {whole} {its_round.route}, {when}, {said}",
            reasons=tuple(points),
            grid=its_round.grid,
            unit=its_round.unit,
            occurred_at=max(it.settles_at for it in duties),
        )

    def _no_round(self, group: Group, its_round: Round) -> Intent:
        if any(it.duty.verdict in NOT_PROVEN for it in group.members):
            note = "enough points of the round are proven; those that are not have alerts of their own"
            return Clear(fingerprint=_round_fingerprint(its_round), note=note)
        proofs = [_proof(it, group.world) for it in group.members if it.evidence and it.duty.verdict not in NOT_PROVEN]
        note = "; ".join(proofs[:3]) or "enough points of the round are proven"
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


def _times(case: Case) -> Times:
    settings = case.settings.at(MissedCheckpoint.name, Settings, case.duty.opens_at)
    early, late = timedelta(seconds=settings.early_s), timedelta(seconds=settings.late_s)
    return Times(Span(case.duty.opens_at, case.duty.due_at), early, late)


def _look(case: Case, point: Checkpoint) -> Finding:
    """What the readings show about one checkpoint of the round."""
    settings = case.settings.at(MissedCheckpoint.name, Settings, case.duty.opens_at)
    place = place_of(point)
    drives = case.world.unit_kind(case.duty.unit, case.duty.opens_at) in VEHICLES
    passing = settings.vehicle_pass.get(point.kind, True)
    return find(
        place,
        _times(case),
        Terms(dwell_s=point.dwell_s, slow_mps=settings.vehicle_pass_mps if drives and not passing else None),
        tracked=case.tracked,
        touches=touches(
            case.scans,
            point.code,
            world=case.world,
            place=place,
            tracked=case.tracked,
            reach_m=settings.scan_reach_m,
            fix_s=settings.scan_fix_s,
        ),
        unplaced_count=settings.accept_unplaced_scan,
    )


def _visited(case: Case, found: Finding) -> Judgement:
    """A point that may be reached in any order."""
    assert found.phase is not None  # noqa: S101  the caller looked
    first = found.proofs[0]
    return Judgement(
        verdict=Verdict(found.phase),
        reasons=(*first.reasons, *timing(found.phase, first.at, _times(case).window)),
        met_at=first.at,
        evidence=found.evidence(),
    )


def _in_turn(case: Case, found: Finding, route: Route) -> Judgement:
    """A point of an ordered route: the others' visits say whether this one came in its turn and in its time."""
    code, world, at = case.duty.subject, case.world, case.duty.opens_at
    findings = {point.code: _look(case, point) for point in points_of(world, route.code, at)}
    turn = in_turn([(it, [proof.at for proof in its.proofs]) for it, its in findings.items()])
    mine = next((it for it in found.proofs if it.at == turn.get(code)), found.proofs[0])
    judged = _visited(case, found)
    why: Reason | None = None
    verdict = judged.verdict
    if code not in turn and _seen_all_along(case, found):
        why = out_of_turn(code, mine.at, route, turn)
        if verdict is Verdict.MET:
            verdict = Verdict(case.settings.at(MissedCheckpoint.name, Settings, at).out_of_order)
    elif (leg := leg_before(code, route, turn)) and all(_seen_all_along(case, it) for it in (found, findings[leg[0]])):
        why = leg[1]
        if verdict is Verdict.MET:
            verdict = Verdict.LATE if why["reason"] == Why.LEG_LATE else Verdict.EARLY
    before = list(findings)[: list(findings).index(code)]
    return Judgement(
        verdict=verdict,
        reasons=(*mine.reasons, *timing(found.phase or "met", mine.at, _times(case).window), *([why] if why else [])),
        met_at=mine.at,
        evidence={**found.evidence(), "turn": {it: instant(time) for it, time in turn.items()}},
        may_turn=any(it not in turn for it in before),
    )


def _seen_all_along(case: Case, found: Finding) -> bool:
    """Whether a device covers the window, so that it was at the place at no other time than is known."""
    window = _times(case).window
    return any(not holes(it.credible, found.place, span=window, pace=it.pace) for it in case.tracked)


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
