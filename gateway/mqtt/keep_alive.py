"""Whether a broker is still there: twice in each keep-alive it hears of us, and we look whether we heard of it."""

import asyncio
from collections.abc import Callable


class KeepAlive:
    """Watches one connection from `start` to `stop`.

    Args:
        ask: sends PINGREQ.
        fail: ends the connection, for a reason.
    """

    def __init__(self, *, ask: Callable[[], None], fail: Callable[[str], None]) -> None:
        self._ask = ask
        self._fail = fail
        self._loop = asyncio.get_running_loop()
        self._interval_s = 0.0
        self._heard_at = self._asked_at = self._look_at = 0.0
        self._napped = False
        self._blocked_at: float | None = None
        self._deaf = False
        self._over = False
        self._timer: asyncio.TimerHandle | None = None

    def start(self, interval_s: float) -> None:
        """Watch from now on, with what the broker agreed to; 0 is never, and so is a connection that has ended."""
        if self._over:
            return
        self._interval_s = interval_s
        self._asked_at = self._heard_at = self._loop.time()
        self._next_look()

    def stop(self) -> None:
        """Watch no more; harmless to repeat."""
        self._over = True
        if self._timer is not None:
            self._timer.cancel()

    def heard(self) -> None:
        """The broker sent something."""
        self._heard_at = self._loop.time()

    def blocked(self, now: bool) -> None:
        """The broker takes nothing off us, or takes something again."""
        self._blocked_at = self._loop.time() if now else None

    def deaf(self, now: bool) -> None:
        """We read nothing, or read again: answers may lie unread, so it is asked anew."""
        self._deaf = now
        if not now:
            self._asked_at = self._heard_at = self._loop.time()

    def _look(self) -> None:
        # After a nap of ours, answers may lie unread behind this very look; once, lest a broker that is gone stays.
        self._napped = not self._napped and self._loop.time() - self._look_at > self._interval_s / 20
        if self._napped:
            self._heard_at = self._asked_at
        elif self._blocked_at is not None and self._loop.time() - self._blocked_at > self._interval_s:
            self._fail(f"the broker took nothing off us for {self._interval_s:g} s")
            return
        elif not self._deaf and self._asked_at > self._heard_at:
            self._fail(f"the broker did not answer for {self._interval_s / 2:g} s")
            return
        self._ask()
        self._asked_at = self._loop.time()
        self._next_look()

    def _next_look(self) -> None:
        if self._interval_s:
            self._look_at = self._loop.time() + self._interval_s / 2
            self._timer = self._loop.call_at(self._look_at, self._look)
