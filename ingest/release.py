"""Releasing what was withheld, after roster or custody showed that it was taken on duty: each reading once."""

import logging
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np

from ingest import metrics
from ingest.alone import alone
from ingest.columns import Positions, microseconds, moment_of
from ingest.database import Connection, Pool
from ingest.engines import Engine
from ingest.errors import SealBroken
from ingest.failpoint import reach
from ingest.locks import Lock
from ingest.marking import marks_of
from ingest.match import locate
from ingest.nearness import extremes
from ingest.others import Other
from ingest.progress import Place
from ingest.queries import load_queries
from ingest.seal import Seal
from ingest.withheld import opened
from ingest.world import World
from ingest.writer import Batch, prepare, write

LIMIT = 5000  # readings in one transaction
_SQL = load_queries("ingest", "withheld.sql")

log = logging.getLogger(__name__)


async def release(pool: Pool, engine: Engine, *, seal: Seal, world: World, place: Place) -> int:
    """Store all sealed readings that spans written since the last release cover; what judges them is woken.

    Killed at any point it has moved each reading either wholly or not at all, and goes on where it was.

    Args:
        pool: of the database.
        engine: of its storage.
        seal: of the site.
        world: to find grids and what to wake.
        place: for the counters; gives no sign of life.

    Returns:
        How many were moved.
    """
    moved = 0
    async with pool.connection() as connection, alone(connection, Lock.RELEASE) as ours:
        row = await (await connection.execute(_SQL["newest_span"])).fetchone() if ours else None
        if not row or not row["newest"] or row["newest"] <= row["released_up_to"]:
            return 0
        span = {"after": row["released_up_to"], "up_to": row["newest"]}
        await prepare(connection)
        while days := await (await connection.execute(_SQL["freed_days"], span)).fetchall():
            await engine.ensure_partitions(connection, [day["day"] for day in days])
            moved += await _some(connection, span, seal=seal, world=world, place=place)
        await connection.execute(_SQL["released"], span)
    if moved:
        metrics.RELEASED.inc(moved)
        log.info("released %d withheld readings: they were taken on duty", moved, extra={"event": "released"})
    return moved


async def _some(connection: Connection, span: dict[str, int], *, seal: Seal, world: World, place: Place) -> int:
    async with connection.transaction():
        rows = await (await connection.execute(_SQL["freed"], {**span, "limit": LIMIT})).fetchall()
        positions, others = _opened(seal, [tuple(row.values()) for row in rows])
        positions.grid = locate(world, positions.lat, positions.lon, positions.time_us)
        positions = positions.ordered()
        batch = Batch(
            positions=positions,
            fresh=positions.without_twins(),
            others=others,
            received=0,
            marks=marks_of(world, positions, others, stored_at=datetime.now(UTC)),
            released=True,
        )
        await write(connection, batch, place, mode="staging")
        await connection.execute(_SQL["corrects"], _spans(positions, others))
        reach("before_release")
    reach("after_release")
    return batch.readings


def _spans(positions: Positions, others: Sequence[Other]) -> dict[str, list[Any]]:
    """Each device with the first and the last moment of which something was released."""
    device = np.concatenate((positions.device, np.array([one.device for one in others], np.int64)))
    time_us = np.concatenate((positions.time_us, np.array([microseconds(one.time) for one in others], np.int64)))
    numbers, first, last = extremes(device, time_us)
    return {
        "devices": numbers.tolist(),
        "froms": [moment_of(it) for it in first.tolist()],
        "tos": [moment_of(it) for it in last.tolist()],
    }


def _opened(seal: Seal, rows: list[tuple[Any, ...]]) -> tuple[Positions, list[Other]]:
    """All that can be opened; what cannot was sealed with another secret, and nobody will ever read it."""
    try:
        return opened(seal, rows)
    except SealBroken:
        whole = [row for row in rows if _opens(seal, row)]
    log.error(
        "%d sealed readings could not be opened and are gone; broker.secret has changed since they were sealed",
        len(rows) - len(whole),
        extra={"event": "seal_broken"},
    )
    return opened(seal, whole)


def _opens(seal: Seal, row: tuple[Any, ...]) -> bool:
    try:
        opened(seal, [row])
    except SealBroken:
        return False
    return True
