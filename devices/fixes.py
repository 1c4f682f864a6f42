"""Native positions in a hurry: the JSON that `devices.readings.Position` accepts without a question, as bare records.

The models stay the contract. This decoder takes less than they do, never more, and what it does not take is read by the
codec: an unknown key, a text that is no plain time, a value out of range, every other type of reading.
"""

from collections.abc import Iterable
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from devices.codec import MAX_PAYLOAD_BYTES
from devices.readings import INT4_MAX

ABSENT = float("nan")  # what a number that was not sent is, so that a list of them becomes a column at once
NO_COUNT = -1  # the same of boot and seq, which never are below nought
_Counter = Annotated[int, Meta(ge=0, le=INT4_MAX)]
_BAD = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


# Unknown keys are refused because their values would be skipped unread, and with them a lone surrogate or bad UTF-8.
class Fix(Struct, gc=False, forbid_unknown_fields=True):
    """One position as sent, with the ranges of `devices.readings.Position`; None is a null that was sent."""

    type: Literal["position"]
    t: int | str
    lat: Annotated[float, Meta(ge=-90, le=90)]
    lon: Annotated[float, Meta(ge=-180, le=180)]
    boot: _Counter | None = NO_COUNT
    seq: _Counter | None = NO_COUNT
    accuracy_m: Annotated[float, Meta(ge=0, le=1e7)] | None = ABSENT
    speed_mps: Annotated[float, Meta(ge=0, le=1e4)] | None = ABSENT
    heading_deg: Annotated[float, Meta(ge=0, le=360)] | None = ABSENT
    altitude_m: Annotated[float, Meta(ge=-1e4, le=1e6)] | None = ABSENT
    battery_pct: Annotated[float, Meta(ge=0, le=100)] | None = ABSENT
    mock: bool = False
    datum: Literal["wgs84", "gcj02", "bd09"] | None = None


_decode = msgspec.json.Decoder(Fix | list[Fix]).decode


def read_fixes(payloads: Iterable[bytes]) -> list[Fix | list[Fix] | None]:
    """The position or the array of positions that each native payload holds; None when the codec must look at it."""
    found: list[Fix | list[Fix] | None] = []
    for payload in payloads:  # the one loop that runs for every message, so nothing is called in it but the decoder
        try:
            found.append((_decode(payload) or None) if len(payload) <= MAX_PAYLOAD_BYTES else None)
        except _BAD:
            found.append(None)
    return found
