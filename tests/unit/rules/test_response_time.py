"""Five minutes from dispatch to arrival, story by story. The incident is at the middle, 50 m wide."""

from dataclasses import replace

import pytest

from rules.core.alerts import Clear, Raise
from rules.core.duties import Duty, Judgement, Verdict, stand
from rules.facts import Case, Group, IncidentFacts, Member
from rules.replies import Arrival
from tests.unit.rules.timeline import at, duty_rule, fix, judge, names, place, plan, settings, tracked, walk, world

INCIDENT = IncidentFacts(
    id=7,
    number="I-20261121-0007",
    kind="fire_hazard",
    lat=place(0, 0)[0],
    lon=place(0, 0)[1],
    radius_m=50,
    grid="G-1",
    unit="U-1",
    dispatched_at=at(0),
    closed_at=None,
)
RULE = duty_rule("response_time")


@pytest.fixture
def duty() -> Duty:
    (planned,) = plan("response_time", world(), incidents=[INCIDENT])
    return replace(planned.duty, id=1)


def test_the_plan_has_the_limit_and_two_reports_to_settle(duty: Duty) -> None:
    assert (duty.opens_at, duty.due_at, duty.settles_at) == (at(0), at(5), at(6))
    assert (duty.subject, duty.unit, duty.grid) == ("7", "U-1", "G-1")


def test_being_there_before_the_dispatch_does_not_count_but_staying_does(duty: Duty) -> None:
    gone = judge(duty, tracked([*walk(-10, -1, 0), *walk(-0.5, 10, 800)]), incident=INCIDENT)
    assert gone.verdict is Verdict.MISSED
    stayed = judge(duty, tracked(walk(-10, 10, 0)), incident=INCIDENT)
    assert (stayed.verdict, stayed.met_at) == (Verdict.MET, at(0))


def test_in_time_late_and_never(duty: Duty) -> None:
    away = walk(-2, 4, 800)
    assert judge(duty, tracked([*away, fix(4.9, 20)]), incident=INCIDENT).verdict is Verdict.MET
    late = judge(duty, tracked([*away, fix(5, 400), fix(8, 20)]), incident=INCIDENT)
    assert late.verdict is Verdict.LATE
    assert late.reasons[-1] == {"reason": "late_by", "late_s": 180.0}
    never = judge(duty, tracked(walk(-2, 200, 800)), incident=INCIDENT)
    assert names(never) == ["not_yet", "nearest_fix"]


def test_unseen_is_not_missed(duty: Duty) -> None:
    assert judge(duty, tracked([]), incident=INCIDENT).verdict is Verdict.IN_DOUBT
    assert judge(duty, incident=INCIDENT).verdict is Verdict.IN_DOUBT
    nowhere = replace(INCIDENT, lat=None, lon=None)
    assert names(judge(duty, tracked([]), incident=nowhere)) == ["no_place"]


def test_another_dispatch_waives_this_one(duty: Duty) -> None:
    found = judge(duty, tracked(walk(0, 10, 0)), incident=replace(INCIDENT, dispatched_at=at(3), unit="U-2"))
    assert (found.verdict, found.done) == (Verdict.WAIVED, True)


def test_the_alert_changes_its_class_when_somebody_comes_late(duty: Duty) -> None:
    missed = judge(duty, tracked(walk(-2, 7, 800)), incident=INCIDENT)
    (raised,) = alerts(duty, missed, now=7)
    assert isinstance(raised, Raise)
    assert (raised.class_, raised.title) == ("missed", "I-20261121-0007: U-1 has not arrived within 5 min")

    late = judge(duty, tracked([*walk(-2, 7, 800), fix(9, 10)]), incident=INCIDENT)
    (cleared,) = alerts(duty, late, now=10)
    assert isinstance(cleared, Clear)
    assert (cleared.class_, cleared.note) == ("late", "H-03 arrived at 08:09, 9 min after the dispatch")


def test_the_arrival_goes_to_the_incident(duty: Duty) -> None:
    found = judge(duty, tracked([fix(3, 0)]), incident=INCIDENT)
    after = replace(duty, verdict=found.verdict, met_at=found.met_at)
    case = Case(duty=duty, world=world(), settings=settings(), incident=INCIDENT)
    assert RULE.effects(after, case, now=at(4)) == [Arrival(incident=7, at=at(3))]
    other = replace(case, incident=replace(INCIDENT, unit="U-2"))
    assert RULE.effects(after, other, now=at(4)) == []


def alerts(duty: Duty, found: Judgement, *, now: float) -> list[object]:
    standing = stand(duty, found, now=at(now))
    after = replace(duty, verdict=standing.verdict, reasons=standing.reasons, met_at=standing.met_at)
    group = Group(
        key=duty.key,
        round=None,
        members=(Member(duty=after),),
        world=world(),
        settings=settings(),
        now=at(now),
    )
    return list(RULE.alerts(group))
