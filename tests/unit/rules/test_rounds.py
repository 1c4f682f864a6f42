"""From the shift calendar to rounds: midnight, clock changes, dates, equal parts."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from rules.core.dated import Book
from rules.core.plans import Route
from rules.core.rounds import on_watch, rounds
from rules.core.world import World
from tests.unit.rules.timeline import ALWAYS, at, plan, shift, world


def spans(where: World, since: datetime, until: datetime) -> list[tuple[datetime, datetime]]:
    return [(it.starts_at, it.ends_at) for it in rounds(where, since=since, until=until)]


def test_rounds_share_the_shift_in_equal_parts() -> None:
    found = list(rounds(world(shifts=(shift("08:00", "10:00", rounds=3),)), since=at(0), until=at(60)))
    assert [(it.starts_at, it.ends_at) for it in found] == [(at(0), at(40)), (at(40), at(80))]
    assert [it.key for it in found] == ["day/U-1/R-1/2026-11-21/1", "day/U-1/R-1/2026-11-21/2"]
    assert {it.grid for it in found} == {"K-1"}


def test_over_midnight_belongs_to_the_day_on_which_it_starts() -> None:
    night = shift("22:00", "02:00", days=frozenset({5}))  # Saturdays
    found = list(rounds(world(shifts=(night,)), since=at(0), until=at(48 * 60)))
    assert [(it.starts_at, it.ends_at) for it in found] == [(at(14 * 60), at(18 * 60))]
    assert found[0].key.endswith("/2026-11-21/1")
    # Already under way at one o'clock on Sunday.
    assert len(spans(world(shifts=(night,)), at(17 * 60), at(17 * 60 + 1))) == 1


def test_a_round_the_clock_shift_lasts_a_day() -> None:
    assert spans(world(shifts=(shift("08:00", "08:00"),)), at(0), at(1)) == [(at(0), at(24 * 60))]


def test_clock_changes_make_shifts_longer_and_shorter() -> None:
    berlin = replace(world(shifts=(shift("22:00", "06:00"),)), zone="Europe/Berlin")
    autumn = datetime(2026, 10, 24, 20, tzinfo=UTC)
    spring = datetime(2026, 3, 28, 21, tzinfo=UTC)
    assert spans(berlin, autumn, autumn + timedelta(hours=1)) == [(autumn, autumn + timedelta(hours=9))]
    assert spans(berlin, spring, spring + timedelta(hours=1)) == [(spring, spring + timedelta(hours=7))]


def test_a_start_that_the_clock_skips_is_not_lost() -> None:
    berlin = replace(world(shifts=(shift("02:30", "04:00"),)), zone="Europe/Berlin")
    found = spans(berlin, datetime(2026, 3, 29, 0, tzinfo=UTC), datetime(2026, 3, 29, 3, tzinfo=UTC))
    assert found == [(datetime(2026, 3, 29, 1, 30, tzinfo=UTC), datetime(2026, 3, 29, 2, tzinfo=UTC))]


def test_a_shift_counts_only_while_it_is_dated_to() -> None:
    ended = shift(valid_to=at(24 * 60))
    assert len(spans(world(shifts=(ended,)), at(0), at(72 * 60))) == 1


def test_what_ended_before_is_not_planned_and_planning_again_gives_the_same_keys() -> None:
    where = world(shifts=(shift("06:00", "10:00", rounds=4),))
    first = [it.duty.key for it in plan("missed_checkpoint", where, now=10)]
    assert {key.split("/")[5] for key in first} == {"3", "4"}
    assert [it.duty.key for it in plan("missed_checkpoint", where, now=10)] == first
    after_downtime = plan("missed_checkpoint", where, now=100, since=-50)
    assert {it.duty.key.split("/")[5] for it in after_downtime} == {"2", "3", "4"}


def test_a_route_that_names_a_point_twice_or_one_that_is_gone_gives_one_duty_each() -> None:
    route = Route(code="R-1", name="Route", checkpoints=("C-1", "C-2", "C-1", "C-9"), valid_from=ALWAYS)
    assert [it.duty.subject for it in plan("missed_checkpoint", world(routes=Book([route])))] == ["C-1", "C-2"]


def test_who_is_on_watch() -> None:
    where = world(shifts=(shift("08:00", "12:00"), shift("11:00", "14:00", code="late")))
    assert on_watch(where, at=at(-1)) == {}
    assert on_watch(where, at=at(0))["U-1"].starts_at == at(0)
    assert on_watch(where, at=at(190))["U-1"].starts_at == at(0)
    assert on_watch(where, at=at(300))["U-1"].starts_at == at(180)
    assert on_watch(where, at=at(360)) == {}
