"""When a shift is walked and how often: seasons, dates, drawn times, holidays, grades, clock changes."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Literal

import pytest

from rules.core.dated import Book
from rules.core.grids import GradePolicy
from rules.core.plans import Holiday
from rules.core.rounds import rounds, watches
from rules.core.world import World
from tests.unit.rules.timeline import ALWAYS, at, plan, shift, world

YEAR = datetime(2026, 1, 1, tzinfo=UTC)
MONDAY_TO_FRIDAY = frozenset(range(5))


def days(where: World, since: datetime = YEAR, until: datetime = YEAR + timedelta(days=365)) -> list[str]:
    return [it.day.isoformat() for it in watches(where, since=since, until=until)]


def holiday(day: str, kind: Literal["rest", "work"]) -> Holiday:
    return Holiday(code=day, name=day, kind=kind, valid_from=ALWAYS)


def test_a_season_may_go_over_the_new_year_and_holds_both_its_ends() -> None:
    summer = days(world(shifts=(shift(mode="seasonal", first_day="06-15", last_day="06-17"),)))
    assert summer == ["2026-06-15", "2026-06-16", "2026-06-17"]
    winter = days(world(shifts=(shift(mode="seasonal", first_day="12-30", last_day="01-02"),)))
    assert winter == ["2026-01-01", "2026-01-02", "2026-12-30", "2026-12-31"]


def test_a_targeted_shift_runs_on_its_dates_and_never_again() -> None:
    aimed = world(shifts=(shift(mode="targeted", first_day="2026-11-21", last_day="2026-11-22"),))
    assert days(aimed) == ["2026-11-21", "2026-11-22"]
    assert days(aimed, at(365 * 24 * 60), at(370 * 24 * 60)) == []


@pytest.mark.parametrize(
    ("what", "which", "expected"),
    [
        ("as_usual", MONDAY_TO_FRIDAY, ["2026-10-08", "2026-10-09"]),
        ("skip", MONDAY_TO_FRIDAY, ["2026-10-09", "2026-10-10"]),
        ("skip", frozenset({5, 6}), ["2026-10-11"]),
        ("only", frozenset(range(7)), ["2026-10-08"]),
        ("only", frozenset({5, 6}), []),
    ],
)
def test_holidays_move_the_days_on_which_a_shift_starts(what: str, which: frozenset[int], expected: list[str]) -> None:
    # Thursday the 8th is a day of rest, Saturday the 10th is worked in its stead.
    where = world(
        shifts=(shift(days=which, holidays=what),),
        holidays=Book([holiday("2026-10-08", "rest"), holiday("2026-10-10", "work")]),
    )
    assert days(where, datetime(2026, 10, 7, 12, tzinfo=UTC), datetime(2026, 10, 11, 12, tzinfo=UTC)) == expected


def test_a_holiday_is_dated_like_everything_else() -> None:
    known_late = replace(holiday("2026-11-21", "rest"), valid_from=at(10 * 24 * 60))
    where = world(shifts=(shift(holidays="skip"),), holidays=Book([known_late]))
    assert len(days(where, at(-60), at(60))) == 1


def test_random_rounds_begin_within_their_parts_and_again_at_the_same_times() -> None:
    where = world(shifts=(shift("08:00", "20:00", rounds=4, mode="random", round_min=40),))
    week = [list(rounds(where, since=at(day * 1440), until=at(day * 1440 + 720))) for day in range(7)]
    for day, found in enumerate(week):
        for number, its in enumerate(found):
            part = at(day * 1440 + number * 180)
            assert part <= its.starts_at
            assert its.ends_at <= part + timedelta(hours=3)
            assert its.ends_at - its.starts_at == timedelta(minutes=40)
            assert its.starts_at.second == its.starts_at.microsecond == 0
    assert len({it.starts_at.time() for found in week for it in found}) > 20
    assert [list(rounds(where, since=at(day * 1440), until=at(day * 1440 + 720))) for day in range(7)] == week


def test_a_grade_raises_the_number_of_rounds_and_never_lowers_it() -> None:
    def asks(grade: int, count: int) -> GradePolicy:
        return GradePolicy(code=str(grade), rounds=count, staff=1, valid_from=ALWAYS)

    # C-1 lies in a grid of grade 1, C-2 in one of grade 3.
    strict = world(shifts=(shift("08:00", "12:00"),), grade_policies=Book([asks(1, 1), asks(3, 4)]))
    assert len(list(rounds(strict, since=at(0), until=at(240)))) == 4
    assert len(plan("missed_checkpoint", strict, hours=4)) == 8
    mild = world(shifts=(shift("08:00", "12:00", rounds=3),), grade_policies=Book([asks(3, 2)]))
    assert len(list(rounds(mild, since=at(0), until=at(240)))) == 3
    later = replace(asks(3, 4), valid_from=at(600))
    assert len(list(rounds(world(grade_policies=Book([later])), since=at(0), until=at(60)))) == 1


@pytest.mark.parametrize(
    ("day", "starts", "hours"),
    [
        (date(2026, 3, 28), datetime(2026, 3, 28, 19, tzinfo=UTC), 9),
        (date(2026, 3, 29), datetime(2026, 3, 29, 18, tzinfo=UTC), 10),
        (date(2026, 10, 24), datetime(2026, 10, 24, 18, tzinfo=UTC), 11),
        (date(2026, 10, 25), datetime(2026, 10, 25, 19, tzinfo=UTC), 10),
    ],
)
def test_a_night_in_berlin_has_equal_rounds_however_long_it_is(day: date, starts: datetime, hours: int) -> None:
    night = replace(world(shifts=(shift("20:00", "06:00", rounds=3),)), zone="Europe/Berlin")
    found = [
        it
        for it in rounds(night, since=starts - timedelta(hours=1), until=starts + timedelta(hours=hours))
        if it.key.split("/")[3] == day.isoformat()
    ]
    assert found[0].starts_at == starts
    assert found[-1].ends_at == starts + timedelta(hours=hours)
    assert {it.ends_at - it.starts_at for it in found} == {timedelta(hours=hours) / 3}
    assert [it.ends_at for it in found[:-1]] == [it.starts_at for it in found[1:]]


def test_an_hour_that_comes_twice_is_walked_once() -> None:
    berlin = replace(world(shifts=(shift("02:15", "02:45"),)), zone="Europe/Berlin")
    found = list(
        rounds(berlin, since=datetime(2026, 10, 24, 22, tzinfo=UTC), until=datetime(2026, 10, 25, 22, tzinfo=UTC))
    )
    assert [(it.starts_at.hour, it.ends_at.minute) for it in found] == [(0, 45)]


def test_midnight_belongs_to_the_site_and_not_to_the_computer() -> None:
    night = world(shifts=(shift("00:00", "08:00", days=frozenset({0})),))  # Mondays in Shanghai
    assert [it.day for it in watches(night, since=at(0), until=at(3 * 1440))] == [date(2026, 11, 23)]
    found = next(rounds(night, since=at(0), until=at(3 * 1440)))
    assert found.starts_at == datetime(2026, 11, 22, 16, tzinfo=UTC)
