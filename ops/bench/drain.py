"""The limit of broker and session, a process of its own: takes every message and acknowledges it at once.

Started by `ops.bench.peer`; it says how many it has taken, until its input ends.
"""

import asyncio
import logging
from collections.abc import Sequence

import uvloop

from gateway import Credentials, Session
from ingest.delivery import Delivery, settle_all
from ops.bench.peer import orders, say

TELL_S = 0.05


class Drain:
    """Counts."""

    def __init__(self) -> None:
        self.taken = 0

    def take(self, deliveries: Sequence[Delivery]) -> None:
        """Acknowledge."""
        self.taken += len(deliveries)
        settle_all(deliveries)


async def serve() -> None:
    """Take and tell."""
    told = orders()
    settings = await anext(told)
    drain = Drain()
    session = Session(
        settings["url"],
        credentials=Credentials(**settings["account"]),
        filters=settings["filters"],
        name="bench drain",
        on_deliveries=drain.take,
    )
    async with session, asyncio.TaskGroup() as tasks:
        await session.wait_up(timeout_s=20)
        say(ready=True)
        telling = tasks.create_task(_tell(drain), name="tell")
        async for _ in told:
            pass
        telling.cancel()


async def _tell(drain: Drain) -> None:
    while True:
        say(taken=drain.taken)
        await asyncio.sleep(TELL_S)


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING)
    uvloop.run(serve())
