"""Taking in once more what was quarantined."""

import logging
from datetime import datetime, timedelta

from ingest.database import Pool, transaction
from ingest.decode import NO_OFFSET
from ingest.delivery import Delivery, Nobody
from ingest.errors import SealBroken
from ingest.pipeline import Pipeline
from ingest.queries import load_queries

_SQL = load_queries("ingest", "quarantine.sql")

log = logging.getLogger(__name__)


async def replay(
    pool: Pool, pipeline: Pipeline, *, ids: list[int] | None, reason: str | None, offset: timedelta | None, at: datetime
) -> tuple[int, int]:
    """Send entries through a pipeline again, each by itself.

    Args:
        pool: where the quarantine is.
        pipeline: of a prepared worker.
        ids: which entries; None for all.
        reason: only those of this reason.
        offset: added to the time of each reading; None when nothing was wrong with times.
        at: taken for the time of receipt with an offset, be it nought: whoever moves times vouches for them, and our
            own clock may have been the wrong one. Otherwise an entry keeps its own.

    Returns:
        How many are stored now, and how many stay.
    """
    async with transaction(pool) as connection:
        rows = await (await connection.execute(_SQL["waiting"], {"reason": reason, "ids": ids})).fetchall()
    stored = 0
    for row in rows:
        received_at = row["received_at"] if offset is None else at
        try:
            payload = pipeline.unsealed(row["topic"], row["payload"], nonce=row["nonce"])
            delivery = Delivery(row["topic"], payload, received_at, dup=True, settler=Nobody(), token=0)
            taken = await pipeline.accepts(delivery, offset=offset or NO_OFFSET)
        except SealBroken as error:
            log.warning("entry %d stays in quarantine: %s", row["id"], error)
            continue
        if taken:
            async with transaction(pool) as connection:
                await connection.execute(_SQL["replayed"], {"id": row["id"]})
            stored += 1
    return stored, len(rows) - stored
