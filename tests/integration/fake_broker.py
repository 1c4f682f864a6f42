"""A broker that does what a test tells it, and notes what it hears; over a real socket."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from gateway.address import Credentials
from gateway.mqtt import packets
from gateway.session import Session

CONNACK = b"\x20\x02\x00\x00"
PRESENT = b"\x20\x02\x01\x00"
CONNACK_5 = b"\x20\x03\x00\x00\x00"
PINGRESP = b"\xd0\x00"
WAIT_S = 20.0  # only a test that fails waits so long, and on a busy machine one that passes


@dataclass(eq=False)
class Peer:
    """One connection, as the broker sees it."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    heard: list[tuple[int, bytes]] = field(default_factory=list)

    async def hear(self) -> tuple[int, bytes]:
        """The next packet.

        Raises:
            IncompleteReadError: there is none.
            ConnectionResetError: it is a goodbye.
        """
        async with asyncio.timeout(WAIT_S):
            head = await self.reader.readexactly(1)
            digits = b""
            while not digits or digits[-1] & 0x80:
                digits += await self.reader.readexactly(1)
            length = sum((digit & 0x7F) << 7 * place for place, digit in enumerate(digits))
            packet = head[0], await self.reader.readexactly(length)
        if packet == (packets.DISCONNECT, b""):
            raise ConnectionResetError("the client said goodbye, and waits for us to hang up")
        self.heard.append(packet)
        return packet

    async def hear_until(self, head: int) -> bytes:
        """Read on until a packet of that kind; its body."""
        while True:
            kind, body = await self.hear()
            if kind == head:
                return body

    async def hear_all(self) -> None:
        """Read until the client is gone."""
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError, TimeoutError):
            while True:
                await self.hear()

    def say(self, *parts: bytes | bytearray) -> None:
        self.writer.write(b"".join(parts))

    def acknowledged(self) -> list[int]:
        """Packet ids of the PUBACKs heard so far."""
        return [int.from_bytes(body, "big") for head, body in self.heard if head == packets.PUBACK]

    async def welcome(self, connack: bytes = CONNACK, *, version: int = 4) -> None:
        """Take CONNECT, and SUBSCRIBE when the session has filters."""
        await self.hear_until(0x10)
        self.say(connack)

    async def grant(self, *, version: int = 4, codes: bytes = b"\x01") -> bytes:
        body = await self.hear_until(packets.SUBSCRIBE)
        self.say(packets.packet(packets.SUBACK, body[:2], b"\x00" if version == 5 else b"", codes))
        return body

    async def cut(self) -> None:
        self.writer.transport.abort()


Script = Callable[[Peer], Awaitable[None]]


@dataclass
class FakeBroker:
    """Runs a script for each connection: the first for the first, the last for all further ones."""

    scripts: list[Script]
    port: int = 0
    peers: list[Peer] = field(default_factory=list)
    failed: list[Exception] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"mqtt://127.0.0.1:{self.port}"

    def session(self, **options: Any) -> Session:
        credentials = Credentials("H-01", "its secret", "its random id")
        return Session(self.url, credentials=credentials, name="test", **options)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = Peer(reader, writer)
        self.peers.append(peer)
        script = self.scripts[min(len(self.peers), len(self.scripts)) - 1]
        try:
            await script(peer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the client left
        except Exception as error:  # noqa: BLE001  said when the broker is closed
            self.failed.append(error)
        finally:
            writer.transport.abort()


@contextlib.asynccontextmanager
async def fake_broker(*scripts: Script) -> AsyncIterator[FakeBroker]:
    """A broker that plays the scripts; a script that failed fails the test."""
    broker = FakeBroker(list(scripts))
    server = await asyncio.start_server(broker._serve, "127.0.0.1", 0)
    broker.port = server.sockets[0].getsockname()[1]
    try:
        yield broker
    finally:
        server.close()
        for peer in broker.peers:
            peer.writer.transport.abort()
    for error in broker.failed:
        raise error


def message(mid: int, payload: bytes = b"x", *, topic: str = "a", dup: bool = False, version: int = 4) -> bytes:
    """A PUBLISH at QoS 1."""
    return packets.publish(packets.text(topic), payload, mid=mid, dup=dup, version=5 if version == 5 else 4)
