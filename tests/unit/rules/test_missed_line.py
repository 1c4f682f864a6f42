"""A line of a kilometre to the east, 20 m to each side, of which 90 % must be walked between 08:00 and 09:00."""

from dataclasses import replace
from typing import Any

import pytest

from devices.plausibility import Flag
from rules.core.alerts import Clear, Raise
from rules.core.coverage import Way, covered_m, gaps, joined, pieces
from rules.core.dated import Book
from rules.core.duties import Duty, Judgement, Verdict
from rules.core.fixes import PACES, Fix, Span
from rules.core.plans import Line, LinePlan
from rules.core.world import World
from rules.facts import Group, Member
from tests.unit.rules.timeline import (
    ALWAYS,
    at,
    duty_rule,
    fix,
    judge,
    names,
    place,
    plan,
    settings,
    shift,
    tracked,
    walk,
    world,
)


def line_world(*, times: int = 1, corners: tuple[tuple[float, float], ...] = ((0, 0), (1000, 0))) -> World:
    line = Line(
        code="L-1",
        name="River bank",
        grid="G-3",
        points=tuple(place(*it) for it in corners),
        corridor_m=20,
        share=0.9,
        valid_from=ALWAYS,
    )
    its_plan = LinePlan(code="LP-1", line="L-1", unit="U-1", shift="day", times=times, valid_from=ALWAYS)
    return world(lines=Book([line]), line_plans=Book([its_plan]), shifts=(shift(),))


@pytest.fixture
def duty() -> Duty:
    return next(it.duty for it in plan("missed_line", line_world()))


