"""The matrix of grids and slots: who is named, and where nobody is. Minutes from 08:00 on 2026-11-21."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from rules.core.dated import Book
from rules.core.grids import GradePolicy, GridPost
from rules.core.matrix import Cell, matrix, slots
from rules.core.plans import StaticPost
from rules.core.staff import Post
from rules.core.world import World
from tests.unit.rules.test_cover import leave, town
from tests.unit.rules.timeline import ALL_DAYS, ALWAYS, place, shift

SATURDAY = date(2026, 11, 21)


def cells(where: World, grid: str = "G-1", *, hours: int = 6, days: int = 1) -> list[Cell]:
    rows = matrix(where, slots=slots(where.zone, SATURDAY, days=days, hours=hours))
    return list(next(row for row in rows if row.grid == grid).cells)


def states(*where: Any, **more: Any) -> list[str]:
    return [cell.state for cell in cells(*where, **more)]


def answers(*posts: str) -> tuple[GridPost, ...]:
    return tuple(
        GridPost(code="G-1", slot=slot, post=post, valid_from=ALWAYS) for slot, post in zip("AB", posts, strict=False)
    )


def test_a_shift_names_the_posts_of_its_unit_in_every_grid_of_its_route() -> None:
    where = town(shifts=(shift("06:00", "12:00"),))
    assert states(where) == ["nobody", "named", "nobody", "nobody"]
    assert [it.post for it in cells(where)[1].out] == ["P-1"]
    assert states(where, "G-3") == ["nobody", "named", "nobody", "nobody"]


def test_a_night_goes_over_midnight_and_a_late_shift_overlaps_a_day_shift() -> None:
    where = town(
        shifts=(shift("18:00", "06:00", code="night"), shift("06:00", "14:00"), shift("12:00", "18:00", code="late"))
    )
    assert states(where) == ["named"] * 4
    assert [it.plan for it in cells(where)[2].out] == ["day", "late"]


def test_a_part_of_a_slot_without_anybody_is_red_and_says_how_long() -> None:
    cell = cells(town(shifts=(shift("06:00", "11:15"),)))[1]
    assert (cell.state, cell.gap_min, cell.nobody_min) == ("nobody", 45, 45)


def test_who_stands_in_is_named_with_the_post_it_stands_in_for() -> None:
    where = town(leave("P-1", -600, 600), shifts=(shift("06:00", "12:00"),))
    (named,) = cells(where)[1].out
    assert (named.post, named.instead_of, named.unit) == ("P-3", "P-1", "U-1")


def test_both_on_leave_leave_a_red_cell() -> None:
    away = leave("P-1", -600, 600), leave("P-3", -600, 600)
    assert states(town(*away, shifts=(shift("06:00", "12:00"),))) == ["nobody"] * 4


def test_a_grid_without_a_patrol_has_somebody_who_answers_until_both_are_away() -> None:
    where = town(shifts=(shift("06:00", "12:00"),), grid_posts=answers("P-3", "P-2"))
    assert states(where) == ["answering", "named", "answering", "answering"]
    away = town(leave("P-3", -600, 600), shifts=(), grid_posts=answers("P-3", "P-2"))
    assert [cell.answering for cell in cells(away)] == [("P-2",), ("P-2",), ("P-2",), ("P-3",)]
    both = town(leave("P-3", -600, 600), leave("P-2", -600, 600), shifts=(), grid_posts=answers("P-3", "P-2"))
    partly = town(leave("P-3", 0, 600), leave("P-2", 60, 600), shifts=(), grid_posts=answers("P-3", "P-2"))
    assert [(it.gap_min, it.nobody_min) for it in cells(partly)] == [(360, 0), (360, 180), (360, 360), (360, 0)]
    assert states(both) == ["nobody", "nobody", "nobody", "answering"]


def test_fewer_than_the_grade_asks_for_is_thin() -> None:
    policies = Book([GradePolicy(code="3", rounds=4, staff=2, valid_from=ALWAYS)])
    where = town(shifts=(shift("06:00", "12:00"),), grade_policies=policies)
    assert states(where, "G-3")[1] == "thin"
    two = Book([Post(code=code, name=code, unit="U-1", grid=None, valid_from=ALWAYS) for code in ("P-1", "P-2")])
    assert states(town(shifts=(shift("06:00", "12:00"),), grade_policies=policies, posts=two), "G-3")[1] == "named"


def test_a_static_post_names_its_unit() -> None:
    lat, lon = place(0, 0)
    post = StaticPost(
        code="SP-1",
        name="Gate",
        grid="G-1",
        unit="U-2",
        lat=lat,
        lon=lon,
        radius_m=50,
        days=ALL_DAYS,
        starts=shift("12:00").starts,
        ends=shift("18:00").starts,
        share=0.8,
        valid_from=ALWAYS,
    )
    where = town(shifts=(), static_posts=Book([post]))
    assert states(where) == ["nobody", "nobody", "named", "nobody"]
    assert [(it.post, it.plan) for it in cells(where)[2].out] == [("P-2", "SP-1")]


def test_a_week_has_all_its_days() -> None:
    where = town(shifts=(shift("06:00", "12:00", days=frozenset({0})),))
    assert states(where, days=7).count("named") == 1


def test_the_days_of_a_clock_change_have_their_own_length() -> None:
    spring = slots("Europe/Berlin", date(2026, 3, 29), days=1, hours=1)
    autumn = slots("Europe/Berlin", date(2026, 10, 25), days=1, hours=1)
    assert (len(spring), len(autumn)) == (23, 24)
    assert sum((it.end - it.start for it in autumn), timedelta()) == timedelta(hours=25)
    assert spring[0].start == datetime(2026, 3, 28, 23, tzinfo=UTC)
