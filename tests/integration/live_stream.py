"""A reader of the live stream, as a console is one: open it, read anew on hello, then apply what comes."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from tests.integration.http_site import Browser

Told = dict[str, Any]


@dataclass
class Stream:
    """What was told on one connection, heartbeats left out."""

    response: aiohttp.ClientResponse
    told: list[Told] = field(default_factory=list)
    beats: list[Told] = field(default_factory=list)
    _read: int = 0

    async def until(self, wanted: Callable[[Told], bool], *, within_s: float = 5.0) -> Told:
        """The next message that is wanted; those before it are passed over."""
        async with asyncio.timeout(within_s):
            while True:
                while self._read < len(self.told):
                    self._read += 1
                    if wanted(self.told[self._read - 1]):
                        return self.told[self._read - 1]
                await self._one()

    async def next(self, its_type: str, *, within_s: float = 5.0) -> Told:
        """The next message of a type."""
        return await self.until(lambda message: message["type"] == its_type, within_s=within_s)

    async def ended(self, *, within_s: float = 5.0) -> Told:
        """The last message, once the server has ended the stream."""
        async with asyncio.timeout(within_s):
            while await self._one():
                pass
        return self.told[-1]

    async def beat(self, wanted: Callable[[Told], bool], *, within_s: float = 5.0) -> Told:
        """The next heartbeat that is wanted."""
        async with asyncio.timeout(within_s):
            while not (self.beats and wanted(self.beats[-1])):
                assert await self._one()
        return self.beats[-1]

    async def _one(self) -> bool:
        while line := await self.response.content.readline():
            if line.startswith(b"data: "):
                message = json.loads(line[6:])
                (self.beats if message["type"] == "heartbeat" else self.told).append(message)
                return True
        return False


@asynccontextmanager
async def stream(browser: Browser) -> AsyncIterator[Stream]:
    """An open stream that has said hello."""
    async with browser.session.get(
        browser.address + "/api/events", timeout=aiohttp.ClientTimeout(total=None)
    ) as answer:
        assert answer.status == 200, await answer.text()
        assert answer.content_type == "text/event-stream"
        found = Stream(answer)
        await found.next("hello")
        yield found
