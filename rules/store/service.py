"""gengfu's own state in the database: how ingest fares, what it holds back, its ledger, the broker's disk."""

from datetime import datetime

from ingest.database import Connection
from ingest.queries import load_queries
from rules.core.service import BrokerDisk, Excess, IngestLane, Sums

_SQL = load_queries("rules.store", "service.sql")


async def caught_up_to(connection: Connection) -> datetime | None:
    """What was sent before this is stored, whichever worker it went through; None when none ever ran."""
    row = await (await connection.execute(_SQL["caught_up_to"])).fetchone()
    return row["it"] if row else None


async def lanes(connection: Connection) -> tuple[IngestLane, ...]:
    """Every lane whose worker has not said goodbye."""
    rows = await (await connection.execute(_SQL["lanes"])).fetchall()
    return tuple(IngestLane(**row) for row in rows)


async def excesses(connection: Connection) -> tuple[Excess, ...]:
    """Devices that went beyond their allowance of late, over all workers."""
    rows = await (await connection.execute(_SQL["excesses"])).fetchall()
    return tuple(Excess(**row) for row in rows)


async def sums(connection: Connection) -> tuple[Sums, ...]:
    """The ledger of every worker's lane, all as of one moment."""
    rows = await (await connection.execute(_SQL["sums"])).fetchall()
    return tuple(Sums(**row) for row in rows)


async def broker_disk(connection: Connection) -> BrokerDisk | None:
    """How a gateway last saw the broker's disk; None when no gateway is to look."""
    row = await (await connection.execute(_SQL["broker_disk"])).fetchone()
    return BrokerDisk(**row) if row else None
