"""Receipts: which readings of a device are safe, as ranges, at most one message per device and second."""

import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from time import monotonic

import numpy as np

from ingest.columns import Positions

INTERVAL_S = 1.0  # a device hears at most one receipt in this time
RANGES = 400  # in one message; keeps it below 10 KiB
MOST = 500_000  # numbers that wait to be said, some 40 MB; honest devices leave a few thousand

log = logging.getLogger(__name__)


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
        self._waiting = 0  # numbers in `_safe`, and perhaps fewer: the same one may have been added twice
        self.sent = 0

    def add(self, device: str, boot: int | None, seq: int | None) -> None:
        """A reading is stored, repeated or in quarantine; without both counters there is nothing to say."""
        if boot is not None and seq is not None:
            self._safe.setdefault(device, defaultdict(set))[boot].add(seq)
            self._grown(1)

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
        self._grown(len(order))

    def flush(self) -> None:
        """Send what is due. A device with more than one `boot` hears of them one by one, the oldest first."""
        now = self._clock()
        for device in [name for name in self._safe if now - self._sent_at.get(name, -INTERVAL_S) >= INTERVAL_S]:
            boots = self._safe[device]
            boot = min(boots)
            ranges = ranges_of(boots[boot])
            if not self._send(device, {"type": "receipt", "boot": boot, "seq": ranges[:RANGES]}):
                return
            self._waiting -= sum(last - first + 1 for first, last in ranges[:RANGES])
            boots[boot] = {number for first, last in ranges[RANGES:] for number in range(first, last + 1)}
            if not boots[boot]:
                del boots[boot]
            if not boots:
                del self._safe[device]
            self._sent_at[device] = now
            self.sent += 1
        if len(self._sent_at) > 2 * len(self._safe) + 1000:
            self._sent_at = {name: at for name, at in self._sent_at.items() if now - at < INTERVAL_S}

    def _grown(self, by: int) -> None:
        """Note what came; when too much waits, forget the devices with most of it.

        A device that counts wildly, or a session over which nothing can be said, would fill the memory otherwise. What
        is not said is not lost: the device says its reading again, and hears of it then.
        """
        self._waiting += by
        if self._waiting <= MOST:
            return
        sizes = {device: sum(map(len, boots.values())) for device, boots in self._safe.items()}
        before = left = sum(sizes.values())
        largest_first = sorted(sizes, key=sizes.__getitem__, reverse=True)
        while left > MOST:
            device = largest_first.pop(0)
            left -= sizes[device]
            del self._safe[device]
        self._waiting = left
        if left < before:
            log.warning(
                "forgot %d receipts because more waited than can be kept; devices hear of them when they say their "
                "readings again",
                before - left,
                extra={"event": "receipts_forgotten"},
            )
