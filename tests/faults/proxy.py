"""A TCP relay whose connections can be slowed, starved, silenced, cut in the middle of a packet, and reset."""

import asyncio
import contextlib
import socket
import struct
from dataclasses import dataclass
from types import TracebackType
from typing import Self

CHUNK = 64 * 1024  # bytes read at once
HOST = "127.0.0.1"


@dataclass(eq=False)
class _Pair:
    """One connection through the proxy: the near side came to us, the far side is where we went."""

    near: asyncio.StreamWriter
    far: asyncio.StreamWriter


class FaultProxy:
    """Relays to one port; use it with `async with`.

    Attributes:
        delay_s: how long each chunk is held, both ways.
        bytes_per_s: at most so many bytes pass each way of a connection; None for no limit.
        refusing: new connections are reset at once.
        accepted: connections that came so far.
    """

    def __init__(self, port: int) -> None:
        self.delay_s = 0.0
        self.bytes_per_s: float | None = None
        self.refusing = False
        self.accepted = 0
        self._target = port
        self._cut_after: int | None = None
        self._passing = asyncio.Event()
        self._passing.set()
        self._relaying = 0
        self._pairs: set[_Pair] = set()
        self._orphans: set[asyncio.StreamWriter] = set()  # near sides whose far side is gone without a word
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, HOST, 0, limit=CHUNK)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._passing.set()
        self._cut_after = None
        self.refusing = True
        if self._server is not None:
            self._server.close()
        self.reset()
        for writer in self._orphans:
            _abort(writer)
        async with asyncio.timeout(10):
            while self._relaying:  # noqa: ASYNC110  the pumps see their connections gone
                await asyncio.sleep(0.01)

    @property
    def port(self) -> int:
        """Where it listens."""
        if self._server is None:
            raise RuntimeError("the proxy does not listen; use it with `async with`")
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    @property
    def connections(self) -> int:
        """How many connections stand."""
        return len(self._pairs)

    # -- faults --------------------------------------------------------------------------------------------------

    def reset(self) -> None:
        """End every connection with RST on both sides; what was under way is gone."""
        for pair in list(self._pairs):
            _abort(pair.near)
            _abort(pair.far)

    def move_to(self, port: int) -> None:
        """From now on relay to another port, as an address does that moves to another server."""
        self._target = port
        self.reset()

    def silence(self) -> None:
        """Let nothing pass either way, and keep every connection open: a cable that was pulled out."""
        self._passing.clear()

    def resume(self) -> None:
        """Let everything pass again, slowed by nothing."""
        self.delay_s, self.bytes_per_s, self.refusing, self._cut_after = 0.0, None, False, None
        self._passing.set()

    def half_open(self) -> None:
        """End the far side of every connection and leave the near side without a word; new ones pass."""
        for pair in list(self._pairs):
            self._pairs.discard(pair)
            self._orphans.add(pair.near)
            _abort(pair.far)

    def cut_after(self, size: int) -> None:
        """Pass so many bytes more, of all connections together, and then reset the one that goes over, once."""
        self._cut_after = size

    # -- relaying ------------------------------------------------------------------------------------------------

    async def _serve(self, reader: asyncio.StreamReader, near: asyncio.StreamWriter) -> None:
        self.accepted += 1
        if self.refusing:
            _abort(near)
            return
        try:
            far_reader, far = await asyncio.open_connection(HOST, self._target, limit=CHUNK)
        except OSError:
            _abort(near)
            return
        pair = _Pair(near, far)
        self._pairs.add(pair)
        self._relaying += 1
        try:
            ends = await asyncio.gather(self._pump(reader, far), self._pump(far_reader, near))
            if all(ends) and pair in self._pairs:
                near.close()
                far.close()
                self._pairs.discard(pair)
        finally:
            self._relaying -= 1
            self._end(pair)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Pass on what comes until an end, which is passed on too; False when it was a break."""
        pair = next((pair for pair in self._pairs if writer in (pair.near, pair.far)), None)
        try:
            while chunk := await reader.read(CHUNK):
                await self._passing.wait()
                if self.delay_s:
                    await asyncio.sleep(self.delay_s)
                if self.bytes_per_s:
                    await asyncio.sleep(len(chunk) / self.bytes_per_s)
                passes = len(chunk) if self._cut_after is None else min(len(chunk), self._cut_after)
                writer.write(chunk[:passes])
                await writer.drain()
                if self._cut_after is not None:
                    self._cut_after -= passes
                if passes < len(chunk):
                    self._cut_after = None
                    break
            else:
                await self._passing.wait()
                if pair in self._pairs:
                    writer.write_eof()
                return True
        except OSError:
            pass
        if pair is not None:
            self._end(pair)
        return False

    def _end(self, pair: _Pair) -> None:
        """Both sides of a connection that still belongs together end with RST."""
        if pair in self._pairs:
            self._pairs.discard(pair)
            _abort(pair.near)
            _abort(pair.far)


def _abort(writer: asyncio.StreamWriter) -> None:
    sock = writer.get_extra_info("socket")
    if sock is not None and sock.fileno() >= 0:
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
