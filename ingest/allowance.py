"""How much one device may say: a bucket of readings for each, so that one that floods takes nobody else's time."""

import numpy as np
from numpy.typing import NDArray

from ingest.columns import Ints

Flags = NDArray[np.bool_]
_MICRO = 1_000_000  # a bucket holds millionths of readings, so that refilling is exact whatever the steps of time
_START = 1024  # devices that there is room for at first


class Allowance:
    """Buckets by device number; each begins full.

    Args:
        burst: readings that a full bucket holds. Three days offline at a fix every three seconds are less than
            100,000, so no outbox that is flushed meets it.
        per_s: readings that flow into it each second, whole ones. What reports ten times a second is far below 50.
    """

    def __init__(self, *, burst: int = 100_000, per_s: int = 50) -> None:
        self._full = burst * _MICRO
        self._per_s = per_s
        self._fills_in_us = -(-self._full // per_s)  # a longer wait adds nothing, and would not fit 64 bits
        self._level = np.full(_START, self._full, np.int64)
        self._at_us = np.zeros(_START, np.int64)
        self._exempt = np.zeros(_START, np.bool_)
        self._taken: list[tuple[Ints, Ints, Ints]] = []  # devices, and their buckets as they were before

    def begin(self) -> None:
        """A batch begins, perhaps for the second time: what was taken for one that is not committed goes back."""
        while self._taken:
            numbers, level, at_us = self._taken.pop()
            self._level[numbers], self._at_us[numbers] = level, at_us

    def committed(self) -> None:
        """The batch is in the database."""
        self._taken.clear()

    def exempt(self, devices: Ints) -> None:
        """Let these devices, and no others, say as much as they like.

        Args:
            devices: register numbers.
        """
        self._make_room(devices)
        self._exempt[:] = False
        self._exempt[devices] = True

    def excess(self, devices: Ints, now_s: float) -> Flags:
        """Take a batch out of the buckets.

        Args:
            devices: register number of each reading, in order of arrival.
            now_s: seconds of a clock that only rises.

        Returns:
            True for each reading that finds its device's bucket empty. The first ones of a device pass.
        """
        if not len(devices):
            return np.zeros(0, np.bool_)
        self._make_room(devices)
        counts = np.bincount(devices)
        numbers = np.flatnonzero(counts)
        counts = counts[numbers]
        self._taken.append((numbers, self._level[numbers], self._at_us[numbers]))
        self._refill(numbers, round(now_s * _MICRO))
        allowed = np.where(self._exempt[numbers], counts, self._level[numbers] // _MICRO)
        self._level[numbers] -= np.where(self._exempt[numbers], 0, np.minimum(counts, allowed) * _MICRO)
        if np.all(counts <= allowed):
            return np.zeros(len(devices), np.bool_)
        order = np.argsort(devices, kind="stable")
        starts = np.cumsum(counts) - counts
        rank = np.arange(len(devices)) - np.repeat(starts, counts)
        over = np.empty(len(devices), np.bool_)
        over[order] = rank >= np.repeat(allowed, counts)
        return over

    def _refill(self, numbers: Ints, now_us: int) -> None:
        passed = np.clip(now_us - self._at_us[numbers], 0, self._fills_in_us)
        self._level[numbers] = np.minimum(self._full, self._level[numbers] + passed * self._per_s)
        self._at_us[numbers] = np.maximum(self._at_us[numbers], now_us)

    def _make_room(self, devices: Ints) -> None:
        wanted = int(devices.max(initial=0)) + 1
        size = len(self._level)
        if wanted <= size:
            return
        more = max(wanted, 2 * size) - size
        self._level = np.concatenate([self._level, np.full(more, self._full, np.int64)])
        self._at_us = np.concatenate([self._at_us, np.zeros(more, np.int64)])
        self._exempt = np.concatenate([self._exempt, np.zeros(more, np.bool_)])
