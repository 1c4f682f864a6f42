"""The proxy itself: each of its faults must reach both sides as that fault does in a network."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.faults.proxy import HOST, FaultProxy

Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@asynccontextmanager
async def relayed() -> AsyncIterator[tuple[FaultProxy, Stream, Stream]]:
    """A proxy with one connection through it: the proxy, the near end, the far end."""
    arrived: asyncio.Queue[Stream] = asyncio.Queue()

    async def arrive(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        arrived.put_nowait((reader, writer))

    server = await asyncio.start_server(arrive, HOST, 0)
    async with FaultProxy(server.sockets[0].getsockname()[1]) as proxy:
        near = await asyncio.open_connection(HOST, proxy.port)
        far = await arrived.get()
        try:
            yield proxy, near, far
        finally:
            for _, writer in (near, far):
                writer.transport.abort()
            server.close()


async def test_it_passes_everything_both_ways() -> None:
    async with relayed() as (_, near, far):
        near[1].write(b"up" * 100_000)
        far[1].write(b"down" * 100_000)
        assert await far[0].readexactly(200_000) == b"up" * 100_000
        assert await near[0].readexactly(400_000) == b"down" * 100_000


async def test_an_end_of_one_side_is_an_end_of_the_other() -> None:
    async with relayed() as (_, near, far):
        far[1].close()
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await near[0].readexactly(1)


async def test_a_reset_reaches_both_sides() -> None:
    async with relayed() as (proxy, near, far):
        near[1].write(b"x")
        assert await far[0].readexactly(1) == b"x"
        proxy.reset()
        for reader, _ in (near, far):
            with pytest.raises(ConnectionResetError):
                await reader.readexactly(1)


async def test_silence_holds_back_and_loses_nothing() -> None:
    async with relayed() as (proxy, near, far):
        proxy.silence()
        near[1].write(b"held")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await far[0].readexactly(1)
        proxy.resume()
        assert await far[0].readexactly(4) == b"held"


async def test_half_open_tells_the_far_side_only() -> None:
    async with relayed() as (proxy, near, far):
        near[1].write(b"x")
        assert await far[0].readexactly(1) == b"x"
        proxy.half_open()
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await far[0].readexactly(1)
        near[1].write(b"into the void")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await near[0].readexactly(1)


async def test_a_cut_ends_in_the_middle() -> None:
    async with relayed() as (proxy, near, far):
        proxy.cut_after(3)
        near[1].write(b"abcdef")
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await far[0].readexactly(6)


async def test_delay_and_bandwidth_slow_it_down() -> None:
    clock = asyncio.get_running_loop().time
    async with relayed() as (proxy, near, far):
        proxy.delay_s = 0.1
        began = clock()
        near[1].write(b"x")
        await far[0].readexactly(1)
        assert clock() - began >= 0.1
        proxy.resume()
        proxy.bytes_per_s = 1000
        began = clock()
        near[1].write(b"x" * 200)
        await far[0].readexactly(200)
        assert clock() - began >= 0.19


async def test_a_refusing_one_resets_whoever_comes() -> None:
    async with relayed() as (proxy, _, _):
        proxy.refusing = True
        reader, writer = await asyncio.open_connection(HOST, proxy.port)
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await reader.readexactly(1)
        writer.transport.abort()
