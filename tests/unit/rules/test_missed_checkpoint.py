"""A round's checkpoint, story by story. The window is 08:00 to 09:00, the circle 30 m, the unit on foot."""

from dataclasses import replace

import pytest

from devices.plausibility import Flag
from rules.core.alerts import Clear, Raise, Severity
from rules.core.duties import Duty, Verdict
from rules.core.fixes import Span
from rules.core.rounds import Round
from rules.facts import Group, Member
from tests.unit.rules.timeline import at, duty_rule, fix, judge, names, plan, point, settings, tracked, walk, world


@pytest.fixture
def duty() -> Duty:
    return next(it.duty for it in plan("missed_checkpoint", world()) if it.duty.subject == "C-1")


def test_a_fix_inside_is_a_visit(duty: Duty) -> None:
    found = judge(duty, tracked([*walk(0, 20, 300), fix(25, 10, 10), *walk(30, 60, 300)]))
    assert found.verdict is Verdict.MET
    assert found.met_at == at(25)
    assert found.reasons[0] == {
        "reason": "visit",
        "device": "H-03",
        "holder": "U-1",
        "distance_m": 14.1,
        "accuracy_m": 6.0,
        "at": "2026-11-21T00:25:00.000Z",
    }


@pytest.mark.parametrize("seconds", [60, 75, 90])
def test_passing_between_two_fixes_a_hundred_metres_apart_is_a_visit(duty: Duty, seconds: int) -> None:
    before, after = fix(20, -50, 20), fix(20 + seconds / 60, 50, 20)
    found = judge(duty, tracked([before, after]))
    assert found.verdict is Verdict.MET
    assert found.met_at is not None
    assert abs((found.met_at - at(20 + seconds / 120)).total_seconds()) < 0.5
    assert names(found) == ["visit", "interpolated"]


def test_a_handset_that_slept_three_hours_and_woke_two_kilometres_away_was_not_there() -> None:
    long = world(shifts=(replace(world().shifts[0], ends=world().shifts[0].ends.replace(hour=12)),))
    duty = next(it.duty for it in plan("missed_checkpoint", long) if it.duty.subject == "C-1")
    # The straight line from here to there leads right through the circle.
    slept = [*walk(0, 20, -1000), *walk(200, 240, 1000)]
    found = judge(duty, tracked(slept), where=long)
    assert found.verdict is Verdict.IN_DOUBT
    assert names(found) == ["hole"]
    assert found.reasons[0]["gap_s"] == 180 * 60


def test_a_hole_too_short_to_get_there_and_back_excuses_nothing(duty: Duty) -> None:
    # Five minutes at 5 m/s are 1500 m; there and back from 900 m would be more.
    found = judge(duty, tracked([*walk(0, 20, 900), *walk(25, 60, 900)]))
    assert found.verdict is Verdict.MISSED


def test_covered_and_elsewhere_is_missed_and_says_how_near(duty: Duty) -> None:
    found = judge(duty, tracked(walk(-1, 61, 312)))
    assert found.verdict is Verdict.MISSED
    assert names(found) == ["nearest_fix"]
    assert found.reasons[0]["distance_m"] == pytest.approx(312, abs=0.2)
    assert found.evidence is not None
    assert len(found.evidence["devices"][0]["fixes"]) < 12


def test_one_device_in_sight_is_enough_to_say_missed(duty: Duty) -> None:
    found = judge(duty, tracked(walk(-1, 61, 312)), tracked([fix(5, 100)], device="R-01"))
    assert found.verdict is Verdict.MISSED


def test_holes_at_the_ends_of_the_window_count(duty: Duty) -> None:
    assert judge(duty, tracked(walk(-1, 40, 300))).verdict is Verdict.IN_DOUBT
    assert judge(duty, tracked(walk(20, 61, 300))).verdict is Verdict.IN_DOUBT


def test_no_fix_at_all_is_a_silent_device(duty: Duty) -> None:
    assert names(judge(duty, tracked([]))) == ["silent_device"]
    assert names(judge(duty)) == ["no_device"]


def test_accuracy_worse_than_the_circle_proves_nothing_and_blames_nobody(duty: Duty) -> None:
    found = judge(duty, tracked([*walk(-1, 30, 300), fix(30.5, 5, accuracy_m=80), *walk(31, 61, 300)]))
    assert found.verdict is Verdict.IN_DOUBT
    assert names(found) == ["accuracy"]
    far = judge(duty, tracked(walk(-1, 61, 300, accuracy_m=80)))
    assert far.verdict is Verdict.MISSED


