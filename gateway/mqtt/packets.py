"""The packets that a client writes and those small ones that it reads, for MQTT 3.1.1 (version 4) and 5.

PUBLISH and PUBACK as they come in are read in `reader`, because they come in millions.
"""

import struct
import sys
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from gateway.mqtt import properties

Version = Literal[4, 5]

CONNACK, PUBLISH, PUBACK, PUBREC, PUBREL, PUBCOMP = 0x20, 0x30, 0x40, 0x50, 0x62, 0x70
SUBSCRIBE, SUBACK, UNSUBSCRIBE, UNSUBACK = 0x82, 0x90, 0xA2, 0xB0
PINGRESP, DISCONNECT, AUTH = 0xD0, 0xE0, 0xF0
PINGREQ = b"\xc0\x00"
GOODBYE = b"\xe0\x00"

MOST_REMAINING = 268_435_455  # bytes; four digits of base 128 say no more
MOST_TEXT = 65_535  # bytes of a topic, name or password; two bytes carry the length


class Malformed(Exception):
    """A packet breaks the protocol; the message says how."""


@dataclass(frozen=True, slots=True)
class Will:
    """What the broker publishes in our name when the connection ends without a goodbye."""

    topic: str
    payload: bytes
    qos: int = 1
    retain: bool = True


@dataclass(frozen=True, slots=True)
class Connack:
    """The broker's answer to CONNECT; what it left unsaid has the value that the standard gives it."""

    session_present: bool
    code: int
    properties: Mapping[int, properties.Value]

    @property
    def receive_maximum(self) -> int:
        """Messages above QoS 0 that the broker takes before it has answered one (MQTT 5, 3.2.2.3.3)."""
        value = self.properties.get(properties.RECEIVE_MAXIMUM, MOST_TEXT)
        return value if isinstance(value, int) else MOST_TEXT

    @property
    def maximum_packet_size(self) -> int | None:
        """Bytes of the largest packet that the broker takes; None when it said nothing."""
        value = self.properties.get(properties.MAXIMUM_PACKET_SIZE)
        return value if isinstance(value, int) else None

    @property
    def keep_alive_s(self) -> int | None:
        """The keep-alive that the broker wants instead of ours."""
        value = self.properties.get(properties.SERVER_KEEP_ALIVE)
        return value if isinstance(value, int) else None


def remaining_length(length: int) -> bytes:
    """A length in base 128, lowest digit first (2.2.3)."""
    if length < 128:
        return bytes((length,))
    digits = bytearray()
    while True:
        length, digit = divmod(length, 128)
        digits.append(digit | 0x80 if length else digit)
        if not length:
            return bytes(digits)


def packet(head: int, *parts: bytes) -> bytes:
    """A packet with its fixed header."""
    length = sum(map(len, parts))
    if length > MOST_REMAINING:
        raise ValueError(f"a packet of {length} bytes is more than MQTT can carry ({MOST_REMAINING})")
    return b"".join((bytes((head,)), remaining_length(length), *parts))


def text(value: str | bytes) -> bytes:
    """A string or bytes with its length before it (1.5.3).

    Raises:
        ValueError: it is longer than 65,535 bytes.
    """
    raw = value.encode() if isinstance(value, str) else value
    if len(raw) > MOST_TEXT:
        raise ValueError(f"{raw[:40]!r}... has {len(raw)} bytes; MQTT carries {MOST_TEXT} at the most")
    return struct.pack(">H", len(raw)) + raw


def connect(
    *,
    client_id: str,
    username: str,
    password: str,
    version: Version = 4,
    clean: bool = False,
    keep_alive_s: int = 30,
    will: Will | None = None,
    wishes: Mapping[int, int] | None = None,
) -> bytes:
    """CONNECT (3.1).

    Args:
        client_id: by which the broker knows the session.
        username: account.
        password: of that account.
        version: 4 for 3.1.1.
        clean: begin without what an earlier connection left.
        keep_alive_s: seconds in which the broker hears from us.
        will: published when we vanish.
        wishes: properties of MQTT 5; left out of 3.1.1.
    """
    flags = 0xC0 | (0x02 if clean else 0)
    body = [text(client_id)]
    if will is not None:
        flags |= 0x04 | will.qos << 3 | (0x20 if will.retain else 0)
        body += [b"\x00"] if version == 5 else []
        body += [text(will.topic), text(will.payload)]
    body += [text(username), text(password)]
    start = text("MQTT") + struct.pack(">BBH", version, flags, keep_alive_s)
    if version == 5:
        start += properties.encode(wishes or {})
    return packet(0x10, start, *body)


