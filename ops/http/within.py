"""What the body of a request names must be there, and have to do with the viewer's territory."""

from collections.abc import Mapping
from typing import Literal

from ingest.database import Connection
from ingest.queries import load_queries
from ops.http.database import row
from ops.http.errors import Finding, invalid

Named = Literal["unit", "post", "grid", "device", "holder"]

_SQL = load_queries("ops.http", "within.sql")
_LISTS: dict[Named, str] = {
    "unit": "GET /api/units lists yours",
    "post": "GET /api/posts lists yours",
    "grid": "GET /api/grids lists yours",
    "device": "GET /api/devices lists yours",
    "holder": "GET /api/posts and GET /api/units list yours",
}


async def check_within(
    connection: Connection, what: Named, code: str | None, bounds: Mapping[str, object], *, field: str | None = None
) -> None:
    """Let through what is within the bounds, and None; `field` of the body named it, without it the one called `what`.

    Raises:
        Problem: 422, it is not there, or outside: the answer does not tell which.
    """
    if code is not None and await row(connection, _SQL[what], {**bounds, "code": code}) is None:
        raise invalid(
            f"there is no {what} {code}, or it has nothing to do with your territory; {_LISTS[what]}",
            Finding(f"body.{field or what}", f"no such {what}"),
        )
