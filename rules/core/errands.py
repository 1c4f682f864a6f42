"""When somebody said that he takes an incident, and until when that explains where he is."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Protocol

from rules.core.tours import ERRAND_LASTS, ERRAND_RETURN

_TAKES = ("accepted", "en_route", "arrived")
_ENDS = ("done", "refused")


class Said(Protocol):
    """A reading that is no position."""

    @property
    def type(self) -> str:
        """Its type."""

    @property
    def time(self) -> datetime:
        """When it was made."""

    @property
    def body(self) -> Mapping[str, Any]:
        """All else that it says."""


class Answering:
    """Follows the answers of one device to dispatches."""

    def __init__(self) -> None:
        self._until: datetime | None = None

    def reading(self, it: Said) -> None:
        """Take its next reading, in order of time."""
        if it.type != "task":
            return
        state = it.body.get("state")
        if state in _TAKES:
            self._until = it.time + ERRAND_LASTS
        elif state in _ENDS and self._until is not None:
            self._until = min(self._until, it.time + ERRAND_RETURN)

    def at(self, moment: datetime) -> bool:
        """Whether it was answering then."""
        return self._until is not None and moment <= self._until
