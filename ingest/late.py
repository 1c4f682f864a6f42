"""Readings for hours that were already done with: counted, and the edges of what is done."""

from datetime import UTC, datetime, timedelta
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from devices.times import EPOCH
from ingest.database import Connection
from ingest.queries import load_queries

_SQL = load_queries("ingest", "late.sql")
_HOUR_US = 3_600_000_000

Kind = Literal["dropped", "compressed", "rolled_up"]
KINDS: tuple[Kind, ...] = ("dropped", "compressed", "rolled_up")


async def count_late(connection: Connection, times_us: NDArray[np.int64], *, worker: str, lane: str) -> None:
    """Count the late ones among the readings of a batch, in the transaction that takes them in.

    Args:
        connection: in that transaction.
        times_us: of all readings, microseconds since 1970 UTC.
        worker: who takes them in.
        lane: on which lane.
    """
    # Nothing of the hour that runs is done yet, so a batch without older readings costs nothing here.
    running = int(datetime.now(UTC).timestamp()) * 1_000_000 // _HOUR_US
    hours, readings = np.unique(times_us // _HOUR_US, return_counts=True)
    old = hours < running
    if old.any():
        values = {
            "worker": worker,
            "lane": lane,
            "hours": [EPOCH + timedelta(hours=hour) for hour in hours[old].tolist()],
            "readings": readings[old].tolist(),
        }
        await connection.execute(_SQL["count"], values)


async def move_edge(connection: Connection, kind: Kind, at: datetime) -> None:
    """Say that everything before a time has been dropped, compressed or rolled up."""
    await connection.execute(_SQL["move"], {"name": kind, "at": at})


async def edges(connection: Connection) -> dict[str, datetime]:
    """How far the storage is done, by kind; a kind that never happened is missing."""
    rows = await (await connection.execute(_SQL["edges"])).fetchall()
    return {row["name"]: row["at"] for row in rows}


async def counted(connection: Connection) -> dict[str, int]:
    """Late readings so far by kind, all kinds."""
    rows = await (await connection.execute(_SQL["counted"])).fetchall()
    return dict[str, int].fromkeys(KINDS, 0) | {row["kind"]: row["value"] for row in rows}
