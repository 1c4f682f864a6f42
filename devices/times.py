"""Times on the wire: RFC 3339 with an offset, or epoch milliseconds, both to aware UTC."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

from pydantic import BeforeValidator, Field, WithJsonSchema

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MAX_MS = 253_402_300_799_999  # 9999-12-31, the last moment a datetime can hold


def parse_time(value: object) -> datetime:
    """Read a wire time.

    Args:
        value: text such as `2026-11-21T08:00:00Z`, or a whole number of milliseconds since 1970.

    Returns:
        An aware UTC datetime, to the microsecond.

    Raises:
        ValueError: says what is missing; a time without an offset is refused, since it could be any zone's.
    """
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise ValueError("has no offset; write it like 2026-11-21T08:00:00Z")
        return value.astimezone(UTC)
    if isinstance(value, int) and not isinstance(value, bool):
        if not 0 <= value <= MAX_MS:
            raise ValueError("is not a number of milliseconds between 1970 and 9999")
        return EPOCH + timedelta(milliseconds=value)
    if isinstance(value, str) and len(value) <= 64 and "T" in value.upper():
        try:
            moment = datetime.fromisoformat(value.upper())
        except ValueError:
            raise ValueError("is not RFC 3339; write it like 2026-11-21T08:00:00Z") from None
        if moment.tzinfo is None:
            raise ValueError("has no offset; write it like 2026-11-21T08:00:00Z")
        try:
            return moment.astimezone(UTC)
        except OverflowError:
            raise ValueError("lies outside the years 1 to 9999") from None
    raise ValueError("must be RFC 3339 text with an offset, or a whole number of epoch milliseconds")


WireTime = Annotated[
    datetime,
    BeforeValidator(parse_time),
    WithJsonSchema(
        {
            "oneOf": [
                {"type": "string", "format": "date-time"},
                {"type": "integer", "description": "milliseconds since 1970-01-01T00:00:00Z"},
            ]
        }
    ),
    Field(description="RFC 3339 with offset, or epoch milliseconds"),
]
