"""Shifts, rounds and days where clocks change: by an hour, by half an hour, in both halves of the year, at any time."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.core.periods import daily, periods
from rules.core.rounds import Round, rounds
from rules.core.world import World
from tests.unit.rules.timeline import ALL_DAYS, shift, world

CHANGES = {  # a midnight of UTC, a day and more before clocks change, on and back
    "Europe/Berlin": (datetime(2026, 3, 28, tzinfo=UTC), datetime(2026, 10, 24, tzinfo=UTC)),
    "America/New_York": (datetime(2026, 3, 7, tzinfo=UTC), datetime(2026, 10, 31, tzinfo=UTC)),
    "Australia/Lord_Howe": (datetime(2026, 10, 2, tzinfo=UTC), datetime(2026, 4, 3, tzinfo=UTC)),
    "Asia/Shanghai": (datetime(2028, 2, 28, tzinfo=UTC), datetime(2026, 12, 30, tzinfo=UTC)),  # 29 February, new year
}
ZONES = st.sampled_from([(zone, day) for zone, days in CHANGES.items() for day in days])
CLOCKS = st.integers(0, 24 * 12 - 1).map(lambda it: time(it // 12, it % 12 * 5))


def plan_of(where: World, since: datetime, hours: int) -> dict[str, Round]:
    return {it.key: it for it in rounds(where, since=since, until=since + timedelta(hours=hours))}


@given(zone=ZONES, starts=CLOCKS, ends=CLOCKS, count=st.integers(1, 6), cut=st.integers(1, 95))
def test_planned_in_pieces_or_at_once_the_rounds_are_the_same(
    zone: tuple[str, datetime], starts: time, ends: time, count: int, cut: int
) -> None:
    name, since = zone
    one = shift(f"{starts:%H:%M}", f"{ends:%H:%M}", rounds=count)
    where = replace(world(shifts=(one,)), zone=name)
    whole = plan_of(where, since, 96)
    later = plan_of(where, since + timedelta(hours=cut), 96 - cut)
    assert {**plan_of(where, since, cut), **later} == whole
    by_day: dict[str, list[Round]] = {}
    for it in sorted(whole.values(), key=lambda it: it.starts_at):
        by_day.setdefault(it.key.split("/")[3], []).append(it)
    for its in by_day.values():
        assert all(a.ends_at == b.starts_at for a, b in pairwise(its)), (
            "no moment of a shift is in two rounds or in none"
        )
        assert all(timedelta() < it.ends_at - it.starts_at <= timedelta(hours=25) for it in its)
        begins = its[0].starts_at.astimezone(ZoneInfo(name))
        if its[0].key.endswith("/1") and f"{begins:%H:%M}" != f"{starts:%H:%M}":
            assert begins.utcoffset() != (begins - timedelta(hours=2)).utcoffset(), "only where the clock skips it"


@given(zone=ZONES, starts=CLOCKS, ends=CLOCKS, cut=st.integers(1, 95))
def test_daily_hours_in_pieces_are_the_same(zone: tuple[str, datetime], starts: time, ends: time, cut: int) -> None:
    name, since = zone

    def hours(begin: int, end: int) -> set[tuple[object, object]]:
        first, last = since + timedelta(hours=begin), since + timedelta(hours=end)
        return set(daily(ALL_DAYS, starts, ends, since=first, until=last, zone=name))

    assert hours(0, cut) | hours(cut, 96) == hours(0, 96)


@pytest.mark.parametrize("every", ["week", "month", "quarter"])
@given(zone=ZONES)
def test_periods_follow_each_other_without_a_gap(every: str, zone: tuple[str, datetime]) -> None:
    name, since = zone
    found = list(periods(every, since=since - timedelta(days=200), until=since + timedelta(days=200), zone=name))
    assert all(a.ends_at == b.starts_at for a, b in pairwise(found))
    assert {f"{it.starts_at.astimezone(ZoneInfo(name)):%H:%M}" for it in found} == {"00:00"}
