"""One who reads the stream: what it may see, and what waits for it, which stays bounded however slowly it reads."""

import asyncio
from collections import Counter
from collections.abc import Callable
from datetime import datetime

from ops.http.permissions import Reach, reach
from ops.http.viewer import Viewer
from ops.live.kinds import Kind
from ops.live.messages.closed import Closed
from ops.live.messages.resync import Resync
from ops.live.news import News, event

MAX_WAITING = 5000  # things that must not be dropped; a large site's shift opens some thousand duties in one second
CHUNK_BYTES = 32 * 1024  # what has been handed to the socket cannot be replaced by something newer any more
GRACE_S = 3.0  # for the last words to a reader that is told to go

Last = Closed | Resync


class Reader:
    """One open stream.

    Args:
        viewer: who reads.
        token_hash: of the session.
        grids: codes of the grids within the viewer's territory; None is the whole site.
        session_ends_at: when the session ends in any case.
        count: told which type of message went out, and how many.
    """

    def __init__(
        self,
        viewer: Viewer,
        *,
        token_hash: bytes,
        grids: frozenset[str] | None,
        session_ends_at: datetime,
        count: Callable[[str, int], None] = lambda _, __: None,
    ) -> None:
        self.viewer = viewer
        self.token_hash = token_hash
        self.grids = grids
        self.session_ends_at = session_ends_at
        self.abort: Callable[[], None] = lambda: None
        self.last: Last | None = None
        self._count = count
        self._first: list[bytes] = []
        self._pressing: dict[tuple[str, str], News] = {}
        self._calm: dict[tuple[str, str], News] = {}
        self._wake = asyncio.Event()
        self._doom: asyncio.TimerHandle | None = None

    def may_have(self, kind: Kind) -> bool:
        """Whether its role has such messages at all."""
        return kind.permission is None or self.viewer.may(kind.permission)

    def sees(self, kind: Kind, *, grid: str | None, unit: str | None) -> bool:
        """Whether it may see what lies there and belongs to that unit."""
        if not self.may_have(kind):
            return False
        if self.grids is not None and grid not in self.grids:
            return False
        if kind.permission is not None and reach(self.viewer.role, kind.permission) is Reach.OWN_UNIT:
            return unit is not None and unit == self.viewer.unit
        return True

    def tell(self, data: bytes) -> None:
        """Say something about the stream itself, before any news."""
        if self.last is None:
            self._first.append(data)
            self._wake.set()

    def put(self, news: News) -> None:
        """Let news wait; of each thing the newest state only."""
        if self.last is not None:
            return
        if news.kind.calm:
            self._calm[news.key] = news
        else:
            self._pressing[news.key] = news
            if len(self._pressing) > MAX_WAITING:
                self.end(Resync(reason="behind"))
        self._wake.set()

    def end(self, last: Last) -> None:
        """Say a last word and close; a reader that does not even take that is cut."""
        if self.last is not None:
            return
        self.last = last
        self._pressing.clear()
        self._calm.clear()
        self._first = [event(last)]
        self._wake.set()
        self._doom = asyncio.get_running_loop().call_later(GRACE_S, self._cut)

    def _cut(self) -> None:
        self.abort()

    def forget(self) -> None:
        """It is gone; nothing is left to cut."""
        if self._doom:
            self._doom.cancel()

    async def take(self) -> bytes:
        """Wait for something to say; at most a chunk, the pressing before the calm."""
        await self._wake.wait()
        parts: list[bytes] = []
        size, names = 0, Counter[str]()
        if self._first:
            parts, self._first = self._first, []
            size = sum(map(len, parts))
        for waiting in (self._pressing, self._calm):
            while waiting and size < CHUNK_BYTES:
                news = waiting.pop(next(iter(waiting)))
                names[news.kind.name] += 1
                parts.append(news.data)
                size += len(news.data)
        for name, number in names.items():
            self._count(name, number)
        if not (self._pressing or self._calm):
            self._wake.clear()
        return b"".join(parts)