def along(start: float, from_m: float, to_m: float, *, north_m: float = 0, mps: float = 1.2, **more: Any) -> list[Fix]:
    """Walking east or west, a fix each half minute, the last one at the end."""
    step_m = mps * 30 * (1 if to_m > from_m else -1)
    count = int(abs(to_m - from_m) // abs(step_m))
    found = [fix(start + 0.5 * n, from_m + step_m * n, north_m, **more) for n in range(count + 1)]
    last = start + 0.5 * count
    rest_m = to_m - (from_m + step_m * count)
    return [*found, fix(last + abs(rest_m) / mps / 60, to_m, north_m, **more)] if rest_m else found


def judged(duty: Duty, *fixes: Fix) -> Judgement:
    return judge(duty, tracked(fixes), where=line_world())


def test_a_line_walked_from_end_to_end_is_met_when_its_share_is(duty: Duty) -> None:
    found = judged(duty, *walk(-5, 10, 0), *along(10.5, 0, 1000), *walk(30, 70, 1000))
    assert found.verdict is Verdict.MET
    assert found.reasons[0]["covered_pct"] == 100
    assert found.met_at is not None
    # 880 m of walking and 20 m ahead make 900; the fix that shows it may come half a minute later.
    assert 0 <= (found.met_at - at(10.5 + 880 / 72)).total_seconds() <= 31
    assert found.evidence is not None
    assert found.evidence["covered"][0]["from_m"] == 0
    assert found.evidence["covered"][0]["fixes"][0]["device"] == "H-03"
    assert found.evidence["uncovered"] == []


def test_two_walks_from_both_ends_add_up(duty: Duty) -> None:
    both = (*walk(-5, 5, 0), *along(5.5, 0, 500), *along(12.5, 500, 1000, north_m=60), *along(20, 1000, 480))
    found = judged(duty, *both, *walk(28, 70, 480, 100))
    assert found.verdict is Verdict.MET


def test_half_a_line_is_missed_and_says_which_half(duty: Duty) -> None:
    found = judged(duty, *walk(-5, 10, 0), *along(10.5, 0, 500), *walk(18, 70, 500, 15))
    assert found.verdict is Verdict.MISSED
    assert names(found) == ["covered", "gap"]
    assert found.reasons[0]["covered_pct"] == pytest.approx(51.7, abs=0.4)
    assert found.reasons[1]["from_m"] == pytest.approx(517, abs=4)
    assert found.reasons[1]["to_m"] == 1000


def test_walking_beside_the_corridor_covers_nothing(duty: Duty) -> None:
    found = judged(duty, *walk(-5, 10, 0, 60), *along(10.5, 0, 1000, north_m=60), *walk(24.5, 70, 1000, 60))
    assert found.verdict is Verdict.MISSED
    assert found.reasons[0]["covered_pct"] == 0
    assert found.reasons[1]["length_m"] == 1000


def test_a_hole_long_enough_to_have_walked_the_rest_is_doubt(duty: Duty) -> None:
    found = judged(duty, *walk(-5, 10, 0), *along(10.5, 0, 500), *walk(25, 70, 500, 15))
    assert found.verdict is Verdict.IN_DOUBT
    assert names(found) == ["covered", "gap", "hole"]


def test_a_hole_too_short_for_the_rest_excuses_nothing(duty: Duty) -> None:
    # Two minutes and a half at 5 m/s are 750 m; from 300 m aside and back to it there are 150 m left of that.
    away = (*walk(-5, 20, 500, 320), *walk(22.5, 70, 500, 320))
    assert judged(duty, *away).verdict is Verdict.MISSED


def test_fixes_less_accurate_than_the_corridor_prove_nothing_and_blame_nobody(duty: Duty) -> None:
    coarse = along(10.5, 0, 1000, accuracy_m=45)
    found = judged(duty, *walk(-5, 10, 0), *coarse, *walk(25, 70, 1000))
    assert found.verdict is Verdict.IN_DOUBT
    assert "accuracy" in names(found)


def test_made_up_fixes_prove_nothing_and_blame_nobody(duty: Duty) -> None:
    found = judged(duty, *walk(-5, 10, 0), *along(10.5, 0, 1000, flags=Flag.MOCK), *walk(24.5, 70, 1000))
    assert found.verdict is Verdict.IN_DOUBT
    assert "mock" in names(found)


def test_no_device_and_a_silent_one_are_doubt(duty: Duty) -> None:
    assert names(judge(duty, where=line_world()))[-1] == "no_device"
    assert names(judged(duty))[-1] == "silent_device"


def test_the_rest_within_the_late_limit_is_late(duty: Duty) -> None:
    found = judged(duty, *walk(-5, 49, 0), *along(49.5, 0, 1000), *walk(64, 75, 1000))
    assert found.verdict is Verdict.LATE
    assert names(found) == ["covered", "late_by"]


def test_two_devices_of_a_unit_cover_together(duty: Duty) -> None:
    west = tracked([*walk(-5, 10, 0), *along(10.5, 0, 520), *walk(18, 70, 520)])
    east = tracked([*walk(-5, 10, 1000), *along(10.5, 1000, 480), *walk(18, 70, 480)], device="R-01")
    assert judge(duty, west, east, where=line_world()).verdict is Verdict.MET


def test_the_order_and_repetition_of_fixes_change_nothing(duty: Duty) -> None:
    fixes = [*walk(-5, 10, 0), *along(10.5, 0, 950), *walk(30, 70, 950)]
    assert judged(duty, *fixes) == judged(duty, *reversed(fixes), *fixes[::3])


def test_a_bent_line_is_measured_along_its_bends() -> None:
    where = line_world(corners=((0, 0), (300, 0), (300, 400), (0, 400)))
    way = Way(where.lines.of("L-1")[0].points)
    assert way.length_m == pytest.approx(1000, abs=0.5)
    fixes = tuple(fix(n * 0.5, 300, n * 30) for n in range(15))  # 420 m to the north, along the middle leg
    found = pieces(way, fixes, device="H", span=Span(at(0), at(60)), pace=PACES["foot"], corridor_m=20)
    assert covered_m(joined(found)) == pytest.approx(440, abs=1)
    assert [(round(it.from_m), round(it.to_m)) for it in gaps(way, joined(found))] == [(0, 280), (720, 1000)]


def test_an_impossible_jump_along_the_line_covers_only_its_ends() -> None:
    way = Way(line_world().lines.of("L-1")[0].points)
    jump = (fix(10, 100), fix(10.5, 900))
    found = pieces(way, jump, device="H", span=Span(at(0), at(60)), pace=PACES["foot"], corridor_m=20)
    assert covered_m(joined(found)) == pytest.approx(80, abs=0.5)


def test_a_shift_is_divided_into_as_many_windows_as_the_line_is_to_be_walked() -> None:
    duties = [it.duty for it in plan("missed_line", line_world(times=2))]
    assert [(it.opens_at, it.due_at) for it in duties] == [(at(0), at(30)), (at(30), at(60))]
    assert duties[0].key == "missed_line/LP-1/L-1/U-1/2026-11-21/1"
    assert duties == [it.duty for it in plan("missed_line", line_world(times=2))]


def test_a_plan_counts_while_it_is_in_force() -> None:
    where = line_world()
    ended = replace(where.line_plans.of("LP-1")[0], valid_to=at(-1))
    assert plan("missed_line", replace(where, line_plans=Book([ended]))) == []


def test_people_hear_the_percentage_and_that_it_is_withdrawn(duty: Duty) -> None:
    rule, where = duty_rule("missed_line"), line_world()

    def told(found: Judgement) -> object:
        after = replace(duty, verdict=found.verdict, reasons=found.reasons, met_at=found.met_at)
        group = Group(key="k", round=None, members=(Member(duty=after),), world=where, settings=settings(), now=at(100))
        return rule.alerts(group)[0]

    missed = told(judged(duty, *walk(-5, 10, 0), *along(10.5, 0, 500), *walk(18, 70, 500, 15)))
    assert isinstance(missed, Raise)
    assert missed.class_ == "missed"
    assert missed.severity == "high"  # the line's grid is of grade 3
    assert missed.title.startswith("U-1 walked 52 % of River bank (L-1)")
    met = told(judged(duty, *walk(-5, 10, 0), *along(10.5, 0, 1000), *walk(30, 70, 1000)))
    assert isinstance(met, Clear)
    assert met.event == "withdrawn"


def test_another_units_days_and_hours_of_the_same_shift_are_not_its_own() -> None:
    """On Saturdays the second unit alone is out, in a later shift of the same name; the first one's line rests too."""
    where = line_world()
    rests = shift(days=frozenset(range(5)))
    others = shift("12:00", "14:00", unit="U-2")
    assert plan("missed_line", replace(where, shifts=(rests, others)), hours=10) == []
    weekday = plan("missed_line", replace(where, shifts=(shift(), others)), hours=10)
    assert [(it.duty.opens_at, it.duty.due_at) for it in weekday] == [(at(0), at(60))]
    shared = plan("missed_line", replace(where, shifts=(others,)), hours=10)
    assert [(it.duty.opens_at, it.duty.due_at) for it in shared] == [(at(240), at(360))]
