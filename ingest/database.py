"""Connections to PostgreSQL: one pool per role, checked before use, with errors in words."""

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import psycopg
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from ingest.errors import DatabaseUnavailable

Connection = psycopg.AsyncConnection[DictRow]
Pool = AsyncConnectionPool[Connection]

WAIT = 10.0  # seconds to wait for a free connection; longer than any healthy statement of ours
_PASSWORD = re.compile(r"(://[^:/@]*:)[^@]*(@)")


def masked(conninfo: str) -> str:
    """The connection string without its password, fit for a log or an error."""
    return _PASSWORD.sub(r"\1***\2", conninfo)


def make_pool(
    conninfo: str,
    *,
    name: str,
    size: int = 4,
    statement_timeout_s: float = 30.0,
    configure: Callable[[Connection], Awaitable[None]] | None = None,
) -> Pool:
    """A closed pool; open it with `async with`.

    Args:
        conninfo: a PostgreSQL URL or key=value string.
        name: shown in pg_stat_activity as `gengfu <name>`.
        size: connections at the most.
        statement_timeout_s: the server ends a statement that runs longer.
        configure: done once to each new connection.
    """
    return AsyncConnectionPool(
        conninfo,
        connection_class=psycopg.AsyncConnection[DictRow],
        kwargs={
            "row_factory": dict_row,
            "autocommit": True,  # transactions are opened by name, never by accident
            "application_name": f"gengfu {name}",
            "connect_timeout": 5,
            "options": f"-c timezone=UTC -c statement_timeout={int(statement_timeout_s * 1000)}",
            "keepalives_idle": 10,
            "keepalives_interval": 5,
            "keepalives_count": 3,
            "tcp_user_timeout": 20_000,
        },
        min_size=1,
        max_size=size,
        timeout=WAIT,
        check=AsyncConnectionPool.check_connection,
        configure=configure,
        reconnect_timeout=0,  # an outage is retried by whoever needs a connection, for ever, not given up by the pool
        open=False,
        name=name,
    )


@asynccontextmanager
async def transaction(pool: Pool) -> AsyncIterator[Connection]:
    """One connection in one transaction: committed at the end, rolled back on an error.

    Raises:
        DatabaseUnavailable: no connection could be had, or it broke on the way.
    """
    try:
        async with pool.connection() as connection, connection.transaction():
            yield connection
    except PoolTimeout as error:
        raise DatabaseUnavailable(
            f"no connection to the database within {WAIT:g} s; see that PostgreSQL runs and is not out of connections"
        ) from error
    except (psycopg.OperationalError, psycopg.InterfaceError) as error:
        raise DatabaseUnavailable(f"the database broke off: {' '.join(str(error).split())}") from error


async def connect(conninfo: str, *, name: str, autocommit: bool = True) -> Connection:
    """One connection outside any pool, for LISTEN, migrations and commands.

    Raises:
        DatabaseUnavailable: with the server's own words and the address that was tried.
    """
    try:
        return await psycopg.AsyncConnection.connect(
            conninfo,
            autocommit=autocommit,
            row_factory=dict_row,
            application_name=f"gengfu {name}",
            connect_timeout=5,
            options="-c timezone=UTC",
        )
    except psycopg.OperationalError as error:
        raise DatabaseUnavailable(
            f"cannot reach the database at {masked(conninfo)}: {' '.join(str(error).split())}; "
            "start PostgreSQL, or set GENGFU_DATABASE_URL to where it is"
        ) from error
