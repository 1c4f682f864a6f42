"""Acknowledgements on their way to the broker: those of one turn of the event loop leave in one write."""

import asyncio
from collections.abc import Callable, Sequence

from gateway.mqtt import packets


class Acks:
    """Gathers acknowledgements of one connection, in the order in which they were given.

    Args:
        write: sends bytes.
    """

    def __init__(self, write: Callable[[bytes], None]) -> None:
        self._write = write
        self._loop = asyncio.get_running_loop()
        self._gathered = bytearray()
        self._flushing = False

    def add(self, once: Sequence[int], twice: Sequence[int]) -> None:
        """Acknowledge packet ids of QoS 1 and of QoS 2 (its first half)."""
        if once:
            self._gathered += packets.acknowledgements(packets.PUBACK, once)
        if twice:
            self._gathered += packets.acknowledgements(packets.PUBREC, twice)
        if self._gathered and not self._flushing:
            self._flushing = True
            self._loop.call_soon(self.flush)

    def flush(self) -> None:
        """Send what was gathered, now."""
        self._flushing = False
        if self._gathered:
            self._write(bytes(self._gathered))
            self._gathered.clear()
