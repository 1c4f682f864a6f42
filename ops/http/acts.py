"""What the rules refuse when a person acts, in HTTP's words; and the record of who did what."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus

from psycopg.types.json import Jsonb

from ingest.database import Connection
from ingest.queries import load_queries
from ops.http.errors import Problem, invalid
from rules.errors import NotNow, NotThere

_SQL = load_queries("ops.http", "acts.sql")


@contextmanager
def acting() -> Iterator[None]:
    """Around a call of `rules.actions`; the thing acted on was found before, within the territory.

    Raises:
        Problem: 409 when its state does not allow it, 422 when something else that was named is not there.
    """
    try:
        yield
    except NotNow as error:
        raise Problem(HTTPStatus.CONFLICT, str(error)) from None
    except NotThere as error:
        raise invalid(str(error)) from None


async def record(
    connection: Connection, *, actor: str, action: str, subject: str, detail: Mapping[str, object]
) -> None:
    """Write to the audit table, in the transaction of what is recorded."""
    await connection.execute(
        _SQL["record"], {"actor": actor, "action": action, "subject": subject, "detail": Jsonb(dict(detail))}
    )
