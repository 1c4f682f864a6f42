"""Receipts: which readings of a device are safe, as ranges, at most one message per device and second."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from time import monotonic

import numpy as np

from ingest.columns import Positions

INTERVAL_S = 1.0  # a device hears at most one receipt in this time
RANGES = 400  # in one message; keeps it below 10 KiB


def ranges_of(numbers: Iterable[int]) -> list[list[int]]:
    """Numbers as rising, inclusive ranges: 3, 1, 2, 7 become [[1, 3], [7, 7]]."""
    ranges: list[list[int]] = []
    for number in sorted(set(numbers)):
        if ranges and number == ranges[-1][1] + 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    return ranges


class Receipts:
    """Gathers what commits made safe and says it to the devices."""

    def __init__(
        self, send: Callable[[str, dict[str, object]], bool], *, clock: Callable[[], float] = monotonic
    ) -> None:
        """Prepare an empty book.

        Args:
            send: called with a device's name and a receipt as the wire contract has it; False when it cannot be sent
                now, and is to be asked again.
            clock: seconds that only rise.
        """
        self._send = send
        self._clock = clock
        self._safe: dict[str, dict[int, set[int]]] = {}
        self._sent_at: dict[str, float] = {}
        self.sent = 0

    def add(self, device: str, boot: int | None, seq: int | None) -> None:
        """A reading is stored, repeated or in quarantine; without both counters there is nothing to say."""
        if boot is not None and seq is not None:
            self._safe.setdefault(device, defaultdict(set))[boot].add(seq)

    def add_all(self, names: Mapping[int, str], positions: Positions) -> None:
        """Likewise of a whole batch; `names` are those of the devices by number."""
        both = positions.take((positions.boot >= 0) & (positions.seq >= 0))
        if not len(both):
            return
        order = np.lexsort((both.seq, both.boot, both.device))
        device, boot, seq = both.device[order], both.boot[order], both.seq[order]
        starts = np.flatnonzero(np.concatenate(([True], (np.diff(device) != 0) | (np.diff(boot) != 0))))
        ends = np.append(starts[1:], len(order))
        for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
            boots = self._safe.setdefault(names[int(device[start])], defaultdict(set))
            boots[int(boot[start])].update(seq[start:end].tolist())

    def flush(self) -> None:
        """Send what is due. A device with more than one `boot` hears of them one by one, the oldest first."""
        now = self._clock()
        for device in [name for name in self._safe if now - self._sent_at.get(name, -INTERVAL_S) >= INTERVAL_S]:
            boots = self._safe[device]
            boot = min(boots)
            ranges = ranges_of(boots[boot])
            if not self._send(device, {"type": "receipt", "boot": boot, "seq": ranges[:RANGES]}):
                return
            boots[boot] = {number for first, last in ranges[RANGES:] for number in range(first, last + 1)}
            if not boots[boot]:
                del boots[boot]
            if not boots:
                del self._safe[device]
            self._sent_at[device] = now
            self.sent += 1
        if len(self._sent_at) > 2 * len(self._safe) + 1000:
            self._sent_at = {name: at for name, at in self._sent_at.items() if now - at < INTERVAL_S}
