"""Connections to PostgreSQL: one pool per role, checked before use, with errors in words."""

import asyncio
import re
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from ingest.errors import DatabaseUnavailable, TookTooLong

Connection = psycopg.AsyncConnection[DictRow]
Pool = AsyncConnectionPool[Connection]

WAIT = 10.0  # seconds to wait for a free connection; longer than any healthy statement of ours
LIMIT_S = 40.0  # a transaction that is not over by then is cut off; above the server's own limit for a statement
ANSWER_S = 5.0  # for a connection that lay idle to show that it is alive
_PASSWORD = re.compile(r"(://[^:/@]*:)[^@]*(@)")


def masked(conninfo: str) -> str:
    """The connection string without its password, fit for a log or an error."""
    return _PASSWORD.sub(r"\1***\2", conninfo)


def options_of(conninfo: str, *, name: str, statement_timeout_s: float, lock_timeout_s: float = 0) -> dict[str, Any]:
    """Keyword arguments for a connection of ours.

    Args:
        conninfo: a PostgreSQL URL or key=value string.
        name: shown in pg_stat_activity as `gengfu <name>`.
        statement_timeout_s: the server ends a statement that runs longer.
        lock_timeout_s: and one that waits longer for a lock; nought sets no limit.
    """
    options: dict[str, Any] = {
        "row_factory": dict_row,
        "autocommit": True,  # transactions are opened by name, never by accident
        "application_name": f"gengfu {name}",
        "connect_timeout": 5,
        "options": f"-c timezone=UTC -c statement_timeout={int(statement_timeout_s * 1000)}"
        f" -c lock_timeout={int(lock_timeout_s * 1000)}",
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 3,
        "tcp_user_timeout": 10_000,
    }
    try:
        hosts = str(conninfo_to_dict(conninfo).get("host") or "")
    except psycopg.ProgrammingError:
        hosts = ""  # said in words by whoever connects with it
    if "," in hosts:
        # Of several servers one takes writes, and after a failover it is another one.
        options["target_session_attrs"] = "read-write"
    return options


def make_pool(
    conninfo: str,
    *,
    name: str,
    size: int = 4,
    statement_timeout_s: float = 30.0,
) -> Pool:
    """A closed pool; open it with `async with`.

    Args:
        conninfo: a PostgreSQL URL or key=value string.
        name: shown in pg_stat_activity as `gengfu <name>`.
        size: connections at the most.
        statement_timeout_s: the server ends a statement that runs longer.
    """
    return AsyncConnectionPool(
        conninfo,
        connection_class=psycopg.AsyncConnection[DictRow],
        kwargs=options_of(conninfo, name=name, statement_timeout_s=statement_timeout_s),
        min_size=1,
        max_size=size,
        timeout=WAIT,
        check=_answers,
        reconnect_timeout=0,  # an outage is retried by whoever needs a connection, for ever, not given up by the pool
        open=False,
        name=name,
    )


async def _answers(connection: Connection) -> None:
    with time_limit(connection, ANSWER_S):
        await AsyncConnectionPool.check_connection(connection)


@contextmanager
def time_limit(connection: Connection, seconds: float) -> Iterator[None]:
    """Cut the connection when the block takes longer.

    A server that is stopped but not gone answers neither a statement nor its cancelling, and the kernel on its side
    goes on confirming what it receives; only closing the socket ends the wait.

    Raises:
        TookTooLong: it was cut, and the block did not get done.
    """
    loop = asyncio.get_running_loop()
    limit = loop.call_later(seconds, _cut, connection)
    try:
        yield
    except psycopg.Error as error:
        if loop.time() < limit.when():
            raise
        raise TookTooLong(f"it took longer than {seconds:g} s, so we cut it off; see what else it does") from error
    finally:
        limit.cancel()


def _cut(connection: Connection) -> None:
    if not connection.closed:
        with socket.fromfd(connection.fileno(), socket.AF_INET, socket.SOCK_STREAM) as end:
            end.shutdown(socket.SHUT_RDWR)


@asynccontextmanager
async def transaction(pool: Pool, *, limit_s: float = LIMIT_S) -> AsyncIterator[Connection]:
    """One connection in one transaction: committed at the end, rolled back on an error.

    Args:
        pool: where the connection comes from.
        limit_s: seconds until the connection is cut off.

    Raises:
        DatabaseUnavailable: no connection could be had, or it broke on the way.
    """
    try:
        async with pool.connection() as connection:
            with time_limit(connection, limit_s):
                async with connection.transaction():
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
