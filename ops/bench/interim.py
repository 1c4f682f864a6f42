"""Stands in for the publisher of the gateway until that is there."""

import asyncio
from collections.abc import Sequence

from gateway import Credentials, Session


class Publisher:
    """A connection with a window."""

    def __init__(self, url: str, *, credentials: Credentials, in_flight: int) -> None:
        self._session = Session(url, credentials=credentials, name="bench load", clean_session=True)
        self.published = self.confirmed = self.refused = 0
        self._in_flight = in_flight
        self._moved = asyncio.Event()

    async def open(self) -> None:
        """Connect."""
        await self._session.__aenter__()
        await self._session.wait_up(timeout_s=20)

    async def close(self) -> None:
        """Disconnect."""
        await self._session.__aexit__(None, None, None)

    @property
    def room(self) -> int:
        """Messages."""
        return self._in_flight - self.published + self.confirmed

    async def wait_room(self) -> int:
        """Wait."""
        while self.room <= 0:
            self._moved.clear()
            await self._moved.wait()
        return self.room

    async def wait_confirmed(self) -> None:
        """Wait."""
        while self.confirmed < self.published:
            self._moved.clear()
            await self._moved.wait()

    def publish_now(self, messages: Sequence[tuple[str, bytes]]) -> None:
        """Publish."""
        for topic, payload in messages:
            self.published += 1
            self._session.send(topic, payload).add_done_callback(self._done)

    def _done(self, future: "asyncio.Future[None]") -> None:
        if future.cancelled() or future.exception():
            self.refused += 1
        self.confirmed += 1
        self._moved.set()
