"""Native positions in a hurry: the JSON that `devices.readings.Position` accepts without a question, as bare records.

The models stay the contract. This decoder takes less than they do, never more, and what it does not take is read by the
codec: an unknown key, a text that is no plain time, a value out of range, every other type of reading.
"""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from devices.codec import MAX_PAYLOAD_BYTES
from devices.readings import INT4_MAX

_Counter = Annotated[int, Meta(ge=0, le=INT4_MAX)]
_BAD = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


# Unknown keys are refused because their values would be skipped unread, and with them a lone surrogate or bad UTF-8.
class Fix(Struct, gc=False, forbid_unknown_fields=True):
    """One position as sent; ranges and defaults are those of `devices.readings.Position`."""

    type: Literal["position"]
    t: int | str
    lat: Annotated[float, Meta(ge=-90, le=90)]
    lon: Annotated[float, Meta(ge=-180, le=180)]
    boot: _Counter | None = None
    seq: _Counter | None = None
    accuracy_m: Annotated[float, Meta(ge=0, le=1e7)] | None = None
    speed_mps: Annotated[float, Meta(ge=0, le=1e4)] | None = None
    heading_deg: Annotated[float, Meta(ge=0, le=360)] | None = None
    altitude_m: Annotated[float, Meta(ge=-1e4, le=1e6)] | None = None
    battery_pct: Annotated[float, Meta(ge=0, le=100)] | None = None
    mock: bool = False
    datum: Literal["wgs84", "gcj02", "bd09"] | None = None


_decode = msgspec.json.Decoder(Fix | list[Fix]).decode


def read_fixes(payload: bytes) -> Fix | list[Fix] | None:
    """The position or the array of positions that a native payload holds; None when the codec must look at it."""
    if len(payload) > MAX_PAYLOAD_BYTES:
        return None
    try:
        return _decode(payload) or None
    except _BAD:
        return None
