"""Packets that are written are read back as they were; whatever else is read gives a sentence, never a surprise."""

import contextlib
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typing_extensions import override

from gateway.mqtt import packets, properties, reasons
from gateway.mqtt.packets import Malformed, Version, Will

versions: st.SearchStrategy[Version] = st.sampled_from((4, 5))
mids = st.integers(1, 65_535)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


@given(st.integers(0, packets.MOST_REMAINING))
def test_a_length_is_read_as_it_was_written(length: int) -> None:
    digits = packets.remaining_length(length)
    assert 1 <= len(digits) <= 4
    assert properties.digits(digits, 0) == (length, len(digits))


def test_a_packet_that_is_too_long_for_mqtt_is_refused() -> None:
    class Huge(bytes):
        @override
        def __len__(self) -> int:
            return packets.MOST_REMAINING + 1

    with pytest.raises(ValueError, match="more than MQTT can carry"):
        packets.packet(0x30, Huge())


def test_a_text_that_is_too_long_for_mqtt_is_refused() -> None:
    with pytest.raises(ValueError, match="65535 at the most"):
        packets.text("x" * 65_536)
    assert len(packets.text("x" * 65_535)) == 65_537


@given(texts, texts, texts, versions, st.booleans(), st.integers(0, 65_535), st.booleans())
def test_connect(
    client_id: str, username: str, password: str, version: Version, clean: bool, keep_alive_s: int, with_will: bool
) -> None:
    will = Will("gengfu/v1/H-01/state", b"offline", qos=1, retain=True) if with_will else None
    raw = packets.connect(
        client_id=client_id,
        username=username,
        password=password,
        version=version,
        clean=clean,
        keep_alive_s=keep_alive_s,
        will=will,
        wishes={properties.SESSION_EXPIRY: 7, properties.RECEIVE_MAXIMUM: 8},
    )
    ((head, body),) = packets.split(raw)
    assert head == 0x10
    assert body[:7] == b"\x00\x04MQTT" + bytes((version,))
    flags = body[7]
    assert bool(flags & 0x02) == clean
    assert flags & 0xC0 == 0xC0
    assert flags & 0x3C == (0x2C if with_will else 0)
    assert struct.unpack_from(">H", body, 8) == (keep_alive_s,)
    at = 10
    if version == 5:
        said, at = properties.parse(body, at)
        assert said == {properties.SESSION_EXPIRY: 7, properties.RECEIVE_MAXIMUM: 8}
    found: list[bytes] = []
    for expected_will in (False, True, True, False, False):
        if expected_will and not with_will:
            continue
        if expected_will and version == 5 and len(found) == 1:
            assert body[at] == 0
            at += 1
        (length,) = struct.unpack_from(">H", body, at)
        found.append(body[at + 2 : at + 2 + length])
        at += 2 + length
    assert at == len(body)
    expected = [client_id.encode(), *([b"gengfu/v1/H-01/state", b"offline"] if with_will else [])]
    assert found == [*expected, username.encode(), password.encode()]


@given(mids, st.lists(texts.filter(bool), min_size=1, max_size=5), versions)
def test_subscribe_and_unsubscribe(mid: int, filters: list[str], version: Version) -> None:
    ((head, body),) = packets.split(packets.subscribe(mid, filters, version=version))
    assert head == 0x82
    tail = b"\x00" if version == 5 else b""
    assert body == mid.to_bytes(2, "big") + tail + b"".join(packets.text(name) + b"\x01" for name in filters)
    ((head, body),) = packets.split(packets.unsubscribe(mid, filters, version=version))
    assert head == 0xA2
    assert body == mid.to_bytes(2, "big") + tail + b"".join(map(packets.text, filters))


