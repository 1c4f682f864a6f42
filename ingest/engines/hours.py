"""The hours whose rollup is stale: claimed before they are computed, done after."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from ingest.database import Connection
from ingest.queries import load_queries

_SQL = load_queries("ingest.engines", "hours.sql")
HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class Stale:
    """An hour to compute anew.

    Attributes:
        hour: its beginning, aware UTC.
        marks: the marks that were there before it is computed.
    """

    hour: datetime
    marks: list[int]


async def claim(connection: Connection, *, before: datetime, limit: int) -> list[Stale]:
    """The oldest stale hours that begin before a time, `limit` at the most."""
    rows = await (await connection.execute(_SQL["claim"], {"before": before, "limit": limit})).fetchall()
    return [Stale(row["hour"], row["marks"]) for row in rows]


async def done(connection: Connection, hours: Sequence[Stale]) -> None:
    """Delete the marks that were claimed."""
    await connection.execute(_SQL["done"], {"marks": [mark for hour in hours for mark in hour.marks]})


def ranges(hours: Sequence[datetime], *, longest: timedelta) -> list[tuple[datetime, datetime]]:
    """Rising hours as ranges without holes, none longer than `longest`; each from inclusive to exclusive."""
    found: list[tuple[datetime, datetime]] = []
    for hour in hours:
        if found and found[-1][1] == hour and hour - found[-1][0] < longest:
            found[-1] = (found[-1][0], hour + HOUR)
        else:
            found.append((hour, hour + HOUR))
    return found
