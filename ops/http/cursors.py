"""Opaque cursors: where the last page ended, so that rows added meanwhile shift nothing."""

import base64
import json
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from psycopg.rows import DictRow
from pydantic import TypeAdapter, ValidationError

from ops.http.errors import Finding, invalid

Key = TypeVar("Key")


def encode_cursor(key: Sequence[Any]) -> str:
    """The cursor after the row that has this key (numbers and texts)."""
    return base64.urlsafe_b64encode(json.dumps(list(key), separators=(",", ":")).encode()).decode().rstrip("=")


def cut(
    found: list[DictRow], *, limit: int, key: Callable[[DictRow], Sequence[Any]]
) -> tuple[list[DictRow], str | None]:
    """The page of `limit` rows out of one row more, and the cursor of the next page when there is one."""
    page = found[:limit]
    return page, encode_cursor(key(page[-1])) if len(found) > limit else None


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
