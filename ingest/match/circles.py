"""Which checkpoints and incidents a batch of fixes may have touched; errs on the side of waking a judgement."""

from dataclasses import dataclass
from datetime import datetime

import numpy as np

from ingest.columns import NONE, Floats, Ints, Positions, moment_of
from ingest.nearness import extremes
from ingest.world import Circles, World


@dataclass(frozen=True)
class Mark:
    """Something to judge anew: a row of `dirty_mark`."""

    kind: str
    subject: str
    window_from: datetime
    window_to: datetime


def touched(world: World, positions: Positions) -> list[Mark]:
    """One mark per circle that some fix may have touched.

    Args:
        world: circles of checkpoints and of open incidents, and how far each device reaches.
        positions: the batch.
    """
    reach = world.reach_m[positions.device]
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


def _marks(circles: Circles, lat: Floats, lon: Floats, time_us: Ints, reach_m: Floats) -> list[Mark]:
    if not circles.subjects:
        return []
    point, circle = circles.nearness.near(lat, lon, reach_m)
    in_time = time_us[point] >= circles.since_us[circle]
    columns = extremes(circle[in_time], time_us[point[in_time]])
    return [
        Mark(circles.kind, circles.subjects[which], moment_of(first), moment_of(last))
        for which, first, last in zip(*(column.tolist() for column in columns), strict=True)
    ]
