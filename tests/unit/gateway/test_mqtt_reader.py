"""Whatever a broker sends, cut anywhere: the same deliveries, a bounded memory, and a sentence instead of an error."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.mqtt import packets, reader
from gateway.mqtt.packets import Version
from gateway.mqtt.reader import MID, Chunk, Reader
from ingest.delivery import Delivery, Nobody

NOW = datetime(2026, 11, 21, 8, tzinfo=UTC)
versions: st.SearchStrategy[Version] = st.sampled_from((4, 5))
topics = st.one_of(
    st.sampled_from(("gengfu/v1/H-01/up", "gengfu/v1/H-02/up", "巡逻/七号/上")),
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30),
)
payloads = st.one_of(st.binary(max_size=40), st.sampled_from((b"x" * 100, b"y" * 5000, b"z" * 20_000)))


@dataclass(frozen=True)
class Message:
    topic: str
    payload: bytes
    qos: int
    retain: bool = False


@dataclass
class Seen:
    """What came out of a stream, without the chunks that it came in."""

    messages: list[tuple[str, bytes, bool, int]] = field(default_factory=list)
    retained: int = 0
    confirmed: list[int] = field(default_factory=list)
    refused: list[tuple[int, int]] = field(default_factory=list)
    packets: list[tuple[int, bytes]] = field(default_factory=list)
    error: str | None = None

    def add(self, chunk: Chunk) -> None:
        self.messages += [(one.topic, one.payload, one.dup, one.token & MID) for one in chunk.deliveries]
        self.retained += len(chunk.retained)
        self.confirmed += chunk.confirmed
        self.refused += chunk.refused
        self.packets += chunk.packets
        self.error = self.error or chunk.error


def publish(message: Message, mid: int, version: Version, *, dup: bool = False) -> bytes:
    raw = bytearray(
        packets.publish(
            packets.text(message.topic),
            message.payload,
            mid=mid if message.qos else 0,
            retain=message.retain,
            version=version,
            dup=dup,
        )
    )
    if message.qos == 2:
        raw[0] = raw[0] & ~0x06 | 0x04
    return bytes(raw)


def read(stream: bytes, version: Version, *, cuts: Sequence[int] = (), most_bytes: int = 300 * 1024) -> Seen:
    one = Reader(Nobody(), version=version, most_bytes=most_bytes)
    seen = Seen()
    edges = sorted({0, len(stream), *(cut for cut in cuts if cut < len(stream))})
    for start, stop in pairwise(edges):
        seen.add(one.feed(stream[start:stop], NOW))
    return seen


def stream_of(messages: Sequence[Message], version: Version) -> bytes:
    parts: list[bytes] = []
    for mid, message in enumerate(messages, 1):
        parts.append(publish(message, mid, version))
        parts.append(packets.PINGREQ.replace(b"\xc0", b"\xd0"))
        parts.append(bytes(packets.acknowledgements(packets.PUBACK, range(mid, mid + mid % 4))))
        if version == 5:
            parts.append(b"\x40\x03" + mid.to_bytes(2, "big") + b"\x87")
    return b"".join(parts)


message_lists = st.lists(
    st.builds(Message, topics, payloads, st.sampled_from((0, 1, 1, 1, 2)), st.booleans()), max_size=8
)


@given(message_lists, versions, st.lists(st.integers(0, 60_000), max_size=30))
def test_cut_anywhere_the_deliveries_are_the_same(messages: list[Message], version: Version, cuts: list[int]) -> None:
    stream = stream_of(messages, version)
    whole = read(stream, version)
    assert read(stream, version, cuts=cuts) == whole
    assert read(stream, version, cuts=range(min(len(stream), 3000))) == whole
    assert whole.error is None
    wanted = [(mid, message) for mid, message in enumerate(messages, 1) if not message.retain]
    assert whole.messages == [(one.topic, one.payload, False, mid if one.qos else 0) for mid, one in wanted]
    assert whole.retained == len(messages) - len(wanted)
    assert whole.confirmed == [mid + more for mid in range(1, len(messages) + 1) for more in range(mid % 4)]
    assert whole.refused == ([(mid, 0x87) for mid in range(1, len(messages) + 1)] if version == 5 else [])
    assert whole.packets == [(0xD0, b"")] * len(messages)


@given(message_lists, versions, st.data())
def test_a_stream_that_ends_anywhere_gives_what_was_whole(
    messages: list[Message], version: Version, data: st.DataObject
) -> None:
    stream = stream_of(messages, version)
    whole = read(stream, version)
    cut = data.draw(st.integers(0, len(stream)))
    some = read(stream[:cut], version)
    assert some.error is None
    assert some.messages == whole.messages[: len(some.messages)]
    assert some.confirmed == whole.confirmed[: len(some.confirmed)]


def test_truncated_at_every_byte() -> None:
    for version in (4, 5):
        stream = stream_of([Message("gengfu/v1/H-01/up", b"x" * 200, qos) for qos in (0, 1, 2)], version)
        whole = read(stream, version)
        for cut in range(len(stream)):
            some = read(stream, version, cuts=[cut])
            assert some == whole
            assert read(stream[:cut], version).error is None


@given(st.binary(max_size=400), versions, st.lists(st.integers(0, 400), max_size=20))
@settings(max_examples=400)
def test_garbage_never_raises_and_is_never_read_two_ways(raw: bytes, version: Version, cuts: list[int]) -> None:
    whole = read(raw, version, most_bytes=50)
    assert read(raw, version, most_bytes=50, cuts=cuts) == whole


@given(message_lists, versions, st.data())
@settings(max_examples=300)
def test_a_flipped_byte_never_raises(messages: list[Message], version: Version, data: st.DataObject) -> None:
    stream = bytearray(stream_of(messages, version))
    for _ in range(min(len(stream), 3)):
        stream[data.draw(st.integers(0, len(stream) - 1))] = data.draw(st.integers(0, 255))
    read(bytes(stream), version, cuts=[len(stream) // 2])


@pytest.mark.parametrize(
    ("raw", "version", "words"),
    [
        (b"\x32\xff\xff\xff\xff\x01", 4, "more than four digits"),
        (b"\x32\x03\x00\x05a", 4, "topic reaches beyond"),
        (b"\x32\x06\x00\x05ab\x00\x01", 4, "topic reaches beyond"),
        (b"\x30\x01\x00", 4, "topic reaches beyond"),
        (b"\x32\x05\x00\x01a\x00\x00", 4, "without a packet id"),
        (b"\x34\x05\x00\x01a\x00\x00", 4, "without a packet id"),
        (b"\x36\x05\x00\x01a\x00\x01", 4, "QoS 3"),
        (b"\x32\x04\x00\x00\x00\x01", 4, "without a topic"),
        (b"\x32\x08\x00\x00\x00\x01\x03\x23\x00\x01", 5, "without a topic"),
        (b"\x32\x06\x00\x01a\x00\x01\x07", 5, "properties reach beyond"),
        (b"\x32\x05\x00\x01a\x00\x01", 5, "cut short"),
        (b"\x40\x01\x00", 4, "PUBACK without a packet id"),
        (b"\x00\x00", 4, "begins with 0x00"),
        (b"\x10\x00", 4, "begins with 0x10"),
        (b"\x82\x00", 4, "begins with 0x82"),
        (b"\x41\x02\x00\x01", 4, "begins with 0x41"),
        (b"\x90\xff\xff\x7f", 4, "no PUBLISH"),
    ],
)
def test_what_breaks_the_protocol_is_said(raw: bytes, version: Version, words: str) -> None:
    nowhere: list[int] = []
    for cuts in (nowhere, range(len(raw))):
        seen = read(b"\x30\x04\x00\x01ax" + raw if version == 4 else raw, version, cuts=cuts)
        assert seen.error is not None
        assert words in seen.error
        assert len(seen.messages) == (version == 4)  # what came before is handed on


def test_nothing_is_read_after_an_error() -> None:
    one = Reader(Nobody())
    assert one.feed(b"\x00\x00", NOW).error is not None
    assert one.feed(publish(Message("a", b"b", 1), 1, 4), NOW) == Chunk()
    assert one.held_bytes == 0


# -- memory --------------------------------------------------------------------------------------------------------


@given(st.integers(1, 5), st.integers(0, 70_000), st.sampled_from((0, 1)), versions, st.integers(1, 9000))
@settings(max_examples=50)
def test_an_overlong_message_is_handed_on_cut_and_not_held(
    step: int, size: int, qos: int, version: Version, piece: int
) -> None:
    most = 4000
    stream = publish(Message("a/b", b"p" * size, qos), 7, version) + publish(Message("a/c", b"next", 1), 8, version)
    one = Reader(Nobody(), version=version, most_bytes=most)
    got: list[Delivery] = []
    for at in range(0, len(stream), piece * step):
        got += one.feed(stream[at : at + piece * step], NOW).deliveries
        assert one.held_bytes <= most + 10
    assert [message.topic for message in got] == ["a/b", "a/c"]
    assert got[0].token & MID == (7 if qos else 0)
    whole = size + 5 + (2 if qos else 0) + (1 if version == 5 else 0) <= most
    assert len(got[0].payload) == size if whole else most - 10 <= len(got[0].payload) < size
    assert got[1].payload == b"next"
    assert len(one.pending) == (2 if qos else 1)


def test_names_kept_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "TOPICS", 10)
    one = Reader(Nobody())
    for number in range(100):
        chunk = one.feed(publish(Message(f"a/{number}", b"", 0), 0, 4), NOW)
        assert chunk.deliveries[0].topic == f"a/{number}"
        assert len(one._topics) <= 10


def test_crowded_it_leaves_out_what_has_no_room() -> None:
    one = Reader(Nobody())
    one.crowd(True, spare_bytes=1000)
    unsure = one.feed(publish(Message("a", b"gone", 0), 0, 4), NOW)
    assert (unsure.deliveries, unsure.shed) == ([], 1)
    some = one.feed(b"".join(publish(Message("a", b"x" * 295, 1), mid, 4) for mid in (1, 2, 3, 4, 5)), NOW)
    assert [message.token & MID for message in some.deliveries] == [1, 2, 3]
    assert some.put_off == 2
    assert list(one.pending) == [1, 2, 3]
    one.crowd(False)
    again = one.feed(publish(Message("a", b"x" * 295, 1), 4, 4, dup=True), NOW)
    assert [(message.token & MID, message.dup) for message in again.deliveries] == [(4, True)]
    assert len(one.feed(publish(Message("a", b"", 0), 0, 4), NOW).deliveries) == 1


# -- what is pending -------------------------------------------------------------------------------------------------


def test_a_redelivery_of_what_is_pending_is_left_out() -> None:
    one = Reader(Nobody())
    first = one.feed(publish(Message("a", b"1", 1), 5, 4), NOW).deliveries[0]
    assert one.feed(publish(Message("a", b"1", 1), 5, 4, dup=True), NOW) == Chunk(redelivered=1)
    assert one.take([first.token]) == ([5], [])
    again = one.feed(publish(Message("a", b"1", 1), 5, 4, dup=True), NOW).deliveries[0]
    assert again.dup
    assert again.token != first.token


def test_a_token_counts_once_and_for_its_own_message() -> None:
    one = Reader(Nobody())
    old = one.feed(publish(Message("a", b"old", 1), 5, 4), NOW).deliveries[0]
    assert one.take([old.token, old.token, 0, 12345]) == ([5], [])
    new = one.feed(publish(Message("a", b"new", 1), 5, 4), NOW).deliveries[0]  # the packet id is given again
    assert one.take([old.token]) == ([], [])
    assert one.take([new.token]) == ([5], [])
    assert one.pending == {}


def test_qos_2_is_told_apart_when_it_is_settled() -> None:
    one = Reader(Nobody())
    stream = publish(Message("a", b"1", 1), 1, 4) + publish(Message("a", b"2", 2), 2, 4)
    tokens = [message.token for message in one.feed(stream, NOW).deliveries]
    assert one.take(tokens) == ([1], [2])


@given(st.lists(st.sampled_from((0, 1, 2)), max_size=30), st.randoms(use_true_random=False))
def test_acknowledgements_keep_the_order_of_settling(qualities: list[int], random: object) -> None:
    one = Reader(Nobody())
    stream = b"".join(publish(Message("a", b"", qos), mid, 4) for mid, qos in enumerate(qualities, 1))
    deliveries = one.feed(stream, NOW).deliveries
    order = list(deliveries)
    random.shuffle(order)  # type: ignore[attr-defined]
    once, twice = one.take([message.token for message in order])
    mids = [message.token & MID for message in order]
    assert once == [mid for mid in mids if mid and qualities[mid - 1] == 1]
    assert twice == [mid for mid in mids if mid and qualities[mid - 1] == 2]
    assert one.pending == {}


def test_a_topic_that_is_no_text_is_handed_on_so_that_it_ends_in_quarantine() -> None:
    raw = b"\x32\x07\x00\x03a\xff\xfe\x00\x01"
    (message,) = Reader(Nobody()).feed(raw, NOW).deliveries
    assert message.topic == r"a\xff\xfe"


def in_pieces(stream: bytes, piece: int) -> Iterator[bytes]:
    for at in range(0, len(stream), piece):
        yield stream[at : at + piece]


def test_one_byte_at_a_time_costs_what_it_must() -> None:
    """A message that drips in is not copied at each drop: its bytes are looked at only when they are all there."""
    stream = publish(Message("a", b"x" * 200_000, 1), 1, 4)
    one = Reader(Nobody())
    looks = 0
    inner = one._read

    def counted(*values: object) -> None:
        nonlocal looks
        looks += 1
        inner(*values)  # type: ignore[arg-type]

    one._read = counted  # type: ignore[method-assign,assignment]
    got = [message for piece in in_pieces(stream, 1) for message in one.feed(piece, NOW).deliveries]
    assert len(got) == 1
    assert looks < 10


@pytest.mark.parametrize("crowded", [False, True])
def test_a_packet_of_no_sort_is_no_message(crowded: bool) -> None:
    one = Reader(Nobody())
    one.crowd(crowded)
    assert "0x00" in str(one.feed(b"\0\6\0\1t\0\1x", NOW).error)


def test_long_topics_that_somebody_invents_are_not_kept() -> None:
    one = Reader(Nobody())
    for number in range(20):
        (got,) = one.feed(publish(Message(f"owntracks/H-01/{number}" + "x" * 60_000, b"{}", 1), 1, 4), NOW).deliveries
        assert len(got.topic) > 60_000
    assert sum(map(len, one._topics)) < 1000
