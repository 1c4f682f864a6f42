"""What the storage needs now and then: tomorrow's partitions, the rollup, retention, compression."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from time import monotonic

import psycopg
from psycopg_pool import PoolTimeout

from ingest import metrics
from ingest.alone import alone
from ingest.database import Connection, Pool, time_limit
from ingest.engines import Engine
from ingest.errors import TookTooLong
from ingest.late import move_edge
from ingest.locks import Lock
from ingest.withheld import KEEP_H, drop_withheld

EVERY_S = 600.0  # between two rounds
ROUND_S = 3600.0  # for one round; a server that is frozen would hold it for ever
COMPRESS_AFTER = timedelta(days=4)  # the back-fill horizon of three days, and one to spare
HOURS = 200  # rolled up in one transaction

log = logging.getLogger(__name__)


async def keep_up(
    pool: Pool, engine: Engine, *, retention_days: int, held_for: timedelta = timedelta(hours=KEEP_H)
) -> None:
    """A round every ten minutes, for ever; what fails is said, counted and tried again in the next one."""
    while True:
        try:
            async with pool.connection() as connection:
                with time_limit(connection, ROUND_S):
                    await upkeep(connection, engine, retention_days=retention_days, held_for=held_for)
        except (PoolTimeout, psycopg.Error, TookTooLong) as error:
            metrics.UPKEEP_FAILED.labels("connection").inc()
            log.warning("upkeep of the storage waits for the database: %s", _words(error))
        await asyncio.sleep(EVERY_S)


async def upkeep(
    connection: Connection, engine: Engine, *, retention_days: int, held_for: timedelta = timedelta(hours=KEEP_H)
) -> list[str]:
    """One round; each step is tried, whatever became of the one before: a full disk needs the drop most of all.

    Args:
        connection: in no transaction.
        engine: of the database.
        retention_days: 0 keeps for ever.
        held_for: how long what is withheld is kept.

    Returns:
        The steps that failed; nothing when another worker is at it.
    """
    failed: list[str] = []
    now = datetime.now(UTC)

    async def step(name: str, action: Callable[[], Awaitable[None]]) -> None:
        began = monotonic()
        try:
            await action()
        except psycopg.Error as error:
            if connection.broken:
                raise
            failed.append(name)
            metrics.UPKEEP_FAILED.labels(name).inc()
            log.warning("upkeep of the storage: %s failed, trying again later: %s", name, _words(error))
        else:
            metrics.UPKEEP_SECONDS.labels(name).set(monotonic() - began)

    async def roll_up() -> None:
        # Until all that was stale is done, and no further: the hour that runs is stale again at once.
        while await engine.refresh_rollup(connection, limit=HOURS) == HOURS:
            pass
        await move_edge(connection, "rolled_up", now.replace(minute=0, second=0, microsecond=0))

    async def drop() -> None:
        if retention_days:
            than = now - timedelta(days=retention_days)
            for name in await engine.drop_older(connection, than=than):
                log.info("dropped %s: older than storage.retention_days = %d", name, retention_days)
            await move_edge(connection, "dropped", _midnight(than))

    async def drop_sealed() -> None:
        for name in await drop_withheld(connection, now=now, keep=held_for):
            log.info("dropped %s: withheld for privacy.held_h", name)

    async def compress() -> None:
        if engine.columnar:
            for name in await engine.compress(connection, older_than=now - COMPRESS_AFTER):
                log.info("compressed %s", name)
            await move_edge(connection, "compressed", _midnight(now - COMPRESS_AFTER))

    async with _alone(connection) as ours:
        if ours:
            await step("withheld", drop_sealed)  # a promise to people, so before all that may fail or take long
            await step("partitions", lambda: engine.ensure_schema(connection))
            await step("rollup", roll_up)  # before the drop, while the rows are there
            await step("retention", drop)
            await step("compression", compress)
    if ours and not failed:
        metrics.UPKEEP_AT.set_to_current_time()
    return failed


@asynccontextmanager
async def _alone(connection: Connection) -> AsyncIterator[bool]:
    """Whether no other worker is at it; if so, statements may take their time, but never wait long for a lock."""
    async with alone(connection, Lock.UPKEEP) as ours:
        if not ours:
            yield False
            return
        try:
            await connection.execute("SET statement_timeout = 0")
            await connection.execute("SET lock_timeout = '3s'")
            yield True
        finally:
            if not connection.closed:
                await connection.execute("RESET statement_timeout")
                await connection.execute("RESET lock_timeout")


def _midnight(time: datetime) -> datetime:
    return time.replace(hour=0, minute=0, second=0, microsecond=0)


def _words(error: Exception) -> str:
    return " ".join(str(error).split())
