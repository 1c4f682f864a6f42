"""One connection to the database that belongs to one lane: opened anew when it breaks, never shared, never waiting for ever.

A pool would do the same with more parts, and stays behind after a long outage: it hands out connections that it opened
to a server that is gone.
"""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from types import TracebackType
from typing import Any, Self

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from ingest.database import Connection, Pool
from ingest.writer import prepare

ATTEMPT_S = 9.0  # from the first to the last byte of one transaction; the server's own limits end before that
STATEMENT_S = 8.0
LOCK_S = 5.0


class Line:
    """Opens a connection as its pool would, for one user only."""

    def __init__(self, pool: Pool, *, name: str) -> None:
        """Nothing is opened yet.

        Args:
            pool: whose address and options are taken.
            name: shown in pg_stat_activity.
        """
        self._pool = pool
        self._name = name
        self._connection: Connection | None = None
        self.opened = 0

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.drop()

    async def connection(self) -> Connection:
        """The connection, opened and prepared if it is not there.

        Raises:
            psycopg.Error: the database is not to be reached.
        """
        if self._connection is None or self._connection.closed:
            await self.drop()
            connection: Connection = await psycopg.AsyncConnection.connect(
                **{**self._pool.kwargs, **_options(str(self._pool.conninfo), self._name)}
            )
            try:
                with time_limit(connection, ATTEMPT_S):
                    await prepare(connection)
            except BaseException:
                await connection.close()
                raise
            self._connection = connection
            self.opened += 1
        return self._connection

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """A transaction that ends, one way or the other, within ATTEMPT_S."""
        connection = await self.connection()
        with time_limit(connection, ATTEMPT_S):
            async with connection.transaction():
                yield connection

    async def drop(self) -> None:
        """Close what is open; the next user gets a new one."""
        if self._connection is not None:
            await self._connection.close()
            self._connection = None


def _options(conninfo: str, name: str) -> dict[str, Any]:
    options: dict[str, Any] = {
        "conninfo": conninfo,
        "application_name": f"gengfu {name}",
        "options": f"-c timezone=UTC -c statement_timeout={int(STATEMENT_S * 1000)} -c lock_timeout={int(LOCK_S * 1000)}",
        "tcp_user_timeout": int(ATTEMPT_S * 1000),
    }
    if "," in str(conninfo_to_dict(conninfo).get("host") or ""):
        # Of several servers only one takes writes, and after a failover it is another one.
        options["conninfo"] = make_conninfo(conninfo, target_session_attrs="read-write")
    return options


@contextmanager
def time_limit(connection: Connection, seconds: float) -> Iterator[None]:
    """Cut the connection when the block takes longer.

    A server that is stopped but not gone answers neither a statement nor its cancelling, and the kernel on its side goes
    on confirming what it receives; only closing the socket ends the wait.
    """
    limit = asyncio.get_running_loop().call_later(seconds, _cut, connection)
    try:
        yield
    finally:
        limit.cancel()


def _cut(connection: Connection) -> None:
    if not connection.closed:
        with socket.fromfd(connection.pgconn.socket, socket.AF_INET, socket.SOCK_STREAM) as end:
            end.shutdown(socket.SHUT_RDWR)
