"""A way to the database that can be cut, or that can stop to carry anything."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit, urlunsplit


@dataclass
class Link:
    """The way, as long as it stands; `url` leads over it.

    Attributes:
        up: whether connections are taken.
        flows: while it is clear nothing is carried, and nobody is hung up on.
    """

    url: str = ""
    up: bool = True
    flows: asyncio.Event = field(default_factory=asyncio.Event)
    writers: set[asyncio.StreamWriter] = field(default_factory=set)

    def cut(self) -> None:
        self.up = False
        for writer in self.writers:
            writer.transport.abort()
        self.writers.clear()

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65536):
                await self.flows.wait()
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        finally:
            writer.close()


@asynccontextmanager
async def link_to(url: str) -> AsyncIterator[Link]:
    parts = urlsplit(url)
    link = Link()
    link.flows.set()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not link.up:
            writer.transport.abort()
            return
        there, back = await asyncio.open_connection(parts.hostname, parts.port)
        link.writers |= {writer, back}
        await asyncio.gather(link.carry(reader, back), link.carry(there, writer))

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    async with server:
        user = parts.netloc.rpartition("@")[0]
        port = server.sockets[0].getsockname()[1]
        link.url = urlunsplit(parts._replace(netloc=f"{user}@127.0.0.1:{port}".lstrip("@")))
        yield link
        link.cut()