def test_a_made_up_position_proves_nothing(duty: Duty) -> None:
    found = judge(duty, tracked([*walk(-1, 30, 300), fix(30.2, 5, flags=Flag.MOCK), *walk(30.5, 61, 300)]))
    assert found.verdict is Verdict.IN_DOUBT
    assert names(found) == ["mock"]


def test_an_impossible_speed_visits_nothing_and_rules_nothing_out_on_its_way(duty: Duty) -> None:
    found = judge(duty, tracked([*walk(-1, 30, -400), *walk(30.5, 61, 400)]))
    assert (found.verdict, names(found)) == (Verdict.IN_DOUBT, ["too_fast"])
    beside = judge(duty, tracked([*walk(-1, 30, -400, 100), *walk(30.5, 61, 400, 100)]))
    assert beside.verdict is Verdict.MISSED


def test_late_early_and_their_limits(duty: Duty) -> None:
    around = walk(-10, 75, 300)
    late = judge(duty, tracked([*around, fix(63.2, 0)]))
    assert late.verdict is Verdict.LATE
    assert names(late)[-1] == "late_by"
    early = judge(duty, tracked([*around, fix(-4.2, 0)]))
    assert early.verdict is Verdict.EARLY
    assert judge(duty, tracked([*around, fix(65.2, 0)])).verdict is Verdict.MISSED
    assert judge(duty, tracked([*around, fix(-5.2, 0)])).verdict is Verdict.MISSED
    patient = settings(missed_checkpoint={"late_s": 600})
    assert judge(duty, tracked([*around, fix(65.2, 0)]), book=patient).verdict is Verdict.LATE


def test_the_world_of_that_day_counts(duty: Duty) -> None:
    old, new = replace(point("C-1", 0), valid_to=at(600)), point("C-1", 5000, valid_from=at(600))
    moved = world(checkpoints=type(world().checkpoints)([old, new]))
    assert judge(duty, tracked([fix(25, 0)]), where=moved).verdict is Verdict.MET


def test_only_fixes_in_custody_count(duty: Duty) -> None:
    handed_over = Span(at(30), at(600))
    found = judge(duty, tracked([*walk(-1, 20, 0), *walk(20.5, 61, 300)], spell=handed_over))
    assert found.verdict is Verdict.IN_DOUBT
    assert names(found)[0] == "custody"


def test_plan_knows_settling_and_the_grade_gives_severity() -> None:
    planned = plan("missed_checkpoint", world())
    assert [it.duty.subject for it in planned] == ["C-1", "C-2"]
    # Late limit of five minutes, two report intervals of the radio.
    assert {it.duty.settles_at for it in planned} == {at(67)}
    duties = [replace(it.duty, id=number, verdict=Verdict.MISSED) for number, it in enumerate(planned)]
    found = [it for it in alerts([duties[1]]) if isinstance(it, Raise)]
    assert [it.severity for it in found] == [Severity.HIGH]


def test_a_whole_round_is_one_alert_and_inhibits_its_points() -> None:
    planned = plan("missed_checkpoint", world())
    duties = [replace(it.duty, id=number, verdict=Verdict.MISSED) for number, it in enumerate(planned)]
    duties[0] = replace(duties[0], verdict=Verdict.IN_DOUBT)
    intents = alerts(duties, its_round=planned[0].round)
    raised = [it for it in intents if isinstance(it, Raise)]
    assert [(it.fingerprint, it.class_, it.severity) for it in raised] == [
        ("missed_checkpoint:round:day/U-1/R-1/2026-11-21/1", "missed", Severity.HIGH)
    ]
    assert [it.event for it in intents if isinstance(it, Clear)] == ["inhibited", "inhibited"]


def alerts(duties: list[Duty], *, its_round: Round | None = None) -> list[object]:
    group = Group(
        key="round",
        round=its_round,
        members=tuple(Member(duty=duty) for duty in duties),
        world=world(),
        settings=settings(),
        now=at(70),
    )
    return list(duty_rule("missed_checkpoint").alerts(group))


def test_spells_that_touch_are_one() -> None:
    where = world()
    split = [
        replace(where.custody[0], valid_to=at(20)),
        replace(where.custody[0], valid_from=at(20)),
        replace(where.custody[1], valid_to=at(20)),
    ]
    (handset, radio) = replace(where, custody=tuple(split)).trackers(Span(at(0), at(60)), unit="U-1")
    assert handset.spells == (Span(at(0), at(60)),)
    assert radio.spells == (Span(at(0), at(20)),)
