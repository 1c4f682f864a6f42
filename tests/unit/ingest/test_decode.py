"""The way by columns and the way by models accept, refuse and read the same."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from typing_extensions import override

from devices.readings import DATUMS
from ingest.allowance import Allowance
from ingest.columns import Fixes, Ints, fixes_of, positions_of
from ingest.decode import Decoded, Decoder
from ingest.delivery import Delivery, Nobody
from ingest.others import others_of
from ingest.probe import Probes
from ingest.receipts import Receipts
from ingest.world import Device, Register

NOW = datetime(2026, 11, 21, 8, tzinfo=UTC)
REGISTER = Register(
    [Device(7, "H-01", "handset", "wgs84"), Device(9, "V-01", "vehicle", "gcj02"), Device(11, "T-01", "tag", "wgs84")]
)
TOPICS = ("gengfu/v1/H-01/up", "gengfu/v1/V-01/up", "gengfu/v1/H-01/urgent", "gengfu/v1/H-99/up", "gengfu/v1/x y/up")
SENT = '"t":"2026-11-21T07:59:00Z","lat":30.1,"lon":111.2'


class ByModels(Decoder):
    """Everything goes the long way."""

    @override
    def _plain(self, deliveries: Any, register: Register) -> tuple[Fixes, list[int]]:
        return fixes_of([]), list(range(len(deliveries)))


numbers = st.one_of(
    st.sampled_from(
        [
            "0",
            "-0",
            "-0.0",
            "1",
            "1.0",
            "1e0",
            "90",
            "90.0000000001",
            "180",
            "-180",
            "1e400",
            "1E-400",
            "NaN",
            "Infinity",
        ]
    ),
    st.sampled_from(["9007199254740993", "123456789012345678901234567890", "0.1", "6.25", "3276.75", "10000000", "01"]),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.floats(-180, 180).map(repr),
    st.integers(-200, 200).map(str),
)
odd = st.sampled_from(
    [
        "null",
        "true",
        "false",
        '""',
        '"1"',
        "{}",
        "[]",
        '{"a":[1]}',
        '"a\\u0000b"',
        '"\\ud800"',
        '"\\ud83d\\ude00"',
        '"é"',
        '"x',
    ]
)
counters = st.one_of(st.integers(-1, 5).map(str), st.sampled_from(["2147483647", "2147483648", "1.0", "1e3"]), odd)
moments = st.datetimes(datetime(2026, 8, 1), datetime(2026, 11, 22))  # noqa: DTZ001  the offset comes as text
offsets = st.sampled_from(
    ["Z", "z", "+00:00", "-00:00", "+08:00", "-12:00", "+05:30", "+23:59", "", "+0800", "+08", " Z"]
)
fractions = st.sampled_from(["", ".1", ".12", ".123", ".1234", ".123456", ".1234567", ".999999999", ",5", "."])
clocks = st.one_of(
    st.builds(
        lambda at, sep, fraction, offset: f'"{at:%Y-%m-%d}{sep}{at:%H:%M:%S}{fraction}{offset}"',
        moments,
        st.sampled_from(["T", "t", " ", "_"]),
        fractions,
        offsets,
    ),
    st.sampled_from(
        [
            '"2026-11-21T08:00:00Z"',
            '"2026-02-30T08:00:00Z"',
            '"2024-02-29T24:00:00Z"',
            '"2026-11-21T23:59:60Z"',
            '"0000-01-01T00:00:00Z"',
            '"9999-12-31T23:59:59-12:00"',
            '"٢026-11-21T08:00:00Z"',
            '"2026-11-21T08:00:00\\u005a"',
            '"20261121T080000Z"',
            '"2026-W47-6T08:00Z"',
        ]
    ),
    st.integers(-1, 3).map(str),
    st.integers(1_795_000_000_000, 1_795_248_900_000).map(str),
    st.sampled_from(["253402300799999", "253402300800000", "1795248000000.0", "1.795248e12"]),
    odd,
)
keys = {
    "type": st.sampled_from(['"position"'] * 8 + ['"status"', '"button"', '"Position"', "null", "1"]),
    "t": clocks,
    "lat": numbers,
    "lon": numbers,
    "boot": counters,
    "seq": counters,
    "accuracy_m": numbers | odd,
    "speed_mps": numbers | odd,
    "heading_deg": numbers | odd,
    "altitude_m": numbers | odd,
    "battery_pct": numbers | odd,
    "mock": st.sampled_from(["true", "false", "null", "0", '"true"']),
    "datum": st.sampled_from([*(f'"{datum}"' for datum in DATUMS), "null", '"WGS84"', "1"]),
    "extra": odd | numbers,
    "\\u0074": clocks,
    "": odd,
}


@st.composite
def plausible(draw: st.DrawFn) -> str:
    """A position as devices send it, with at most one thing changed."""
    members = {
        "type": '"position"',
        "t": f'"{draw(moments):%Y-%m-%dT%H:%M:%S}{draw(fractions)}Z"',
        "lat": repr(draw(st.floats(-90, 90))),
        "lon": repr(draw(st.floats(-180, 180))),
        "accuracy_m": repr(draw(st.floats(0, 5000))),
        "boot": "1",
        "seq": str(draw(st.integers(0, 9))),
    }
    for name in draw(st.lists(st.sampled_from(sorted(keys)), max_size=1)):
        members[name] = draw(keys[name])
    return "{" + ",".join(f'"{name}":{value}' for name, value in members.items()) + "}"


@st.composite
def wild(draw: st.DrawFn) -> str:
    """Any members in any order, some of them twice."""
    names = draw(st.lists(st.sampled_from(sorted(keys)), max_size=12))
    members = [f'"{name}":{draw(keys[name])}' for name in [*names, *draw(st.permutations(["type", "t", "lat", "lon"]))]]
    return "{" + draw(st.sampled_from([",", " ,\n"])).join(members) + "}"


readings = st.one_of(
    plausible(), plausible(), wild(), st.sampled_from(["0", "null", "[]", '"x"', "{", "\ufeff{}", "\0"])
)
payloads = st.one_of(
    readings.map(str.encode),
    st.lists(readings, max_size=4).map(lambda elements: f"[{','.join(elements)}]".encode()),
    st.binary(max_size=20),
)


def outcome(decoder: Decoder, messages: list[tuple[str, bytes]]) -> tuple[Any, ...]:
    """All that can be seen of a batch."""
    deliveries = [
        Delivery(topic, payload, NOW + timedelta(seconds=index // 2), dup=False, settler=Nobody(), token=index)
        for index, (topic, payload) in enumerate(messages)
    ]
    decoded = decoder.decode(deliveries, REGISTER)
    refused = sorted(
        (one.topic, one.codec, one.refusal.reason, one.refusal.detail, one.refusal.fragment, one.readings)
        for one in decoded.refused
    )
    return rows(decoded), [other.row() for other in others_of(decoded.others)], refused, receipts(decoded)


def rows(decoded: Decoded) -> list[tuple[int, ...]]:
    positions = positions_of(decoded.fixes)
    columns = [*vars(positions).values(), decoded.fixes.source]
    return sorted(zip(*(column.tolist() for column in columns), strict=True))


def receipts(decoded: Decoded) -> list[Any]:
    said: list[Any] = []

    def take(device: str, receipt: object) -> bool:
        said.append((device, receipt))
        return True

    book = Receipts(take, clock=lambda: 5.0)
    book.add_all(REGISTER.names, positions_of(decoded.fixes).ordered())
    for one in decoded.others:
        book.add(REGISTER.names[one.device], one.reading.boot, one.reading.seq)
    for refused in decoded.refused:
        if refused.refusal.device:
            book.add(refused.refusal.device, refused.refusal.boot, refused.refusal.seq)
    book.flush()
    return sorted(said, key=str)


def both(messages: list[tuple[str, bytes]], retention_days: int) -> None:
    fast, slow = (outcome(kind(retention_days), messages) for kind in (Decoder, ByModels))
    assert fast == slow


@settings(max_examples=400)
@given(
    messages=st.lists(st.tuples(st.sampled_from(TOPICS[:2] * 3 + TOPICS), payloads), min_size=1, max_size=5),
    retention_days=st.sampled_from([0, 90]),
)
@example([("gengfu/v1/H-01/up", f'{{"type":"position",{SENT},"boot":1.0}}'.encode())], 90)
@example([("gengfu/v1/H-01/up", f'{{"type":"position",{SENT},"mock":1}}'.encode())], 90)
@example([("gengfu/v1/H-01/up", f'{{"type":"position",{SENT},"seq":true}}'.encode())], 90)
@example([("gengfu/v1/H-01/up", f'{{"type":"position",{SENT},"lat":null}}'.encode())], 90)
@example([("gengfu/v1/H-01/up", f'{{"type":"position",{SENT},"x":"\\ud800"}}'.encode())], 90)
@example([("gengfu/v1/H-01/up", f'{{"type":"position",{SENT},"t":"\\u0000","t":1795247940000}}'.encode())], 90)
@example([("gengfu/v1/H-01/up", b'{"type":"position",' + SENT.encode() + b',"datum":"\xff","datum":null}')], 90)
@example([("gengfu/v1/H-01/up", f'[{{"type":"position",{SENT}}},{{"type":"position",{SENT},"t":0}}]'.encode())], 90)
@example([("gengfu/v1/H-01/up", f'{{"type":"position",{SENT}}}'.encode() + b" " * 262_144)], 90)
def test_both_ways_see_the_same(messages: list[tuple[str, bytes]], retention_days: int) -> None:
    both(messages, retention_days)


@pytest.mark.parametrize("count", [1, 3])
def test_the_short_way_is_taken(count: int) -> None:
    payload = json.dumps(
        [{"type": "position", "t": "2026-11-21T07:59:00.250Z", "lat": 30, "lon": 111.5, "mock": True}] * count
    ).encode()
    deliveries = [Delivery(TOPICS[0], payload, NOW, dup=False, settler=Nobody(), token=0)]
    fixes, rest = Decoder(90)._plain(deliveries, REGISTER)
    assert rest == []
    assert fixes.time_us.tolist() == [1_795_247_940_250_000] * count
    assert fixes.flags.tolist() == [1] * count
    assert np.isnan(fixes.speed_mps).all()


class Half(Allowance):
    """Every second reading is too much."""

    @override
    def excess(self, devices: Ints, now_s: float) -> Any:
        return np.arange(len(devices)) % 2 == 1


def test_what_is_over_the_allowance_is_held_together_and_whole() -> None:
    fix = {"type": "position", "t": "2026-11-21T07:59:00Z", "lat": 30, "lon": 111.5, "boot": 1}
    single = [json.dumps({**fix, "seq": seq}).encode() for seq in range(4)]
    array = json.dumps([{**fix, "seq": seq} for seq in (4, 5)]).encode()
    status = b'{"type":"status","t":"2026-11-21T07:59:00Z","battery_pct":5}'
    button = b'{"type":"button","button":"sos","pressed":true}'
    deliveries = [
        Delivery(TOPICS[0], payload, NOW, dup=False, settler=Nobody(), token=0)
        for payload in (*single, array, status, status, button)
    ]
    decoded = Decoder(90, allowance=Half()).decode(deliveries, REGISTER)
    assert decoded.fixes.seq.tolist() == [0, 2, 4]
    assert [one.reading.type for one in decoded.others] == ["status", "button"]
    (held,) = decoded.beyond
    assert (held.refusal.reason, held.readings, held.topic) == ("rate", 4, TOPICS[0])
    kept = json.loads(held.refusal.fragment)
    assert sorted(reading.get("seq", 99) for reading in kept) == [1, 3, 5, 99]
    assert sorted(decoded.safe, key=str) == [("H-01", 1, 1), ("H-01", 1, 3), ("H-01", 1, 5), ("H-01", None, None)]


def test_a_probe_is_no_reading() -> None:
    probes = Probes("1", lane="up", topics=["gengfu/v1/~1/up"], clock=lambda: NOW)
    deliveries = [
        Delivery("gengfu/v1/~1/up", payload, NOW, dup=False, settler=Nobody(), token=0)
        for payload in (b'{"probe":"1","sent_us":20000000}', b'{"probe":"1","sent_us":10000000}')
    ]
    decoded = Decoder(90, probes=probes).decode(deliveries, REGISTER)
    assert probes.caught_up_to == datetime.fromtimestamp(20, UTC)
    assert (len(decoded.fixes), decoded.others, decoded.refused, decoded.received) == (0, [], [], 0)


def test_refusals_beyond_the_allowance_are_held_together_by_reason() -> None:
    ahead = [
        json.dumps({"type": "position", "t": "2036-01-01T00:00:00Z", "lat": 1, "lon": 2, "seq": n}) for n in range(4)
    ]
    payloads = [*ahead, *[f"{{{n}" for n in range(4)]]
    deliveries = [
        Delivery(TOPICS[0], payload.encode(), NOW, dup=False, settler=Nobody(), token=0) for payload in payloads
    ]
    decoded = Decoder(90, allowance=Allowance(burst=1)).decode(deliveries, REGISTER)
    assert decoded.received == 8
    kept = [*decoded.refused, *decoded.beyond]
    assert [(one.refusal.reason, one.readings) for one in kept] == [("clock", 1), ("clock", 3), ("json", 4)]
    assert [one["seq"] for one in json.loads(kept[1].refusal.fragment)] == [1, 2, 3]
    assert kept[2].refusal.fragment == b"{0\n{1\n{2\n{3"
    assert decoded.excess == {7: 7}
    assert ("H-01", None, 3) in decoded.safe
