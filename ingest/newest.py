"""The newest fix of each device in a batch, reduced in numpy, as the parameters that move `last_known` forward."""

from typing import Any

import numpy as np

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
    # Of several rows at the newest moment the one with the least digest, whatever the order of arrival.
    order = np.lexsort((real.digest, -real.time_us, real.device))
    first = order[np.concatenate(([True], np.diff(real.device[order]) != 0))]
    last = real.take(first)
    _, _, heard_us = extremes(real.device, real.received_us)
    return {
        "device": int4_array(last.device),
        "time": time_array(np.minimum(last.time_us, last.received_us)),
        "heard_at": time_array(heard_us),
        **{name: int4_array(getattr(last, name)) for name in _VALUES},
    }


def heard_of(devices: Ints, received_us: Ints) -> dict[str, Any] | None:
    """When each device was heard last, devices rising; None when nobody was."""
    who, _, heard_us = extremes(devices, received_us)
    return {"device": int4_array(who), "heard_at": time_array(heard_us)} if len(who) else None
