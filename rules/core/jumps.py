"""Movements that are too fast to be believed, and fixes that nothing can have reached and left."""

from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from devices.geometry import M_PER_DEG, distance_m
from rules.core.fixes import FASTEST, Fix, Pace

_LEAST_S = 30.0  # a shorter time between two fixes says little of speed: clocks and receivers lag by some seconds
_GRACE_M = 50.0  # beyond what the fixes say of themselves: receivers between houses err that much now and then


class Track:
    """The credible fixes of one device, ordered, and which of them fit together.

    Args:
        fixes: all of them.
        pace: of the unit.
    """

    def __init__(self, fixes: tuple[Fix, ...], *, pace: Pace) -> None:
        self._pace = pace
        self.fixes, self.jumps = _apart(fixes, FASTEST)

    @cached_property
    def smooth(self) -> tuple[Fix, ...]:
        """Those that are left without the ones that the unit itself cannot have reached and left at its pace."""
        return _apart(self.fixes, self._pace)[0]

    @cached_property
    def rushed(self) -> tuple[tuple[Fix, Fix], ...]:
        """Neighbours so far apart that the unit cannot have gone from one to the other at its pace."""
        if len(self.fixes) < 2:
            return ()
        way_m, gap_s, _ = _steps(self.fixes)
        found = np.flatnonzero((gap_s > 0) & (way_m > self._pace.max_speed_mps * gap_s))
        return tuple((self.fixes[index], self.fixes[index + 1]) for index in found.tolist())


def _apart(fixes: tuple[Fix, ...], pace: Pace) -> tuple[tuple[Fix, ...], tuple[Fix, ...]]:
    """The fixes, and apart from them those that lie where the device cannot have been.

    A few fixes that follow each other are a jump when the ways to them and from them are too fast, and the way past
    them is not. Where a whole track goes on elsewhere nobody can say which part is the true one.
    """
    if len(fixes) < 3:
        return fixes, ()
    way_m, gap_s, error_m = _steps(fixes)
    leaps = np.flatnonzero(way_m - error_m > pace.max_speed_mps * np.maximum(gap_s, _LEAST_S) + _GRACE_M)
    if leaps.size < 2:
        return fixes, ()
    edges = [0, *(leaps + 1).tolist(), len(fixes)]
    pieces = [fixes[start:stop] for start, stop in pairwise(edges)]
    kept, jumps = list(pieces[0]), list[Fix]()
    for piece, following in pairwise(pieces[1:]):
        brief = piece[-1].time - piece[0].time <= pace.max_gap
        if brief and not _leap(kept[-1], following[0], pace):
            jumps += piece
        else:
            kept += piece
    return (*kept, *pieces[-1]), tuple(jumps)


def _steps(fixes: tuple[Fix, ...]) -> tuple[NDArray[np.float64], ...]:
    """Between neighbours: metres, seconds, and the metres that both together may err."""
    rows = np.array([(it.lat, it.lon, it.accuracy_m or 0.0, it.time.timestamp()) for it in fixes], dtype=np.float64)
    lat, lon, error_m, seconds = rows.T
    east_m = ((np.diff(lon) + 540) % 360 - 180) * M_PER_DEG * np.cos(np.radians(lat[:-1]))
    return np.hypot(east_m, np.diff(lat) * M_PER_DEG), np.diff(seconds), error_m[:-1] + error_m[1:]


def _leap(a: Fix, b: Fix, pace: Pace) -> bool:
    way_m = distance_m(a.lat, a.lon, b.lat, b.lon) - (a.accuracy_m or 0.0) - (b.accuracy_m or 0.0)
    return way_m > pace.max_speed_mps * max((b.time - a.time).total_seconds(), _LEAST_S) + _GRACE_M
