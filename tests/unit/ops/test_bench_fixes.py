import json
from datetime import UTC, datetime
from itertools import pairwise

import numpy as np
import pytest

from devices.readings import READING, Position
from ops.bench.fixes import Box, Fixes

BOX = Box(south=30.66, west=111.24, north=30.71, east=111.32)
AT_US = 1_795_248_000_000_123


def positions(payloads: list[bytes]) -> list[Position]:
    found = [READING.validate_json(payload) for payload in payloads]
    return [one for one in found if isinstance(one, Position)]


@pytest.mark.parametrize("seq", [False, True])
def test_each_payload_is_a_fix_of_the_contract(seq: bool) -> None:
    fixes = Fixes(BOX, devices=300, seq=seq)
    who, payloads = fixes.take(200, at_us=AT_US)
    read = positions(payloads)
    assert len(who) == len(set(who)) == len(read) == 200
    for one in read:
        assert one.t == datetime(2026, 11, 21, 8, 0, 0, 123, UTC)
        assert BOX.south <= one.lat <= BOX.north
        assert BOX.west <= one.lon <= BOX.east
        assert (one.boot, one.seq) == ((1, 1) if seq else (None, None))
    assert len({(one.lat, one.lon) for one in read}) == 200


def test_every_device_speaks_once_in_a_round_and_counts_up() -> None:
    fixes = Fixes(BOX, devices=10, seq=True)
    said = [
        (number, payload) for at in range(9) for number, payload in zip(*fixes.take(4, at_us=AT_US + at), strict=True)
    ]
    rounds = [said[at : at + 10] for at in range(0, 20, 10)]
    for count, one in enumerate(rounds, start=1):
        assert sorted(number for number, _ in one) == list(range(10))
        assert [fix.seq for fix in positions([payload for _, payload in one])] == [count] * 10


def test_devices_move_as_far_as_their_kind_does() -> None:
    fixes = Fixes(BOX, devices=50, seq=False)
    taken = [fixes.take(50, at_us=AT_US + at) for at in range(20)]
    track = [dict(zip(who, positions(payloads), strict=True)) for who, payloads in taken]
    for number in range(50):
        steps = [
            np.hypot((b[number].lat - a[number].lat) * 111_320, (b[number].lon - a[number].lon) * 95_700)
            for a, b in pairwise(track)
        ]
        assert np.median(steps) == pytest.approx(80 if number % 10 == 0 else 13, rel=0.05)


def test_the_same_seed_gives_the_same_courses() -> None:
    first, second = (Fixes(BOX, devices=5, seq=False, seed=7).take(5, at_us=AT_US) for _ in range(2))
    assert first == second
    assert first != Fixes(BOX, devices=5, seq=False, seed=8).take(5, at_us=AT_US)


def test_numbers_are_padded_with_spaces_not_noughts() -> None:
    _, payloads = Fixes(BOX, devices=100, seq=True).take(100, at_us=AT_US)
    assert all(json.loads(payload)["heading_deg"] < 360 for payload in payloads)
    assert len({len(payload) for payload in payloads}) == 1
