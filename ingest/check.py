"""What happens to a decoded reading before it is stored: who said it, when, and what is odd about it."""

from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from devices.codecs import Refusal, Stamped
from devices.plausibility import AHEAD_LIMIT, AHEAD_NOTICE, SINCE_ALWAYS, Flag, floor_of
from devices.readings import Button, Position
from ingest.columns import Checked, Ints, microseconds
from ingest.world import Device


def check(
    stamped: Stamped,
    device: Device | None,
    *,
    received_at: datetime,
    retention_days: int,
    offset: timedelta,
    dup: bool = False,
    source: int = 0,
) -> Checked | Refusal:
    """Accept a reading, flagged where it is odd, or say why it must wait in quarantine.

    Args:
        stamped: as decoded.
        device: from the register, None when nobody registered it.
        received_at: aware UTC.
        retention_days: 0 when everything is kept.
        offset: added to the reading's own time; not nought only when a quarantine is replayed.
        dup: the broker says that it may have delivered it before.
        source: index of its message in the batch.
    """
    reading = stamped.reading
    if device is None:
        detail = f"device {stamped.device} is not in the register; add it with `gengfu device add {stamped.device}`"
        return _refused(stamped, "unknown_device", detail)
    flags = Flag.REPLAYED_CLOCK if offset else Flag(0)
    if isinstance(reading, Position) and reading.mock:
        flags |= Flag.MOCK
    time = _moved(reading.t, offset)
    floor = floor_of(received_at, retention_days)
    if time is None or not floor <= time <= received_at + AHEAD_LIMIT:
        if not isinstance(reading, Button):
            return _refused(stamped, "clock", _clock_detail(time, floor, received_at))
        # An SOS is never lost for a bad clock: it is taken for pressed when it came.
        time, flags = received_at, flags | Flag.RECEIPT_TIME | (Flag.REDELIVERED if dup else Flag(0))
    elif time > received_at + AHEAD_NOTICE:
        flags |= Flag.CLOCK_AHEAD
    datum = getattr(reading, "datum", None) or device.datum
    return Checked(device.number, time, reading, datum, flags, received_at, source)


def check_times(time_us: Ints, received_us: Ints, *, retention_days: int) -> tuple[NDArray[np.bool_], Ints]:
    """The same of many times at once, in microseconds since 1970.

    Returns:
        Which times are accepted, and the flags of each reading.
    """
    floor_us = np.full(len(received_us), microseconds(SINCE_ALWAYS))
    if retention_days:
        floor_us = np.maximum(floor_us, received_us - _us(timedelta(days=retention_days)))
    accepted = (floor_us <= time_us) & (time_us <= received_us + _us(AHEAD_LIMIT))
    return accepted, np.where(time_us > received_us + _us(AHEAD_NOTICE), int(Flag.CLOCK_AHEAD), 0).astype(np.int64)


def _us(span: timedelta) -> int:
    return span // timedelta(microseconds=1)


def _moved(time: datetime | None, offset: timedelta) -> datetime | None:
    try:
        return None if time is None else time + offset
    except OverflowError:
        return None


def _clock_detail(time: datetime | None, floor: datetime, received_at: datetime) -> str:
    said = "no usable time" if time is None else f"{time:%Y-%m-%d %H:%M:%S}Z"
    ahead = f"{received_at + AHEAD_LIMIT:%Y-%m-%d %H:%M:%S}Z"
    return (
        f"its time is {said}, but accepted is {floor:%Y-%m-%d %H:%M:%S}Z to {ahead}; set the device's clock, "
        "then `gengfu quarantine replay --offset` can move what is here"
    )


def _refused(stamped: Stamped, reason: str, detail: str) -> Refusal:
    reading = stamped.reading
    fragment = reading.model_dump_json(exclude_none=True).encode()
    return Refusal(reason, detail, fragment, stamped.device, reading.boot, reading.seq)
