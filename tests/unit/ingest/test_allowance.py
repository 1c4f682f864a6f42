"""The allowance: never more than burst and refill in any span, first come first served, exact under any batching."""

from collections import defaultdict
from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ingest.allowance import Allowance

BURST, PER_S = 20, 3

# Steps of time in milliseconds, each with a batch of device numbers.
steps = st.lists(
    st.tuples(st.integers(0, 4000), st.lists(st.integers(1, 3), max_size=40)),
    max_size=30,
)


def numbers(devices: list[int]) -> np.ndarray:
    return np.array(devices, np.int64)


@given(steps)
def test_no_span_of_time_passes_more_than_burst_and_refill(batches: list[tuple[int, list[int]]]) -> None:
    allowance = Allowance(burst=BURST, per_s=PER_S)
    passed: dict[int, list[float]] = defaultdict(list)
    now_ms = 5000
    for step_ms, devices in batches:
        now_ms += step_ms
        over = allowance.excess(numbers(devices), now_ms / 1000)
        for device, is_over in zip(devices, over.tolist(), strict=True):
            if not is_over:
                passed[device].append(now_ms)
    for times in passed.values():
        for first, start_ms in enumerate(times):
            for last in range(first, len(times)):
                assert last - first + 1 <= BURST + PER_S * (times[last] - start_ms) / 1000 + 1e-6


@given(steps)
def test_it_is_what_a_bucket_by_hand_says(batches: list[tuple[int, list[int]]]) -> None:
    allowance = Allowance(burst=BURST, per_s=PER_S)
    level: dict[int, int] = defaultdict(lambda: BURST * 1000)  # thousandths of a reading
    seen: dict[int, int] = {}
    now_ms = 5000
    for step_ms, devices in batches:
        now_ms += step_ms
        expected = []
        for device in devices:
            level[device] = min(BURST * 1000, level[device] + PER_S * (now_ms - seen.get(device, 0)))
            seen[device] = now_ms
            expected.append(level[device] < 1000)
            if not expected[-1]:
                level[device] -= 1000
        assert allowance.excess(numbers(devices), now_ms / 1000).tolist() == expected


@given(st.lists(st.integers(1, 4), max_size=120), st.lists(st.integers(0, 120), max_size=6))
def test_batching_changes_nothing(devices: list[int], cuts: list[int]) -> None:
    whole = Allowance(burst=BURST, per_s=PER_S).excess(numbers(devices), 7.0).tolist()
    allowance, parts = Allowance(burst=BURST, per_s=PER_S), []
    edges = [0, *sorted(min(cut, len(devices)) for cut in cuts), len(devices)]
    for start, stop in pairwise(edges):
        parts += allowance.excess(numbers(devices[start:stop]), 7.0).tolist()
    assert parts == whole


@given(st.lists(st.sampled_from([1, 2, 5000]), max_size=100))
def test_the_first_ones_pass_and_exempt_devices_always(devices: list[int]) -> None:
    allowance = Allowance(burst=BURST, per_s=PER_S)
    allowance.exempt(numbers([2]))
    over = allowance.excess(numbers(devices), 1.0).tolist()
    for device in set(devices):
        its = [is_over for one, is_over in zip(devices, over, strict=True) if one == device]
        assert its == sorted(its)
        assert its.count(False) == (len(its) if device == 2 else min(len(its), BURST))


def test_a_device_that_loses_its_exemption_has_a_full_bucket() -> None:
    allowance = Allowance(burst=BURST, per_s=PER_S)
    allowance.exempt(numbers([2]))
    assert not allowance.excess(numbers([2] * 100), 1.0).any()
    allowance.exempt(numbers([]))
    assert allowance.excess(numbers([2] * 100), 1.0).sum() == 80


def test_a_bucket_fills_up_and_a_clock_that_goes_back_gives_nothing() -> None:
    allowance = Allowance(burst=BURST, per_s=PER_S)
    assert allowance.excess(numbers([1] * 25), 100.0).sum() == 5
    assert allowance.excess(numbers([1]), 50.0).all()
    assert allowance.excess(numbers([1]), 100.0).all()
    assert allowance.excess(numbers([1] * 4), 101.0).sum() == 1
    assert allowance.excess(numbers([1] * 25), 1e12).sum() == 5


def test_what_is_not_committed_is_not_taken() -> None:
    allowance = Allowance(burst=BURST, per_s=PER_S)
    for _ in range(3):
        allowance.begin()
        assert not allowance.excess(numbers([1] * BURST), 100.0).any()
        assert allowance.excess(numbers([1, 2]), 100.0).tolist() == [True, False]
    allowance.committed()
    allowance.begin()
    assert allowance.excess(numbers([1]), 100.0).all()
