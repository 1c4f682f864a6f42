"""What the readers of the files share: where findings go, which codes were seen where, whose clock counts."""

from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Generic, NamedTuple, TypeVar
from zoneinfo import ZoneInfo

from ops.town.findings import Findings, quote

T = TypeVar("T")


class Noted(NamedTuple, Generic[T]):
    """A record with the place that it was read from."""

    where: str
    record: T


class Origin(NamedTuple):
    """Where a code was first given."""

    file: str
    where: str


@dataclass
class Reading:
    """One run over one folder.

    `codes` keeps every code that a file gave, by kind, even of a feature or a row that is otherwise wrong: one
    wrong cell must not make orphans of all that refer to it.
    """

    folder: Path
    zone: ZoneInfo
    today: date
    findings: Findings = field(default_factory=Findings)
    codes: dict[str, dict[str, Origin]] = field(default_factory=dict)
    grids_complete: bool = True  # whether every feature of grids.geojson became a grid

    def register(self, kind: str, code: str, *, file: str, where: str) -> bool:
        """Remember a code; False, with a finding that names both places, when it was given before."""
        seen = self.codes.setdefault(kind, {})
        first = seen.setdefault(code, Origin(file, where))
        if first == (file, where):
            return True
        place = first.where if first.file == file else f"{first.file} {first.where}"
        self.findings.error(
            file,
            where,
            f"has the {kind} {quote(code)} that {place} has already",
            "give one of the two another, or take it away",
        )
        return False

    def knows(self, kind: str, code: str) -> bool:
        """Whether any file gave this code for this kind."""
        return code in self.codes.get(kind, {})

    def where(self, kind: str, code: str) -> str:
        """The place where a code was first given."""
        origin = self.codes.get(kind, {}).get(code)
        return origin.where if origin else f"{kind} {code}"
