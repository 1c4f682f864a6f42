"""Signs of life of a worker's lanes, and its goodbye: what others know of it through `ingest_progress`."""

from dataclasses import dataclass
from datetime import datetime

from ingest.database import Connection
from ingest.queries import load_queries

_SQL = load_queries("ingest", "progress.sql")


@dataclass
class Place:
    """Which worker and lane writes.

    Attributes:
        worker: its name among its kind.
        lane: `up` or `urgent`.
        up_since: since when it has heard the broker without a break; None for one that works off a list and ends,
            so that nobody waits for it.
        hears: whether its session with the broker stands.
        caught_up_to: everything that was sent before this is committed with the next batch; None while that is not
            known.
    """

    worker: str
    lane: str
    up_since: datetime | None
    hears: bool = True
    caught_up_to: datetime | None = None


async def committed(connection: Connection, place: Place) -> None:
    """Note in the transaction of a batch how far the lane has come with it."""
    if place.up_since is not None:
        await connection.execute(_SQL["progress"], vars(place))


async def beat(connection: Connection, place: Place) -> datetime | None:
    """Say that the lane is alive.

    Returns:
        What time it is by the database; None for a worker that gives no signs of life.
    """
    row = await (await connection.execute(_SQL["beat"], vars(place))).fetchone()
    said: datetime | None = row["beat_at"] if row else None
    return said


async def goodbye(connection: Connection, worker: str) -> bool:
    """Note that a worker has stopped on purpose with nothing left in its queues, so that nobody waits for it.

    A worker of this name that starts again is known again.

    Returns:
        Whether there is such a worker.
    """
    return (await connection.execute(_SQL["goodbye"], {"worker": worker})).rowcount > 0


async def silent_for(connection: Connection, worker: str) -> float | None:
    """Seconds since a worker gave a sign of life; None when there is none of this name, or it has said goodbye."""
    row = await (await connection.execute(_SQL["silent_for"], {"worker": worker})).fetchone()
    seconds: float | None = row["silent_s"] if row else None
    return seconds
