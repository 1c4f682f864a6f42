"""The pool of the people's side: few connections, a short wait, and an outage as an answer rather than an end."""

import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from http import HTTPStatus

import psycopg
from psycopg.rows import DictRow
from psycopg_pool import PoolTimeout

from ingest.database import Connection, Pool, make_pool
from ops.http.errors import Problem
from ops.settings import Settings

WAIT_S = 0.7  # for a free connection: a person is told within a second that the database is away
STATEMENT_LIMIT_S = 8.0  # below the ten seconds that a request may take

log = logging.getLogger(__name__)


def people_pool(settings: Settings) -> Pool:
    """A closed pool for the HTTP side; it is never shared with ingest, whose work must not wait for people."""
    return make_pool(
        settings.database.url.get_secret_value(),
        name="ops http",
        size=settings.database.connections,
        statement_timeout_s=STATEMENT_LIMIT_S,
    )


class Database:
    """Transactions on a pool, with every outage translated into a 503 problem."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._away = False

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """One connection in one transaction: committed at the end, rolled back on an error.

        Raises:
            Problem: 503, the database is away, busy or too slow.
        """
        try:
            async with self._pool.connection(timeout=WAIT_S) as connection, connection.transaction():
                self._is_away(False)
                yield connection
        except PoolTimeout:
            self._is_away(True)
            raise unavailable() from None
        except psycopg.errors.QueryCanceled:
            raise Problem(
                HTTPStatus.SERVICE_UNAVAILABLE,
                "the question took too long to answer; ask for a shorter time or fewer rows",
                slug="too-slow",
            ) from None
        except (psycopg.OperationalError, psycopg.InterfaceError):
            self._is_away(True)
            raise unavailable() from None

    def _is_away(self, away: bool) -> None:
        if away != self._away:
            self._away = away
            log.log(
                logging.WARNING if away else logging.INFO,
                "the database does not answer the HTTP side; requests get 503" if away else "the database is back",
                extra={"event": "database_away" if away else "database_back"},
            )


def unavailable() -> Problem:
    """The database does not answer in time."""
    return Problem(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "the database does not answer; nothing was changed, try again in a moment",
        slug="database-unavailable",
        headers={"Retry-After": "2"},
    )


async def rows(connection: Connection, statement: bytes, params: Mapping[str, object]) -> list[DictRow]:
    """All rows that the statement gives."""
    return await (await connection.execute(statement, params)).fetchall()


async def row(connection: Connection, statement: bytes, params: Mapping[str, object]) -> DictRow | None:
    """The first row, or None when there is none."""
    return await (await connection.execute(statement, params)).fetchone()
