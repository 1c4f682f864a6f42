"""Durations as people write them, and times as the wire has them."""

import re
from datetime import UTC, datetime
from typing import Annotated

from pydantic import BeforeValidator

_PARTS = re.compile(r"(?:(\d+)h)?\s*(?:(\d+)m)?\s*(?:(\d+)s)?")


def seconds(text: object) -> float:
    """Read a duration such as `1h20m`, `40m` or `90s`.

    Raises:
        ValueError: it is something else.
    """
    match = _PARTS.fullmatch(text.strip()) if isinstance(text, str) else None
    if match is None or not any(match.groups()):
        raise ValueError("must be a duration such as 1h20m, 40m or 90s")
    hours, minutes, rest = (int(part or 0) for part in match.groups())
    return float(hours * 3600 + minutes * 60 + rest)


Duration = Annotated[float, BeforeValidator(seconds)]
"""In a scenario file a text such as `1h20m`; in the program seconds."""


def wire_time(moment_s: float) -> str:
    """RFC 3339 in UTC, to the second."""
    return datetime.fromtimestamp(round(moment_s), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
