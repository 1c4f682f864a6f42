"""U-1's shift begins at 08:00; its own grids are G-1 and G-3, and it has a quarter of an hour."""

import json
from dataclasses import replace

import pytest

from rules.core.dated import Book
from rules.core.duties import Duty, Judgement, Verdict
from rules.core.fixes import Fix
from rules.core.grids import Shape
from tests.unit.rules.timeline import (
    ALWAYS,
    at,
    judge,
    names,
    place,
    plan,
    point,
    settings,
    shift,
    tracked,
    walk,
    world,
)


def seen(fixes: list[Fix], grid: str | None) -> list[Fix]:
    return [replace(it, grid=grid) for it in fixes]


@pytest.fixture
def duty() -> Duty:
    return plan("first_patrol", world())[0].duty


def judged(duty: Duty, *fixes: Fix) -> Judgement:
    return judge(duty, tracked(fixes))


def test_the_first_fix_in_an_own_grid_within_the_limit_is_met(duty: Duty) -> None:
    found = judged(duty, *seen(walk(-5, 10, 900), "G-9"), *seen(walk(10.5, 20, 0), "G-3"))
    assert found.verdict is Verdict.MET
    assert found.reasons[0]["grid"] == "G-3"
    assert found.reasons[0]["at"] == "2026-11-21T00:10:30.000Z"


def test_coming_after_the_limit_is_late(duty: Duty) -> None:
    found = judged(duty, *seen(walk(-5, 30, 900), "G-9"), *seen(walk(30.5, 40, 0), "G-1"))
    assert found.verdict is Verdict.LATE
    assert names(found) == ["in_grid", "late_by"]


def test_elsewhere_all_the_time_is_missed(duty: Duty) -> None:
    found = judged(duty, *seen(walk(-5, 30, 900), "G-9"))
    assert found.verdict is Verdict.MISSED
    assert found.reasons[0]["grid"] == "G-9"


def test_a_handset_that_is_switched_on_late_is_doubt(duty: Duty) -> None:
    found = judged(duty, *seen(walk(6, 30, 900), "G-9"))
    assert found.verdict is Verdict.IN_DOUBT
    assert names(found) == ["hole"]
    assert found.reasons[0]["gap_s"] == 360


def test_silence_custody_and_inaccuracy_blame_nobody(duty: Duty) -> None:
    assert names(judged(duty)) == ["silent_device"]
    assert names(judge(duty)) == ["no_device"]
    coarse = judged(duty, *seen(walk(-5, 30, 900, accuracy_m=300), "G-9"))
    assert coarse.verdict is Verdict.IN_DOUBT
    inside = judged(duty, *seen(walk(-5, 30, 0, accuracy_m=300), "G-1"))
    assert inside.verdict is Verdict.IN_DOUBT


def test_two_routes_of_one_shift_are_one_duty_in_the_grids_of_both() -> None:
    where = world(shifts=(shift(), shift(route="R-2")))
    routes = Book([*where.routes, replace(where.routes.of("R-1")[0], code="R-2", checkpoints=("C-3",))])
    points = Book([*where.checkpoints, point("C-3", 900, grid="G-7")])
    where = replace(where, routes=routes, checkpoints=points)
    duties = plan("first_patrol", where)
    assert [it.duty.key for it in duties] == ["first_patrol/day/U-1/2026-11-21"]
    found = judge(duties[0].duty, tracked(seen(walk(-5, 20, 900), "G-7")), where=where)
    assert found.verdict is Verdict.MET


def test_the_limit_is_a_setting() -> None:
    duty = plan("first_patrol", world(), book=settings(first_patrol={"within_s": 300}))[0].duty
    assert (duty.due_at - duty.opens_at).total_seconds() == 300


def test_a_unit_without_own_grids_has_no_such_duty() -> None:
    nowhere = Book([replace(it, grid=None) for it in world().checkpoints])
    nobodys = Book([replace(it, grid=None) for it in world().posts])
    assert plan("first_patrol", world(checkpoints=nowhere, posts=nobodys)) == []


def test_a_beginning_that_nobody_could_have_seen_is_no_duty() -> None:
    # The rules ran for the first time in the middle of the shift.
    assert plan("first_patrol", world(), since=16) == []
    assert [it.duty.due_at for it in plan("first_patrol", world(), since=14)] == [at(15)]


def test_on_the_street_along_the_border_nobody_can_tell(duty: Duty) -> None:
    corners = [place(*it) for it in ((0, -500), (500, -500), (500, 500), (0, 500), (0, -500))]
    ring = [[lon, lat] for lat, lon in corners]
    shape = Shape(code="G-1", valid_from=ALWAYS, geometry=json.dumps({"type": "Polygon", "coordinates": [ring]}))
    where = replace(world(), shapes=Book([shape]))
    near = judge(duty, tracked(seen(walk(-5, 30, -5, accuracy_m=12), "G-9")), where=where)
    assert (near.verdict, names(near)) == (Verdict.IN_DOUBT, ["border"])
    assert near.reasons[0]["beyond_m"] == pytest.approx(5, abs=0.2)
    far = judge(duty, tracked(seen(walk(-5, 30, -50, accuracy_m=12), "G-9")), where=where)
    assert far.verdict is Verdict.MISSED
