"""The newest fix of each device in a batch, reduced in numpy, as the parameters that move `last_known` forward."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from devices.plausibility import Flag
from ingest.columns import Ints, Positions
from ingest.nearness import extremes
from ingest.pack import int4_array, time_array

_VALUES = ("lat", "lon", "accuracy", "speed", "heading", "altitude", "flags", "grid", "battery")


def newest_of(positions: Positions) -> dict[str, Any] | None:
    """One entry per device with a fix that is a place, devices rising; None when there is none.

    A clock that runs ahead cannot pin the newest place: no time counts for more than the moment it was received.

    Args:
        positions: ordered by device, time and digest.
    """
    real = positions.take(positions.flags & int(Flag.NULL_ISLAND) == 0)
    if not len(real):
        return None
    starts = np.flatnonzero(_changes(real.device))
    ends = np.append(starts[1:], len(real)) - 1
    # Of several rows at the newest moment the one with the least digest, whatever the order of arrival.
    moments = np.flatnonzero(_changes(real.device) | _changes(real.time_us))
    last = real.take(moments[np.searchsorted(moments, ends, side="right") - 1])
    heard_us = np.maximum.reduceat(real.received_us, starts)
    return {
        "device": int4_array(last.device),
        "time": time_array(np.minimum(last.time_us, last.received_us)),
        "heard_at": time_array(heard_us),
        **{name: int4_array(getattr(last, name)) for name in _VALUES},
    }


def _changes(column: Ints) -> NDArray[np.bool_]:
    return np.concatenate(([True], column[1:] != column[:-1]))


def heard_of(devices: Ints, received_us: Ints) -> dict[str, Any] | None:
    """When each device was heard last, devices rising; None when nobody was."""
    who, _, heard_us = extremes(devices, received_us)
    return {"device": int4_array(who), "heard_at": time_array(heard_us)} if len(who) else None
