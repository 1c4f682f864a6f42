"""What a measurement of the rules gives."""

from dataclasses import dataclass, field
from typing import Any, Literal

CaseName = Literal["towns", "minute", "second", "ordinary", "month"]


@dataclass(kw_only=True)
class Spent:
    """What something took: seconds on the wall, and CPU seconds of the rules and of PostgreSQL."""

    wall_s: float = 0.0
    rules_s: float = 0.0
    postgres_s: float = 0.0

    def each(self, count: int, *, per: int = 1000) -> float | None:
        """CPU seconds of both for so many."""
        return (self.rules_s + self.postgres_s) / count * per if count else None


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One line of a case: what was measured, its unit, and the goal when there is one."""

    name: str
    value: float | None
    unit: str
    goal: float | None = None

    @property
    def reached(self) -> bool | None:
        """Whether it is within the goal; None without one."""
        return None if self.goal is None or self.value is None else self.value <= self.goal


@dataclass
class RulesFigures:
    """What a case gave."""

    case: CaseName
    figures: list[Figure] = field(default_factory=list)
    verdicts: dict[str, int] = field(default_factory=dict)

    def add(self, name: str, value: float | None, unit: str, *, goal: float | None = None) -> None:
        """One more line."""
        self.figures.append(Figure(name=name, value=value, unit=unit, goal=goal))

    def line(self) -> dict[str, Any]:
        """For programs."""
        values = {one.name.replace(" ", "_"): one.value for one in self.figures}
        return {"case": self.case, **values, "verdicts": self.verdicts}
