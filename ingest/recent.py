"""The keys that this process committed lately, so that their repetitions need not trouble the database."""

import numpy as np
from numpy.typing import NDArray

from ingest.columns import Ints, Positions

AGE_US = (
    12 * 3_600_000_000
)  # older fixes are not remembered: their partition may be dropped, which is never a day's matter
SLOTS = 1 << 20  # keys held at the most; 16 MB, some twenty seconds at full load and a day of a town


class Recent:
    """A table of whole keys, one per slot: the newest key of a slot pushes the older one out.

    A key that is found here was committed by this process through a connection that has not broken since, so a fix
    with this key is a repetition for certain: no hash stands for a key. Only a database that loses what it confirmed (a
    failover to a standby that lagged behind, a restore) could make that untrue, and all of those break the connection:
    whoever opens a new one must `clear` this first.
    """

    def __init__(self, *, slots: int = SLOTS) -> None:
        """Prepare an empty table.

        Args:
            slots: a power of two.
        """
        self._mask = slots - 1
        # One record per key, so that a look touches one place in memory.
        self._keys = np.zeros(slots, np.dtype([("time_us", "i8"), ("device", "i4"), ("digest", "i4")]))

    def known(self, positions: Positions) -> NDArray[np.bool_]:
        """For each row, whether its key is here."""
        found = self._keys[self._slots(positions)]
        known: NDArray[np.bool_] = found["time_us"] == positions.time_us
        known &= found["device"] == positions.device
        known &= found["digest"] == positions.digest
        return known

    def add(self, positions: Positions) -> None:
        """Remember rows that are committed now."""
        positions = positions.take(positions.time_us > positions.received_us - AGE_US)
        keys = np.empty(len(positions), self._keys.dtype)
        keys["time_us"], keys["device"], keys["digest"] = positions.time_us, positions.device, positions.digest
        self._keys[self._slots(positions)] = keys

    def clear(self) -> None:
        """Forget all: what was committed may have been lost with the database."""
        self._keys[:] = np.zeros(1, self._keys.dtype)

    def _slots(self, positions: Positions) -> Ints:
        mixed = positions.time_us.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        mixed ^= positions.device.astype(np.uint64) * np.uint64(0xC2B2AE3D27D4EB4F)
        mixed ^= positions.digest.astype(np.uint64)
        mixed *= np.uint64(0xFF51AFD7ED558CCD)
        return (mixed >> np.uint64(40)).astype(np.int64) & self._mask
