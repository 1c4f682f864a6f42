"""Whether a connection is read just now: not while its owner paused it, nor while a chunk gathers."""

import asyncio


class Intake:
    """Starts and stops the reading of one transport.

    Args:
        pace_s: seconds of a rest.
    """

    def __init__(self, *, pace_s: float) -> None:
        self.paused = False
        self._pace_s = pace_s
        self._resting = False
        self._reading = True
        self._transport: asyncio.Transport | None = None
        self._loop = asyncio.get_running_loop()

    def attach(self, transport: asyncio.Transport) -> None:
        """This is the transport; it reads."""
        self._transport = transport

    def detach(self) -> None:
        """The connection is over."""
        self._transport = None

    def pause(self) -> None:
        """Read nothing until told."""
        self.paused = True
        self._read_or_not()

    def resume(self) -> None:
        """Read on."""
        self.paused = False
        self._read_or_not()

    def rest(self) -> None:
        """Let the broker gather a chunk that is worth the trouble."""
        self._resting = True
        self._read_or_not()
        self._loop.call_later(self._pace_s, self._rested)

    def _rested(self) -> None:
        self._resting = False
        self._read_or_not()

    def _read_or_not(self) -> None:
        if self._transport is None or self._transport.is_closing():
            return
        reading = not (self.paused or self._resting)
        if reading and not self._reading:
            self._transport.resume_reading()
        elif self._reading and not reading:
            self._transport.pause_reading()
        self._reading = reading
