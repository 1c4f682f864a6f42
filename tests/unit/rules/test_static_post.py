"""A place of 50 m at the middle, to be held from 08:00 to 10:00 for nine tenths of the time."""

from dataclasses import replace
from datetime import time

import pytest

from rules.core.dated import Book
from rules.core.duties import Duty, Judgement, Verdict
from rules.core.fixes import Fix
from rules.core.plans import StaticPost
from rules.core.world import World
from tests.unit.rules.timeline import ALL_DAYS, ALWAYS, at, judge, names, place, plan, tracked, walk, world

SQUARE = tuple(place(*it) for it in ((-50, -50), (50, -50), (50, 50), (-50, 50), (-50, -50)))


def post_world(**more: object) -> World:
    lat, lon = place(0, 0)
    post = StaticPost(
        code="SP-1",
        name="Bridge",
        grid="G-1",
        unit="U-1",
        lat=lat,
        lon=lon,
        radius_m=50,
        days=ALL_DAYS,
        starts=time(8),
        ends=time(10),
        share=0.9,
        valid_from=ALWAYS,
    )
    return world(static_posts=Book([replace(post, **more)]))  # type: ignore[arg-type]  # whatever a test changes


@pytest.fixture
def duty() -> Duty:
    return plan("static_post", post_world())[0].duty


def judged(duty: Duty, *fixes: Fix, where: World | None = None) -> Judgement:
    return judge(duty, tracked(fixes), where=where or post_world())


def test_standing_there_all_the_time_is_met(duty: Duty) -> None:
    found = judged(duty, *walk(-5, 125, 10))
    assert found.verdict is Verdict.MET
    assert found.reasons[0]["present_pct"] == 100
    assert found.met_at is not None
    assert (found.met_at - at(108)).total_seconds() == pytest.approx(0, abs=1)


def test_a_short_errand_is_named_and_allowed(duty: Duty) -> None:
    found = judged(duty, *walk(-5, 60, 10), *walk(60.5, 71, 300), *walk(71.5, 125, 10))
    assert found.verdict is Verdict.MET
    assert names(found) == ["present_for", "absent"]
    assert found.reasons[1]["gap_s"] > 600


def test_half_the_time_elsewhere_is_missed_and_names_when(duty: Duty) -> None:
    found = judged(duty, *walk(-5, 60, 10), *walk(60.5, 125, 300))
    assert found.verdict is Verdict.MISSED
    assert found.reasons[0]["present_pct"] == pytest.approx(50, abs=0.5)
    assert found.reasons[1]["end"] == "2026-11-21T02:00:00.000Z"


def test_a_hole_that_could_make_up_for_the_rest_is_doubt(duty: Duty) -> None:
    found = judged(duty, *walk(-5, 60, 10), *walk(90, 125, 10))
    assert found.verdict is Verdict.IN_DOUBT
    assert names(found) == ["present_for", "hole"]
    assert found.reasons[1]["gap_s"] == 30 * 60


def test_a_hole_of_a_device_that_was_far_off_hides_less(duty: Duty) -> None:
    # From 3 km off and back within 25 minutes at 5 m/s leaves five minutes.
    found = judged(duty, *walk(-5, 80, 10), *walk(80.5, 85, 3050), *walk(110, 125, 3050))
    assert found.verdict is Verdict.MISSED


def test_a_fix_whose_accuracy_spans_the_border_is_no_absence(duty: Duty) -> None:
    found = judged(duty, *walk(-5, 60, 10), *walk(60.5, 125, 60, accuracy_m=15))
    assert found.verdict is Verdict.IN_DOUBT


def test_a_silent_device_and_none_at_all_blame_nobody(duty: Duty) -> None:
    assert "silent_device" in names(judged(duty))
    assert names(judge(duty, where=post_world()))[1] == "no_device"


def test_one_of_two_devices_there_is_enough_and_one_elsewhere_rules_out_a_silent_one(duty: Duty) -> None:
    there, away = tracked(walk(-5, 125, 10)), tracked(walk(-5, 125, 400), device="R-01")
    assert judge(duty, there, away, where=post_world()).verdict is Verdict.MET
    silent = tracked([], device="R-01")
    assert judge(duty, tracked(walk(-5, 125, 400)), silent, where=post_world()).verdict is Verdict.MISSED


def test_a_polygon_holds_what_lies_in_its_corners(duty: Duty) -> None:
    square = post_world(ring=SQUARE, radius_m=71)
    assert judged(duty, *walk(-5, 125, 45, 45), where=square).verdict is Verdict.MET
    assert judged(duty, *walk(-5, 125, 62, 0), where=square).verdict is Verdict.MISSED


def test_a_post_over_midnight_is_planned_on_the_day_on_which_it_starts() -> None:
    night = post_world(starts=time(22), ends=time(2), days=frozenset({5}))  # 2026-11-21 is a Saturday
    duties = [it.duty for it in plan("static_post", night, hours=72)]
    assert [(it.opens_at, it.due_at) for it in duties] == [(at(14 * 60), at(18 * 60))]
