"""Movements that are too fast to be believed, and fixes that nothing can have reached and left."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from devices.geometry import M_PER_DEG, distance_m
from rules.core.fixes import FASTEST, Fix, Pace

_LEAST_S = 30.0  # a shorter time between two fixes says little of speed: clocks and receivers lag by some seconds
_GRACE_M = 50.0  # beyond what the fixes say of themselves: receivers between houses err that much now and then


@dataclass(frozen=True)
class _Steps:
    """Between neighbours: metres, seconds, and the metres that both together may err."""

    way_m: NDArray[np.float64]
    gap_s: NDArray[np.float64]
    error_m: NDArray[np.float64]

    @classmethod
    def of(cls, fixes: tuple[Fix, ...]) -> "_Steps":
        rows = [(it.lat, it.lon, it.accuracy_m or 0.0, it.time.timestamp()) for it in fixes]
        lat, lon, error_m, seconds = np.array(rows, dtype=np.float64).reshape(-1, 4).T
        east_m = ((np.diff(lon) + 540) % 360 - 180) * M_PER_DEG * np.cos(np.radians(lat[:-1]))
        return cls(np.hypot(east_m, np.diff(lat) * M_PER_DEG), np.diff(seconds), error_m[:-1] + error_m[1:])

    def leaps(self, pace: Pace) -> list[int]:
        """Those that are too fast for a pace, by far."""
        most_m = pace.max_speed_mps * np.maximum(self.gap_s, _LEAST_S) + _GRACE_M
        found: list[int] = np.flatnonzero(self.way_m - self.error_m > most_m).tolist()
        return found


class Track:
    """The credible fixes of one device, ordered, and which of them fit together.

    Args:
        fixes: all of them.
        pace: of the unit.
    """

    def __init__(self, fixes: tuple[Fix, ...], *, pace: Pace) -> None:
        self._pace = pace
        self._steps = _Steps.of(fixes)
        self.fixes, self.jumps = _apart(fixes, self._steps.leaps(FASTEST), FASTEST)
        if self.jumps:
            self._steps = _Steps.of(self.fixes)

    @cached_property
    def smooth(self) -> tuple[Fix, ...]:
        """Those that are left without the ones that the unit itself cannot have reached and left at its pace."""
        return _apart(self.fixes, self._steps.leaps(self._pace), self._pace)[0]

    @cached_property
    def rushed(self) -> tuple[tuple[Fix, Fix], ...]:
        """Neighbours so far apart that the unit cannot have gone from one to the other at its pace."""
        way_m, gap_s = self._steps.way_m, self._steps.gap_s
        found = np.flatnonzero((gap_s > 0) & (way_m > self._pace.max_speed_mps * gap_s))
        return tuple((self.fixes[index], self.fixes[index + 1]) for index in found.tolist())


def _apart(fixes: tuple[Fix, ...], leaps: list[int], pace: Pace) -> tuple[tuple[Fix, ...], tuple[Fix, ...]]:
    """The fixes, and apart from them those that lie where the device cannot have been.

    Fixes of two minutes at the most are a jump when the ways to them and from them are too fast, and the way past them
    is not. Where a whole track goes on elsewhere nobody can say which part is the true one.
    """
    if len(leaps) < 2:
        return fixes, ()
    edges = [0, *(it + 1 for it in leaps), len(fixes)]
    pieces = [fixes[start:stop] for start, stop in pairwise(edges)]
    kept, jumps = list(pieces[0]), list[Fix]()
    number = 1
    while number < len(pieces):
        past = _past(pieces, number, kept[-1], pace)
        jumps += [fix for piece in pieces[number:past] for fix in piece]
        kept += pieces[past]
        number = past + 1
    return tuple(kept), tuple(jumps)


def _past(pieces: Sequence[tuple[Fix, ...]], number: int, before: Fix, pace: Pace) -> int:
    """The piece with which the track goes on: this one, or one soon after it to which the way is possible."""
    for following in range(number + 1, len(pieces)):
        if pieces[following - 1][-1].time - pieces[number][0].time > pace.max_gap:
            break
        if not _leap(before, pieces[following][0], pace):
            return following
    return number


def _leap(a: Fix, b: Fix, pace: Pace) -> bool:
    way_m = distance_m(a.lat, a.lon, b.lat, b.lon) - (a.accuracy_m or 0.0) - (b.accuracy_m or 0.0)
    return way_m > pace.max_speed_mps * max((b.time - a.time).total_seconds(), _LEAST_S) + _GRACE_M
