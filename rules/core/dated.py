"""What holds from a day on: one version of a thing, and the book of all versions of all things of a kind."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Generic, TypeVar

from rules.core.fixes import Span

END_OF_TIME = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Dated:
    """Something that holds from `valid_from` (included) to `valid_to` (excluded, None is still in force)."""

    code: str
    valid_from: datetime
    valid_to: datetime | None = None

    def holds(self, at: datetime) -> bool:
        """Whether it was in force then."""
        return self.valid_from <= at and (self.valid_to is None or at < self.valid_to)

    @property
    def span(self) -> Span:
        """All the time it holds."""
        return Span(self.valid_from, self.valid_to or END_OF_TIME)


D = TypeVar("D", bound=Dated)


class Book(Generic[D]):
    """All versions of all things of one kind."""

    def __init__(self, versions: Iterable[D] = ()) -> None:
        self._versions: dict[str, list[D]] = {}
        for version in sorted(versions, key=lambda it: (it.code, it.valid_from)):
            self._versions.setdefault(version.code, []).append(version)

    def at(self, code: str | None, moment: datetime) -> D | None:
        """The version of a thing that held then, or None."""
        return next((it for it in self._versions.get(code or "", ()) if it.holds(moment)), None)

    def of(self, code: str) -> tuple[D, ...]:
        """Every version of one thing, the oldest first."""
        return tuple(self._versions.get(code, ()))

    def all_at(self, moment: datetime) -> Iterator[D]:
        """Everything that held then, by code."""
        return (it for it in self if it.holds(moment))

    def __iter__(self) -> Iterator[D]:
        for versions in self._versions.values():
            yield from versions
