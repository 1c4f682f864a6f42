"""The tasks in which requests are handled: owned, and let go of at the end even when a database hangs."""

import asyncio
from collections.abc import Coroutine
from types import TracebackType
from typing import Any, Self, TypeVar

T = TypeVar("T")
_LET_GO_S = 0.5


class Handlers:
    """Owns the tasks of requests. A task that outlives its request's time limit goes on until it ends by itself."""

    def __init__(self) -> None:
        self._group = asyncio.TaskGroup()
        self._running: set[asyncio.Task[Any]] = set()

    def start(self, work: Coroutine[Any, Any, T], *, name: str) -> asyncio.Task[T]:
        """Run `work`, which answers for its own errors, in a task of its own."""
        task = self._group.create_task(work, name=name)
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return task

    async def __aenter__(self) -> Self:
        await self._group.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # the driver answers the first cancellation by asking the server to cancel, and the second by hanging up
        for _ in range(2):
            for task in self._running:
                task.cancel()
            if self._running:
                await asyncio.wait(self._running, timeout=_LET_GO_S)
        await self._group.__aexit__(kind, error, trace)
