"""Work that one worker does at a time: who finds another at it leaves it to that one."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from ingest.database import Connection


@asynccontextmanager
async def alone(connection: Connection, lock: int) -> AsyncIterator[bool]:
    """Whether no other worker is at it; if so, none will be until the end of the block.

    Args:
        connection: its session holds the lock, whatever its transactions do.
        lock: number of the work, the same for all workers.
    """
    row = await (await connection.execute("SELECT pg_try_advisory_lock(%s) AS ours", [lock])).fetchone()
    if not row or not row["ours"]:
        yield False
        return
    try:
        yield True
    finally:
        if not connection.closed:
            await connection.execute("SELECT pg_advisory_unlock(%s)", [lock])
