"""Scaling, digests and receipts: the arithmetic of ingest."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.codecs import Refusal, Stamped
from devices.fixes import NO_COUNT
from devices.plausibility import AHEAD_LIMIT, Flag, floor_of
from devices.readings import Button, Position
from ingest.check import check
from ingest.columns import NONE, Checked, digest_of, fixes_of, positions_of
from ingest.others import others_of
from ingest.receipts import RANGES, Receipts, ranges_of
from ingest.world import Device

NOW = datetime(2026, 11, 21, 8, tzinfo=UTC)
HANDSET = Device(number=7, name="H-01", kind="handset", datum="wgs84")


def fix(**values: object) -> Position:
    return Position.model_validate({"type": "position", "t": NOW, "lat": 30.0, "lon": 111.0, **values})


def checked(reading: Position | Button, **values: object) -> Checked:
    fields = {"device": 7, "time": NOW, "reading": reading, "datum": "wgs84", "flags": Flag(0), "received_at": NOW}
    return Checked(**{**fields, **values})  # type: ignore[arg-type]  # the caller names the fields


def test_values_are_scaled_and_absent_ones_stay_absent() -> None:
    row = positions_of(fixes_of([checked(fix(accuracy_m=6.24, speed_mps=1.3, altitude_m=-12.4))]))
    names = ("lat", "lon", "accuracy", "speed", "heading", "altitude", "battery", "boot")
    values = [getattr(row, name).item() for name in names]
    assert values == [300_000_000, 1_110_000_000, 62, 130, NONE, -12, NONE, NO_COUNT]


def test_what_does_not_fit_is_cut_and_flagged() -> None:
    positions = positions_of(fixes_of([checked(fix(accuracy_m=17_000.0)), checked(fix(accuracy_m=9.0))]))
    assert positions.accuracy.tolist() == [32_767, 90]
    assert positions.flags.tolist() == [int(Flag.SATURATED), 0]


def test_null_island_is_flagged() -> None:
    assert positions_of(fixes_of([checked(fix(lat=0.0, lon=0.0))])).flags.tolist() == [int(Flag.NULL_ISLAND)]


def test_a_shifted_datum_is_undone() -> None:
    positions = positions_of(fixes_of([checked(fix(lat=31.17530398364597, lon=121.531541859215), datum="gcj02")]))
    assert positions.lat[0] / 1e7 == pytest.approx(31.1774276, abs=1e-6)
    assert positions.lon[0] / 1e7 == pytest.approx(121.5272106, abs=1e-6)


def test_the_digest_knows_content_only() -> None:
    same = [checked(fix(boot=1, seq=5)), checked(fix(boot=2, seq=9), received_at=NOW + timedelta(hours=3))]
    other = checked(fix(speed_mps=0.5))
    digests = positions_of(fixes_of([*same, other])).digest.tolist()
    assert digests[0] == digests[1] != digests[2]


@given(
    st.lists(st.tuples(st.integers(-900_000_000, 900_000_000), st.integers(-(2**15), 2**15)), unique=True, max_size=50)
)
def test_digests_fit_int4_and_do_not_depend_on_the_batch(rows: list[tuple[int, int]]) -> None:
    columns = [np.array([row[i] for row in rows], np.int64) for i in range(2)]
    whole = digest_of(columns).tolist()
    one_by_one = [digest_of([np.array([value], np.int64) for value in row])[0] for row in rows]
    assert whole == one_by_one
    assert all(-(2**31) <= digest < 2**31 for digest in whole)


def test_neighbouring_values_do_not_collide() -> None:
    lat = np.arange(300_000_000, 300_200_000, dtype=np.int64)
    digests = digest_of([lat, np.full_like(lat, NONE)])
    # By chance 200,000 values of 32 bits meet about five times.
    assert len(lat) - len(np.unique(digests)) < 30


@given(st.lists(st.integers(0, 60)))
def test_ranges_hold_exactly_the_numbers(numbers: list[int]) -> None:
    ranges = ranges_of(numbers)
    assert sorted({number for first, last in ranges for number in range(first, last + 1)}) == sorted(set(numbers))
    assert all(left[1] + 1 < right[0] for left, right in pairwise(ranges))


def test_receipts_come_once_a_second_and_miss_nothing() -> None:
    sent: list[tuple[str, dict[str, object]]] = []

    def take(device: str, receipt: dict[str, object]) -> bool:
        sent.append((device, receipt))
        return True

    now = [100.0]
    receipts = Receipts(take, clock=lambda: now[0])
    for seq in range(0, 4 * RANGES, 2):  # no two adjoin, so there are twice as many ranges as a message holds
        receipts.add("H-01", 3, seq)
    receipts.add("H-01", 4, 0)
    receipts.add("H-02", None, 5)
    receipts.flush()
    receipts.flush()
    assert len(sent) == 1
    for _ in range(3):
        now[0] += 1
        receipts.flush()
    said = {(receipt["boot"], first) for _, receipt in sent for first, _ in receipt["seq"]}  # type: ignore[attr-defined]  # ranges
    assert said == {(3, seq) for seq in range(0, 4 * RANGES, 2)} | {(4, 0)}
    assert {device for device, _ in sent} == {"H-01"}


def test_a_device_that_counts_wildly_fills_no_memory_and_nobody_else_pays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest.receipts.MOST", 1000)
    sent: list[str] = []

    def take(device: str, _receipt: dict[str, object]) -> bool:
        sent.append(device)
        return up[0]

    up = [False]
    receipts = Receipts(take, clock=lambda: 100.0)
    receipts.add("H-02", 1, 1)
    for boot in range(5000):
        receipts.add("H-01", boot, 0)
        assert sum(len(numbers) for boots in receipts._safe.values() for numbers in boots.values()) <= 1000
    up[0] = True
    receipts.flush()
    assert sent[0] == "H-02"


def test_saying_the_same_again_and_again_makes_no_receipt_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest.receipts.MOST", 1000)
    sent: list[object] = []

    def take(_: str, receipt: dict[str, object]) -> bool:
        sent.append(receipt["seq"])
        return True

    receipts = Receipts(take)
    for _ in range(30):
        for seq in range(600):
            receipts.add("H-01", 1, seq)
    receipts.flush()
    assert sent == [[[0, 599]]]


def test_a_receipt_that_cannot_be_sent_waits() -> None:
    sent: list[dict[str, object]] = []
    up = [False]

    def take(_: str, receipt: dict[str, object]) -> bool:
        if up[0]:
            sent.append(receipt)
        return up[0]

    receipts = Receipts(take)
    receipts.add("H-01", 1, 1)
    receipts.flush()
    receipts.add("H-01", 1, 2)
    up[0] = True
    receipts.flush()
    assert sent == [{"type": "receipt", "boot": 1, "seq": [[1, 2]]}]


def outcome(
    reading: Position | Button, *, retention_days: int = 90, device: Device | None = HANDSET
) -> Checked | Refusal:
    return check(Stamped("H-01", reading), device, received_at=NOW, retention_days=retention_days, offset=timedelta(0))


@pytest.mark.parametrize(
    ("time", "retention_days", "accepted"),
    [
        (NOW, 90, True),
        (NOW + AHEAD_LIMIT, 90, True),
        (NOW + AHEAD_LIMIT + timedelta(seconds=1), 90, False),
        (NOW - timedelta(days=90), 90, True),
        (NOW - timedelta(days=90, seconds=1), 90, False),
        (datetime(2000, 1, 1, tzinfo=UTC), 0, True),
        (datetime(1999, 12, 31, tzinfo=UTC), 0, False),
    ],
)
def test_the_window_of_accepted_times(time: datetime, retention_days: int, accepted: bool) -> None:
    result = outcome(fix(t=time), retention_days=retention_days)
    assert isinstance(result, Checked) is accepted
    if isinstance(result, Refusal):
        assert result.reason == "clock"
        assert "quarantine replay --offset" in result.detail


def test_a_clock_that_runs_ahead_is_flagged() -> None:
    result = outcome(fix(t=NOW + timedelta(minutes=5)))
    assert isinstance(result, Checked)
    assert result.flags == Flag.CLOCK_AHEAD


@pytest.mark.parametrize("time", [None, "nonsense", "2036-01-01T00:00:00Z", 0])
def test_an_sos_is_never_refused_for_its_clock(time: object) -> None:
    button = Button.model_validate({"type": "button", "t": time, "button": "sos", "pressed": True})
    result = outcome(button)
    assert isinstance(result, Checked)
    assert result.time == NOW
    assert result.flags == Flag.RECEIPT_TIME


def test_nobody_registered_it() -> None:
    result = outcome(fix(boot=1, seq=2), device=None)
    assert isinstance(result, Refusal)
    assert (result.reason, result.boot, result.seq) == ("unknown_device", 1, 2)
    assert "gengfu device add H-01" in result.detail


def test_floor_when_everything_is_kept() -> None:
    assert floor_of(NOW, 0) == datetime(2000, 1, 1, tzinfo=UTC)


def test_two_presses_without_a_clock_are_two() -> None:
    presses = [
        checked(
            Button.model_validate({"type": "button", "button": "sos", "pressed": True, "boot": 1, "seq": seq}),
            flags=Flag.RECEIPT_TIME,
        )
        for seq in (1, 1, 2)
    ]
    assert len({other.digest for other in others_of(presses)}) == 2
