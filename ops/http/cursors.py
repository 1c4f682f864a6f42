"""Pages of a list, by opaque cursors: where the last page ended, so that rows added meanwhile shift nothing."""

import base64
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol, TypeVar

from psycopg.rows import DictRow
from pydantic import TypeAdapter, ValidationError

from ingest.database import Connection
from ops.http.database import rows
from ops.http.errors import Finding, invalid

Key = TypeVar("Key")


def encode_cursor(key: Sequence[Any]) -> str:
    """The cursor after the row that has this key (numbers and texts)."""
    return base64.urlsafe_b64encode(json.dumps(list(key), separators=(",", ":")).encode()).decode().rstrip("=")


def decode_cursor(cursor: str, shape: TypeAdapter[Key]) -> Key:
    """The key within a cursor.

    Raises:
        Problem: the cursor was not made by this route.
    """
    try:
        # urlsafe_b64decode passes over what is no base64; a cursor that was tampered with then fails the shape
        return shape.validate_json(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, ValidationError):
        raise invalid(
            "after is not a cursor of this list; pass `next` of the page before, or leave it out",
            Finding("query.after", "not a cursor of this list"),
        ) from None


class Paged(Protocol):
    """The part of a query that says which page is wanted."""

    @property
    def limit(self) -> int:
        """Rows that the page holds at most."""
        ...

    @property
    def after(self) -> str | None:
        """Where the page before ended, None on the first page."""
        ...


class Paging:
    """How one list is paged: a cursor holds columns of a page's last row, and the statement goes on behind that row.

    Args:
        shape: the types of those columns.
        columns: the column behind each parameter of the statement, in the shape's order.
    """

    def __init__(self, shape: type[tuple[Any, ...]], **columns: str) -> None:
        self._shape = TypeAdapter(shape)
        self._columns = columns

    def params(self, query: Paged) -> dict[str, Any]:
        """Where the page begins, None on the first one, and as `limit` a row more than it holds.

        Raises:
            Problem: the cursor was not made by this list.
        """
        key = decode_cursor(query.after, self._shape) if query.after else (None,) * len(self._columns)
        return {**dict(zip(self._columns, key, strict=True)), "limit": query.limit + 1}

    def cut(self, found: list[DictRow], query: Paged) -> tuple[list[DictRow], str | None]:
        """The page out of what the statement gave, and the cursor of the next page when there is one."""
        page = found[: query.limit]
        if len(found) <= query.limit:
            return page, None
        return page, encode_cursor([_plain(page[-1][column]) for column in self._columns.values()])

    async def read(
        self, connection: Connection, statement: bytes, params: Mapping[str, object], query: Paged
    ) -> tuple[list[DictRow], str | None]:
        """The page that the statement gives with these parameters and the page's own, and the cursor of the next."""
        return self.cut(await rows(connection, statement, {**params, **self.params(query)}), query)


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value
