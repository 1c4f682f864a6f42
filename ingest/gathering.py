"""Deliveries on their way into batches: bounded by readings, bytes and age, with a hand on the flow behind them."""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Protocol

from ingest.delivery import Delivery

_SINGLE_BYTES = 400  # a shorter message counts as one reading without a look into it


class Flow(Protocol):
    """What deliveries come from, such as a session that reads a socket."""

    def pause(self) -> None:
        """Bring no more until `resume`."""
        ...

    def resume(self) -> None:
        """Go on."""
        ...


@dataclass(frozen=True)
class Limits:
    """When a batch is full.

    Attributes:
        readings: so many at the most, but for the last message's array; counted by a glance, not by decoding.
        payload_bytes: of all messages together.
        age_s: how long the first one waits for others; nought commits what is there at once.
    """

    readings: int = 5000
    payload_bytes: int = 4 << 20
    age_s: float = 0.1


class Gathering:
    """A queue that is filled by the chunk and emptied by the batch.

    The flow is paused when more waits than the next two batches may hold, so that memory stays flat while the database is
    away, and resumed below half of that.
    """

    def __init__(self, limits: Limits) -> None:
        """An empty queue; `flow` may be set at any time before the first delivery."""
        self.flow: Flow | None = None
        self._limits = limits
        self._waiting: deque[Delivery] = deque()
        self._readings = 0
        self._bytes = 0
        self._since = 0.0
        self._paused = False
        self._changed = asyncio.Event()

    def __len__(self) -> int:
        return len(self._waiting)

    def put_all(self, deliveries: Sequence[Delivery]) -> None:
        """Take a chunk, in its order."""
        if not deliveries:
            return
        if not self._waiting:
            self._since = monotonic()
            self._changed.set()
        self._waiting.extend(deliveries)
        for delivery in deliveries:
            self._readings += readings_in(delivery)
            self._bytes += len(delivery.payload)
        if self._full:
            self._changed.set()
        if not self._paused and self._over(2):
            self._paused = True
            if self.flow:
                self.flow.pause()

    async def batch(self) -> tuple[float, list[Delivery]]:
        """The next batch: at once when it is full, else when its first delivery has waited for its age.

        Returns:
            When its first delivery was put, in monotonic seconds, and the deliveries in their order.
        """
        while not self._waiting:
            self._changed.clear()
            await self._changed.wait()
        since = self._since
        while not self._full and (wait := since + self._limits.age_s - monotonic()) > 0:
            self._changed.clear()
            try:
                async with asyncio.timeout(wait):
                    await self._changed.wait()
            except TimeoutError:
                break
        return since, self._take()

    def _take(self) -> list[Delivery]:
        batch: list[Delivery] = []
        readings = size = 0
        while self._waiting and readings < self._limits.readings and size < self._limits.payload_bytes:
            delivery = self._waiting.popleft()
            batch.append(delivery)
            readings += readings_in(delivery)
            size += len(delivery.payload)
        self._readings -= readings
        self._bytes -= size
        self._since = monotonic()
        if self._paused and not self._over(1):
            self._paused = False
            if self.flow:
                self.flow.resume()
        return batch

    @property
    def _full(self) -> bool:
        return self._over(1)

    def _over(self, batches: int) -> bool:
        limits = self._limits
        return self._readings >= batches * limits.readings or self._bytes >= batches * limits.payload_bytes


def readings_in(delivery: Delivery) -> int:
    """How many readings a message holds, at a glance; one is the least, since even poison is counted."""
    payload = delivery.payload
    return 1 if len(payload) < _SINGLE_BYTES else max(1, payload.count(b'"type"'))
