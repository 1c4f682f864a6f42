"""When a disk is full: growth, compression and retention taken together."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.engines import Part
from ingest.forecast import FAR, Rates, days_until_full
from ingest.inventory import row_bytes, rows_per_day

NOW = datetime(2026, 11, 22, 6, tzinfo=UTC)
TODAY = NOW.replace(hour=0)
DAY = timedelta(days=1)


def part(days_ago: int, *, rows: int = 100, size: int = 16_000, compressed: bool = False) -> Part:
    begins = TODAY - days_ago * DAY
    return Part("position", f"p{days_ago}", begins, begins + DAY, rows, size, compressed)


def test_without_compression_and_retention_it_is_a_division() -> None:
    assert days_until_full(1000, [], Rates(100, 1, 4, 0), now=NOW) == 10


def test_compression_makes_it_last() -> None:
    plain = days_until_full(10_000, [], Rates(100, 1, 4, 0), now=NOW)
    compressed = days_until_full(10_000, [], Rates(100, 0.1, 4, 0), now=NOW)
    assert plain == 100
    # 10 of each day stay, and the newest four days are whole.
    assert compressed == 964


def test_retention_that_drops_what_comes_is_never_full() -> None:
    assert days_until_full(1000, [], Rates(100, 1, 4, 9), now=NOW) is None
    assert days_until_full(1000, [], Rates(100, 1, 4, 10), now=NOW) == 10


def test_what_is_there_makes_room_when_its_day_comes() -> None:
    old = [part(days_ago, size=100) for days_ago in range(30, 0, -1)]
    assert days_until_full(150, old, Rates(100, 1, 4, 30), now=NOW) is None
    assert days_until_full(150, old, Rates(100, 1, 4, 0), now=NOW) == 2


def test_beyond_ten_years_nobody_looks() -> None:
    assert days_until_full(FAR * 100 + 1, [], Rates(100, 1, 4, 0), now=NOW) is None


@given(free=st.integers(1, 10**9), more=st.integers(0, 10**9), retention=st.integers(0, 400))
def test_more_room_never_ends_sooner(free: int, more: int, retention: int) -> None:
    rates = Rates(100_000, 0.2, 4, retention)
    parts = [part(days_ago) for days_ago in range(10)]
    less, roomier = (days_until_full(room, parts, rates, now=NOW) or FAR + 1 for room in (free, free + more))
    assert less <= roomier


def test_a_day_is_the_mean_of_the_whole_days_of_a_week() -> None:
    parts = [part(20, rows=9_999), part(3, rows=300), part(1, rows=100), part(0, rows=7)]
    assert rows_per_day(parts, now=NOW) == pytest.approx(400 / 3)


def test_on_the_first_day_the_hours_so_far_stand_for_it() -> None:
    assert rows_per_day([part(0, rows=25)], now=NOW) == 100
    assert rows_per_day([part(400)], now=NOW) is None


def test_an_hour_after_the_first_reading_it_is_the_hour_that_stands_for_the_day() -> None:
    hour = timedelta(hours=1)
    assert rows_per_day([part(0, rows=25)], now=NOW, since=NOW - hour) == 600
    # one hour of yesterday and six of today
    assert rows_per_day([part(1, rows=50), part(0, rows=300)], now=NOW, since=TODAY - hour) == pytest.approx(1200)
    assert rows_per_day([part(2, rows=50), part(1, rows=100)], now=NOW, since=TODAY - 1.5 * DAY) == 100


def test_what_is_never_dropped_fills_it_in_the_end() -> None:
    assert days_until_full(1900, [], Rates(100, 1, 4, 9, 10), now=NOW) == 100
    assert days_until_full(1900, [], Rates(100, 1, 4, 9), now=NOW) is None


def test_bytes_of_a_row_by_how_it_is_kept() -> None:
    parts = [part(9, compressed=True, size=2_000), part(1), part(0, rows=0, size=50)]
    assert row_bytes(parts, compressed=False) == 160
    assert row_bytes(parts, compressed=True) == 20
    assert row_bytes([], compressed=True) is None
