"""Which checkpoints and incidents a batch of fixes may have touched; errs on the side of waking a judgement."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from devices.geometry import M_PER_DEG
from devices.times import EPOCH
from ingest.columns import NONE, Ints, Positions
from ingest.world import Circles, World

# Half the longest movement that rules accept between two fixes, so that one end of any segment through a circle is
# nearer: on foot 120 s at 5 m/s, in a vehicle 45 s at 45 m/s. Ingest does not know of a handset that rides in a car;
# what it sleeps through then is judged at the deadline.
REACH_M = {"handset": 300.0, "radio": 300.0, "vehicle": 1013.0}


@dataclass(frozen=True)
class Mark:
    """Something to judge anew: a row of `dirty_mark`."""

    kind: str
    subject: str
    window_from: datetime
    window_to: datetime


def touched(world: World, positions: Positions, kinds: dict[int, str]) -> list[Mark]:
    """One mark per circle that some fix may have touched.

    Args:
        world: circles of checkpoints and of open incidents.
        positions: the batch.
        kinds: device number to device kind; kinds that nobody carries on duty wake nothing.
    """
    reach = np.array([REACH_M.get(kinds.get(device, ""), 0.0) for device in positions.device.tolist()])
    moving = np.flatnonzero(reach > 0)
    if not len(moving):
        return []
    accuracy = np.where(positions.accuracy == NONE, 0, positions.accuracy)[moving] / 10.0
    lat, lon, time_us = positions.lat[moving] / 1e7, positions.lon[moving] / 1e7, positions.time_us[moving]
    return [
        mark
        for circles in (world.checkpoints, world.incidents)
        for mark in _marks(circles, lat, lon, time_us, reach[moving] + accuracy)
    ]


def _marks(circles: Circles, lat: np.ndarray, lon: np.ndarray, time_us: Ints, reach: np.ndarray) -> list[Mark]:
    if not circles.subjects:
        return []
    # Fixes x circles; a few thousand by a few hundred is some megabytes, well within a batch's worth.
    north = (lat[:, None] - circles.lat) * M_PER_DEG
    east = (lon[:, None] - circles.lon) * M_PER_DEG * np.cos(np.radians(circles.lat))
    near = north * north + east * east <= (reach[:, None] + circles.radius_m) ** 2
    near &= time_us[:, None] >= circles.since_us
    marks = []
    for circle in np.flatnonzero(near.any(axis=0)).tolist():
        times = time_us[near[:, circle]]
        first, last = (EPOCH + timedelta(microseconds=int(us)) for us in (times.min(), times.max()))
        marks.append(Mark(circles.kind, circles.subjects[circle], first, last))
    return marks
