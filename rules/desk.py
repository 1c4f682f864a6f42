"""What both lanes of the worker share: the database, the clock, the dated world, and carrying out what rules say."""

import logging
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from time import monotonic

from ingest.database import Connection, Pool, transaction
from rules.core.alerts import Intent, Raise
from rules.leadership import check_fence
from rules.options import Options, utc_now
from rules.store.alerts import apply_intent, raised_before
from rules.store.world import Snapshot, snapshot

_LOOK_S = 1.0  # a busy second looks for changes of the world once, not at every duty

log = logging.getLogger(__name__)


class Desk:
    """Where the rules' work is done.

    Args:
        pool: an open pool.
        options: times and sizes.
        clock: what time it is, aware UTC.
        fence: the fencing number under which everything is written; None for a worker that is alone by construction.
    """

    def __init__(
        self, pool: Pool, *, options: Options, clock: Callable[[], datetime] = utc_now, fence: int | None = None
    ) -> None:
        self._pool = pool
        self._snapshot: Snapshot | None = None
        self._looked_at = 0.0
        self.options = options
        self.clock = clock
        self.fence = fence

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """A transaction in which this worker may write.

        Raises:
            LeadershipLost: it may not any more.
            DatabaseUnavailable: the database does not answer.
        """
        async with transaction(self._pool) as connection:
            await check_fence(connection, self.fence)
            yield connection

    async def world(self, connection: Connection, *, at_most_old_s: float = _LOOK_S) -> Snapshot:
        """The dated world and settings, as they were so many seconds ago at the most."""
        if self._snapshot is None or monotonic() - self._looked_at > at_most_old_s:
            looked_at = monotonic()
            self._snapshot = await snapshot(connection, zone=self.options.zone, known=self._snapshot)
            self._looked_at = looked_at
        return self._snapshot

    async def carry_out(self, connection: Connection, intents: Iterable[Intent], *, keep_open: timedelta | None) -> int:
        """Do to the alerts what rules say.

        Returns:
            How many alerts changed; whoever listens is told when there are any.
        """
        changed = 0
        for intent in await _worth_trying(connection, list(intents)):
            alert = await apply_intent(
                connection, intent, at=self.clock(), keep_open=keep_open, voice=self.options.voice
            )
            changed += alert is not None
        if changed:
            await connection.execute("NOTIFY gengfu_changes")
            await connection.execute("NOTIFY gengfu_outbox")
        return changed


async def _worth_trying(connection: Connection, intents: list[Intent]) -> list[Intent]:
    """Those that can change something: nothing is cleared that was never raised, and most duties are done in time."""
    quiet = [it.fingerprint for it in intents if not isinstance(it, Raise)]
    if not quiet:
        return intents
    known = await raised_before(connection, quiet) | {it.fingerprint for it in intents if isinstance(it, Raise)}
    return [it for it in intents if it.fingerprint in known]
