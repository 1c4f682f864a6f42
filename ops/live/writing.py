"""Writing a stream to its reader, and giving up on one that does not read."""

import asyncio
import socket

from aiohttp import web

from ops.live.metrics import LiveMetrics
from ops.live.reader import GRACE_S, Reader

STUCK_S = 20.0  # without a single byte taken: no reader is that slow
_SEND_BUFFER_BYTES = 64 * 1024  # what the kernel holds for a reader that sleeps; by itself it would grow to megabytes


def prepare_socket(transport: asyncio.Transport) -> None:
    """Keep little on the way to a reader, and find out soon when it is gone without a word."""
    sock = transport.get_extra_info("socket")
    if sock is None or sock.family not in {socket.AF_INET, socket.AF_INET6}:
        return
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER_BYTES)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(STUCK_S * 1000))


async def write_to(
    reader: Reader, response: web.StreamResponse, *, transport: asyncio.Transport, metrics: LiveMetrics
) -> None:
    """Send what there is to say until the reader has had its last word, is gone, or is cut."""
    clock = asyncio.get_running_loop().time
    reader.abort = transport.abort
    written, taken, moved_at = 0, 0, clock()
    try:
        while True:
            chunk = await reader.take()
            async with asyncio.timeout(STUCK_S):
                await response.write(chunk)
            written += len(chunk)
            waiting = transport.get_write_buffer_size()
            if not waiting or written - waiting > taken:
                taken, moved_at = written - waiting, clock()
            elif clock() - moved_at > STUCK_S:
                raise TimeoutError
            if reader.last is not None:
                async with asyncio.timeout(GRACE_S):
                    await response.write_eof()
                metrics.ended.labels(reader.last.reason).inc()
                return
    except TimeoutError:
        metrics.ended.labels(reader.last.reason if reader.last else "slow").inc()
        transport.abort()
    except ConnectionError:
        metrics.ended.labels(reader.last.reason if reader.last else "gone").inc()
