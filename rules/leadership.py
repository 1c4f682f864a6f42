"""Which worker holds the rules: one lock, one heartbeat, one fencing number.

The holder's session keeps an advisory lock and writes a heartbeat. A standby takes over when the lock is free, or when
the heartbeat stopped: then it ends the holder's sessions first. Every transaction of a holder checks its fencing
number, so that one who was only asleep writes nothing after its successor began.
"""

import asyncio
import logging
import os
import secrets
import socket

import psycopg

from ingest.database import Connection, connect
from ingest.errors import DatabaseUnavailable
from ingest.locks import Lock
from ingest.queries import load_queries
from rules.errors import LeadershipLost

_SQL = load_queries("rules.store", "leadership.sql")

log = logging.getLogger(__name__)


def new_holder() -> str:
    """A name for this worker: host, process and a random part; short enough for an application name."""
    return f"{socket.gethostname()[:24]}-{os.getpid()}-{secrets.token_hex(3)}"


async def check_fence(connection: Connection, fence: int | None) -> None:
    """Make sure that this transaction may write; None stands for a worker that is alone by construction.

    Raises:
        LeadershipLost: somebody else holds the rules now.
    """
    if fence is None:
        return
    row = await (await connection.execute(_SQL["check"], {"fence": fence})).fetchone()
    if row is None:
        raise LeadershipLost("another worker holds the rules now; nothing more is written here")


class Leadership:
    """One worker's side of the matter.

    Args:
        database_url: of the database.
        holder: this worker's name.
        beat_s: seconds between heartbeats.
        dead_after_s: a heartbeat older than this is that of a dead holder; several beats.
    """

    def __init__(self, database_url: str, *, holder: str, beat_s: float = 2.0, dead_after_s: float = 10.0) -> None:
        self._url = database_url
        self._holder = holder
        self._beat_s = beat_s
        self._dead_after_s = dead_after_s
        self._connection: Connection | None = None
        self.fence: int | None = None

    async def take(self) -> int | None:
        """Try to become the holder.

        Returns:
            The fencing number, or None while somebody else is alive and holds it.

        Raises:
            DatabaseUnavailable: the database does not answer.
        """
        try:
            if self._connection is None or self._connection.closed:
                self._connection = await connect(self._url, name=f"rules {self._holder}")
            if not await self._locked(self._connection) and not await self._unseat(self._connection):
                return None
            self.fence = await self._succeed(self._connection)
        except psycopg.Error as error:
            await self.leave()
            raise DatabaseUnavailable(f"the database broke off: {' '.join(str(error).split())}") from error
        return self.fence

    async def keep(self) -> None:
        """Beat until the leadership is lost.

        Raises:
            LeadershipLost: the session ended, or somebody else took over.
        """
        while True:
            await self._beat()
            await asyncio.sleep(self._beat_s)

    async def leave(self) -> None:
        """Give the lock back; the fencing number stays void until the next `take`."""
        self.fence = None
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()

    async def _beat(self) -> None:
        try:
            if self._connection is None:
                raise LeadershipLost("the session that held the rules is closed")
            cursor = await self._connection.execute(_SQL["beat"], {"fence": self.fence})
            row = await cursor.fetchone()
        except psycopg.Error as error:
            raise LeadershipLost(
                f"the session that held the rules broke off: {' '.join(str(error).split())}"
            ) from error
        if row is None:
            raise LeadershipLost("another worker holds the rules now")

    async def _locked(self, connection: Connection) -> bool:
        row = await (await connection.execute(_SQL["try_lock"], {"lock": Lock.LEADERSHIP.value})).fetchone()
        return bool(row and row["got"])

    async def _unseat(self, connection: Connection) -> bool:
        """End a holder that has gone quiet; whether the lock is ours then."""
        row = await (await connection.execute(_SQL["holder"])).fetchone()
        if row is None or row["silent_s"] < self._dead_after_s:
            return False
        log.warning(
            "%s holds the rules and has been quiet for %.0f s; its sessions are ended",
            row["holder"],
            row["silent_s"],
            extra={"event": "rules_takeover"},
        )
        await connection.execute(
            _SQL["end_sessions"], {"application": f"gengfu rules {row['holder']}", "pid": row["pid"]}
        )
        return await self._locked(connection)

    async def _succeed(self, connection: Connection) -> int:
        async with connection.transaction():
            await connection.execute(_SQL["wait_for_writers"])
            row = await (await connection.execute(_SQL["take"], {"holder": self._holder})).fetchone()
        assert row is not None  # noqa: S101  RETURNING gives one row
        fence: int = row["fence"]
        return fence