def subscribe(mid: int, filters: Iterable[str], *, version: Version = 4, options: int = 1) -> bytes:
    """SUBSCRIBE (3.8); `options` holds the wanted QoS, in MQTT 5 also how retained messages are treated."""
    wanted = [text(name) + bytes((options,)) for name in filters]
    return packet(SUBSCRIBE, struct.pack(">H", mid), b"\x00" if version == 5 else b"", *wanted)


def unsubscribe(mid: int, filters: Iterable[str], *, version: Version = 4) -> bytes:
    """UNSUBSCRIBE (3.10)."""
    return packet(UNSUBSCRIBE, struct.pack(">H", mid), b"\x00" if version == 5 else b"", *map(text, filters))


def publish(
    topic: bytes, payload: bytes, *, mid: int = 0, retain: bool = False, version: Version = 4, dup: bool = False
) -> bytes:
    """PUBLISH (3.3): `topic` as `text` gives it; at QoS 1 when it has a packet id."""
    head = PUBLISH | (0x02 if mid else 0) | (0x01 if retain else 0) | (0x08 if dup else 0)
    number = struct.pack(">H", mid) if mid else b""
    return packet(head, topic, number, b"\x00" if version == 5 else b"", payload)


def acknowledgements(head: int, mids: Sequence[int]) -> bytearray:
    """Many PUBACK, PUBREC, PUBREL or PUBCOMP in a row, all with success, in the order of `mids`."""
    raw = _swapped(array("H", mids)).tobytes()
    out = bytearray((head, 2, 0, 0)) * len(mids)
    out[2::4] = raw[0::2]
    out[3::4] = raw[1::2]
    return out


def plain_acknowledgements(head: int, data: bytes) -> "array[int] | None":
    """The packet ids when `data` is nothing but such acknowledgements in a row, each of four bytes."""
    count = len(data) // 4
    if len(data) % 4 or data[0::4] != bytes((head,)) * count or data[1::4] != b"\x02" * count:
        return None
    raw = bytearray(2 * count)
    raw[0::2] = data[2::4]
    raw[1::2] = data[3::4]
    return _swapped(array("H", raw))


def _swapped(numbers: "array[int]") -> "array[int]":
    """From the machine's order of bytes to the network's, or back."""
    if sys.byteorder == "little":
        numbers.byteswap()
    return numbers


def parse_connack(body: bytes, *, version: Version) -> Connack:
    """Read CONNACK (3.2).

    Raises:
        Malformed: it is none.
    """
    if len(body) < 2 or (version == 4 and len(body) != 2):
        raise Malformed("a CONNACK of the wrong length")
    said = properties.parse(body, 2)[0] if version == 5 and len(body) > 2 else {}
    return Connack(bool(body[0] & 1), body[1], said)


def parse_suback(body: bytes, *, version: Version) -> tuple[int, list[int]]:
    """Read SUBACK (3.9): packet id, and for each filter the granted QoS or the reason of refusal.

    Raises:
        Malformed: it is none.
    """
    if len(body) < 3:
        raise Malformed("a SUBACK that is too short")
    start = properties.parse(body, 2)[1] if version == 5 else 2
    return int.from_bytes(body[:2], "big"), list(body[start:])


def parse_unsuback(body: bytes) -> int:
    """Read UNSUBACK (3.11): its packet id.

    Raises:
        Malformed: it is none.
    """
    if len(body) < 2:
        raise Malformed("an UNSUBACK that is too short")
    return int.from_bytes(body[:2], "big")


def parse_disconnect(body: bytes) -> tuple[int, str]:
    """Read the broker's DISCONNECT (MQTT 5, 3.14): reason code and what it says besides.

    Raises:
        Malformed: its properties cannot be read.
    """
    code = body[0] if body else 0
    said = properties.parse(body, 1)[0] if len(body) > 1 else {}
    words = said.get(properties.REASON_STRING, "")
    return code, words if isinstance(words, str) else ""


def split(stream: bytes) -> Iterator[tuple[int, bytes]]:
    """First byte and body of each whole packet of a stream; for tests and tools, not for speed."""
    at = 0
    while at < len(stream):
        length, shift, body = 0, 0, at + 1
        while True:
            digit = stream[body]
            length |= (digit & 0x7F) << shift
            body, shift = body + 1, shift + 7
            if digit < 0x80:
                break
        yield stream[at], stream[body : body + length]
        at = body + length
