"""Work that one worker does at a time: who finds another at it leaves it to that one."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from ingest.database import Connection
from ingest.locks import Lock


@asynccontextmanager
async def alone(connection: Connection, lock: Lock) -> AsyncIterator[bool]:
    """Whether no other worker is at it; if so, none will be until the end of the block.

    Args:
        connection: its session holds the lock, whatever its transactions do.
        lock: of the work.
    """
    row = await (await connection.execute("SELECT pg_try_advisory_lock(%s) AS ours", [lock.value])).fetchone()
    if not row or not row["ours"]:
        yield False
        return
    try:
        yield True
    finally:
        if not connection.closed:
            await connection.execute("SELECT pg_advisory_unlock(%s)", [lock.value])
