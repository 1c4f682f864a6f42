"""The properties that MQTT 5 puts into its packets (section 2.2.2)."""

import struct
from collections.abc import Mapping

Value = int | str | bytes | list[tuple[str, str]]

SESSION_EXPIRY = 0x11
SERVER_KEEP_ALIVE = 0x13
REASON_STRING = 0x1F
RECEIVE_MAXIMUM = 0x21
USER_PROPERTY = 0x26
MAXIMUM_PACKET_SIZE = 0x27

_BYTE, _TWO, _FOUR, _DIGITS, _BINARY, _TEXT, _PAIR = range(7)
_FORM = (
    dict.fromkeys((0x01, 0x17, 0x19, 0x24, 0x25, 0x28, 0x29, 0x2A), _BYTE)
    | dict.fromkeys((0x13, 0x21, 0x22, 0x23), _TWO)
    | dict.fromkeys((0x02, 0x11, 0x18, 0x27), _FOUR)
    | dict.fromkeys((0x09, 0x16), _BINARY)
    | dict.fromkeys((0x03, 0x08, 0x12, 0x15, 0x1A, 0x1C, 0x1F), _TEXT)
    | {0x0B: _DIGITS, USER_PROPERTY: _PAIR}
)
_PACK = {_BYTE: ">BB", _TWO: ">BH", _FOUR: ">BI"}


class BadProperties(ValueError):
    """Properties that break the protocol; the message says how."""


def encode(values: Mapping[int, int]) -> bytes:
    """Numeric properties with their length before them; all that a client of ours ever says."""
    body = b"".join(struct.pack(_PACK[_FORM[name]], name, value) for name, value in values.items())
    return bytes((len(body),)) + body  # far below the 127 that one byte can say


def parse(body: bytes, start: int) -> tuple[dict[int, Value], int]:
    """Read the properties at `start`.

    Returns:
        Values by identifier, and the index behind the last.

    Raises:
        BadProperties: they are cut short or unknown.
    """
    length, at = digits(body, start)
    stop = at + length
    if stop > len(body):
        raise BadProperties("properties that reach beyond their packet")
    found: dict[int, Value] = {}
    try:
        while at < stop:
            at = _one(body, at, found)
    except (IndexError, struct.error, UnicodeDecodeError) as error:
        raise BadProperties("properties that cannot be read") from error
    if at != stop:
        raise BadProperties("a property that reaches beyond the others")
    return found, stop


def digits(body: bytes, at: int) -> tuple[int, int]:
    """Read a number in base 128, and say where it ends.

    Raises:
        BadProperties: it is cut short or has more than four digits.
    """
    value = 0
    for place in range(4):
        if at >= len(body):
            raise BadProperties("a number that is cut short")
        digit = body[at]
        at += 1
        value |= (digit & 0x7F) << 7 * place
        if digit < 0x80:
            return value, at
    raise BadProperties("a number of more than four digits")


def _one(body: bytes, at: int, found: dict[int, Value]) -> int:
    name = body[at]
    at += 1
    form = _FORM.get(name)
    if form is None:
        raise BadProperties(f"a property 0x{name:02x} that nobody knows")
    if form == _DIGITS:
        found[name], at = digits(body, at)
    elif form == _BYTE:
        found[name], at = body[at], at + 1
    elif form == _TWO:
        found[name], at = struct.unpack_from(">H", body, at)[0], at + 2
    elif form == _FOUR:
        found[name], at = struct.unpack_from(">I", body, at)[0], at + 4
    elif form == _PAIR:
        key, at = _sized(body, at)
        value, at = _sized(body, at)
        pairs = found.setdefault(name, [])
        if isinstance(pairs, list):
            pairs.append((key.decode(), value.decode()))
    else:
        raw, at = _sized(body, at)
        found[name] = raw if form == _BINARY else raw.decode()
    return at


def _sized(body: bytes, at: int) -> tuple[bytes, int]:
    (length,) = struct.unpack_from(">H", body, at)
    stop = at + 2 + length
    if stop > len(body):
        raise BadProperties("a property that is cut short")
    return body[at + 2 : stop], stop
