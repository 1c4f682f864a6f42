"""Deliveries on their way into batches: bounded by readings, bytes and age, with a hand on the flow behind them."""

import asyncio
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic
from typing import Protocol

from ingest.delivery import Delivery

_CHUNK = 500  # messages that stay together
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
        readings: so many at the most, but for one message's array; counted by a glance, not by decoding.
        payload_bytes: of all messages together.
        age_s: how long the first one waits for others, while they keep coming; nought commits what is there at once.
    """

    readings: int = 5000
    payload_bytes: int = 4 << 20
    age_s: float = 0.1


@dataclass(frozen=True, slots=True)
class _Chunk:
    deliveries: Sequence[Delivery]
    readings: int
    payload_bytes: int


class Gathering:
    """A queue that is filled by the chunk and emptied by the batch.

    The flow is paused when more waits than two batches may hold, so that memory stays flat while the database is away,
    and resumed below half of that.
    """

    def __init__(self, limits: Limits) -> None:
        """An empty queue; `flow` may be set at any time before the first delivery."""
        self.flow: Flow | None = None
        self._limits = limits
        self._waiting: deque[_Chunk] = deque()
        self._readings = 0
        self._bytes = 0
        self._since = self._latest = 0.0
        self._paused = False
        self._changed = asyncio.Event()

    def put_all(self, deliveries: Sequence[Delivery]) -> None:
        """Take a chunk, in its order."""
        if not deliveries:
            return
        self._latest = monotonic()
        if not self._waiting:
            self._since = self._latest
            self._changed.set()
        for chunk in self._chunks(deliveries):
            self._waiting.append(chunk)
            self._readings += chunk.readings
            self._bytes += chunk.payload_bytes
        if self._over(1):
            self._changed.set()
        if not self._paused and self._over(2):
            self._paused = True
            if self.flow:
                self.flow.pause()

    async def batch(self) -> tuple[float, list[Delivery]]:
        """The next batch: at once when it is full, else when its first delivery has waited long enough.

        A quarter of the age without a new delivery is long enough too: then the flow is thin, or the broker waits for
        confirmations before it sends more, and neither would make the batch any larger.

        Returns:
            When its first delivery was put, in monotonic seconds, and the deliveries in their order.
        """
        while not self._waiting:
            self._changed.clear()
            await self._changed.wait()
        since = self._since
        age_s = self._limits.age_s
        while not self._over(1) and (wait := min(since + age_s, self._latest + age_s / 4) - monotonic()) > 0:
            self._changed.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._changed.wait()
        return since, self._take()

    def _chunks(self, deliveries: Sequence[Delivery]) -> Iterator[_Chunk]:
        """Short messages by the hundred without a look into them; as soon as there is a long one, each by itself."""
        most = min(_CHUNK, self._limits.readings)
        for start in range(0, len(deliveries), most):
            some = deliveries[start : start + most]
            sizes = [len(delivery.payload) for delivery in some]
            if max(sizes) < _SINGLE_BYTES:
                yield _Chunk(some, len(some), sum(sizes))
            else:
                for delivery, size in zip(some, sizes, strict=True):
                    # One reading is the least, since even poison is counted.
                    yield _Chunk((delivery,), max(1, delivery.payload.count(b'"type"')), size)

    def _take(self) -> list[Delivery]:
        batch: list[Delivery] = []
        readings = size = 0
        while self._waiting:
            chunk = self._waiting[0]
            over = (
                readings + chunk.readings > self._limits.readings
                or size + chunk.payload_bytes > self._limits.payload_bytes
            )
            if batch and over:
                break
            self._waiting.popleft()
            batch += chunk.deliveries
            readings += chunk.readings
            size += chunk.payload_bytes
        self._readings -= readings
        self._bytes -= size
        self._since = monotonic()
        if self._paused and not self._over(1):
            self._paused = False
            if self.flow:
                self.flow.resume()
        return batch

    def _over(self, batches: int) -> bool:
        limits = self._limits
        return self._readings >= batches * limits.readings or self._bytes >= batches * limits.payload_bytes
