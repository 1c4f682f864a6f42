"""One connection to the database that belongs to one lane: opened anew when it breaks, never shared.

A pool would do the same with more parts, and stays behind after a long outage: it goes on handing out what it opened
to a server that is gone.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Self

import psycopg

from ingest.database import Connection, options_of, time_limit
from ingest.errors import DatabaseUnavailable, TookTooLong
from ingest.writer import prepare

ATTEMPT_S = 9.0  # for one transaction from begin to end, whatever the server does; its own limits end before that
STATEMENT_S = 8.0
LOCK_S = 5.0


class Line:
    """The connection of one lane."""

    def __init__(self, conninfo: str, *, name: str) -> None:
        """Nothing is opened yet.

        Args:
            conninfo: a PostgreSQL URL or key=value string.
            name: shown in pg_stat_activity as `gengfu <name>`.
        """
        self._conninfo = conninfo
        self._name = name
        self._connection: Connection | None = None
        self.opened = 0  # how many times, to tell one connection from the next

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
            DatabaseUnavailable: it lets us in and answers nothing.
        """
        if self._connection is None or self._connection.closed:
            await self.drop()
            options = options_of(
                self._conninfo, name=self._name, statement_timeout_s=STATEMENT_S, lock_timeout_s=LOCK_S
            )
            connection: Connection = await psycopg.AsyncConnection.connect(self._conninfo, **options)
            try:
                with time_limit(connection, ATTEMPT_S):
                    await prepare(connection)
            except TookTooLong as error:  # whatever is asked of it, so less would not help
                await connection.close()
                raise DatabaseUnavailable(f"the database lets us in and does not answer: {error}") from error
            except BaseException:
                await connection.close()
                raise
            self._connection = connection
            self.opened += 1
        return self._connection

    @asynccontextmanager
    async def limited(self) -> AsyncIterator[Connection]:
        """The connection in no transaction, cut off after ATTEMPT_S."""
        connection = await self.connection()
        with time_limit(connection, ATTEMPT_S):
            yield connection

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """The connection in a transaction that ends, one way or the other, within ATTEMPT_S."""
        async with self.limited() as connection, connection.transaction():
            yield connection

    async def drop(self) -> None:
        """Close what is open; the next user gets a new one."""
        if self._connection is not None:
            await self._connection.close()
            self._connection = None