@given(st.sampled_from((packets.PUBACK, packets.PUBREC, packets.PUBREL, packets.PUBCOMP)), st.lists(mids, max_size=50))
def test_acknowledgements(head: int, numbers: list[int]) -> None:
    raw = bytes(packets.acknowledgements(head, numbers))
    assert list(packets.split(raw)) == [(head, number.to_bytes(2, "big")) for number in numbers]
    assert list(packets.plain_acknowledgements(head, raw) or []) == numbers
    assert packets.plain_acknowledgements(head, raw + b"\x00") is None
    assert packets.plain_acknowledgements(head ^ 0x10, raw) is None or not numbers


@given(st.booleans(), st.integers(0, 255), st.integers(1, 65_535))
def test_connack(present: bool, code: int, most: int) -> None:
    answer = packets.parse_connack(bytes((present, code)), version=4)
    assert (answer.session_present, answer.code, answer.receive_maximum) == (present, code, 65_535)
    assert (answer.maximum_packet_size, answer.keep_alive_s) == (None, None)
    said = properties.encode({properties.RECEIVE_MAXIMUM: most, properties.MAXIMUM_PACKET_SIZE: 9, 0x13: 5})
    answer = packets.parse_connack(bytes((present, code)) + said, version=5)
    assert (answer.receive_maximum, answer.maximum_packet_size, answer.keep_alive_s) == (most, 9, 5)


@given(mids, st.lists(st.sampled_from((0, 1, 2, 0x80, 0x87)), min_size=1), versions)
def test_suback(mid: int, codes: list[int], version: Version) -> None:
    body = mid.to_bytes(2, "big") + (b"\x00" if version == 5 else b"") + bytes(codes)
    assert packets.parse_suback(body, version=version) == (mid, codes)


def test_the_goodbye_of_a_broker() -> None:
    assert packets.parse_disconnect(b"") == (0, "")
    assert packets.parse_disconnect(b"\x8e") == (0x8E, "")
    reason = b"\x1f" + packets.text("go away")
    assert packets.parse_disconnect(b"\x98" + bytes((len(reason),)) + reason) == (0x98, "go away")


def test_every_form_of_property() -> None:
    said = b"".join(
        (
            b"\x01\x01", b"\x13\x00\x1e", b"\x11\x00\x00\x0e\x10", b"\x0b\x80\x01", b"\x09" + packets.text(b"\xff"),
            b"\x1f" + packets.text("why"), b"\x26" + packets.text("a") + packets.text("b"),
            b"\x26" + packets.text("a") + packets.text("c"),
        )
    )  # fmt: skip
    found, stop = properties.parse(bytes((len(said),)) + said, 0)
    assert stop == len(said) + 1
    assert found == {
        0x01: 1,
        0x13: 30,
        0x11: 3600,
        0x0B: 128,
        0x09: b"\xff",
        0x1F: "why",
        0x26: [("a", "b"), ("a", "c")],
    }
    for cut in range(len(said)):
        with contextlib.suppress(properties.BadProperties):
            properties.parse(bytes((len(said),)) + said[:cut], 0)


@given(st.binary(max_size=60), st.integers(0, 10), versions)
def test_garbage_gives_a_sentence(raw: bytes, start: int, version: Version) -> None:
    for read in (
        lambda: properties.parse(raw, start),
        lambda: packets.parse_connack(raw, version=version),
        lambda: packets.parse_suback(raw, version=version),
        lambda: packets.parse_unsuback(raw),
        lambda: packets.parse_disconnect(raw),
    ):
        with contextlib.suppress(Malformed, properties.BadProperties):
            read()


@given(st.integers(0, 255))
def test_every_code_has_words(code: int) -> None:
    assert reasons.words(code)
    for version in (4, 5):
        assert reasons.connack_words(code, version=version)


def test_a_wrong_account_is_told_from_a_broker_that_is_busy() -> None:
    assert reasons.is_refusal(5)
    assert reasons.is_refusal(0x87)
    assert not reasons.is_refusal(3)
    assert not reasons.is_refusal(0x89)
    assert reasons.words(0x8E).startswith("another client took the session over")
    assert reasons.words(0x42) == "reason code 0x42"
