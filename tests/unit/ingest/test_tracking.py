"""Looking up who is off duty: the sorted array says what the spans say, one by one."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ingest.tracking import Spans, Tracking

NOW_US = 1_795_000_000_000_000
DAY_US = 86_400_000_000
FOREVER_US = 2**61

times = st.integers(NOW_US - 90 * DAY_US, NOW_US + 2 * DAY_US)
ends = times | st.just(FOREVER_US)
spans = st.lists(st.tuples(st.integers(1, 4), times, ends).filter(lambda it: it[1] < it[2]), max_size=12)
rows = st.lists(st.tuples(st.integers(1, 6), times), min_size=1, max_size=30)


def columns(of: list[tuple[int, int, int]]) -> Spans:
    device, since, until = (np.array([it[part] for it in of], np.int64) for part in range(3))
    return Spans(device, since, until)


def within(of: list[tuple[int, int, int]], device: int, time_us: int) -> bool:
    return any(its == device and since <= time_us < until for its, since, until in of)


@given(carried=spans, allowed=spans, asked=rows, edges=st.booleans())
def test_off_duty_is_carried_and_not_allowed(
    carried: list[tuple[int, int, int]], allowed: list[tuple[int, int, int]], asked: list[tuple[int, int]], edges: bool
) -> None:
    if edges:  # just where something begins or ends
        asked += [
            (device, time) for device, since, until in carried + allowed for time in (since, until) if time < FOREVER_US
        ]
        asked += [(device, time - 1) for device, time in asked]
    picture = Tracking(carried=columns(carried), allowed=columns(allowed), now_us=NOW_US, enforced=True)
    device, time_us = (np.array([it[part] for it in asked], np.int64) for part in range(2))
    expected = [within(carried, *it) and not within(allowed, *it) for it in asked]
    off = picture.withheld(device, time_us)
    assert (off.tolist() if off is not None else [False] * len(asked)) == expected
    assert [picture.off_duty(*it) for it in asked] == expected
    assert [picture.in_hands(*it) for it in asked] == [within(carried, *it) for it in asked]


def test_times_far_away_are_taken_for_the_nearest() -> None:
    picture = Tracking(carried=columns([(1, 0, FOREVER_US)]), now_us=NOW_US, enforced=True)
    assert picture.off_duty(1, NOW_US - 5000 * DAY_US)
    assert not picture.off_duty(2, NOW_US)
    assert not picture.off_duty(7000, NOW_US)


def test_where_nothing_is_enforced_nothing_is_withheld() -> None:
    assert not Tracking(carried=columns([(1, 0, FOREVER_US)]), now_us=NOW_US).off_duty(1, NOW_US)
    assert Tracking().withheld(np.array([1]), np.array([NOW_US])) is None
