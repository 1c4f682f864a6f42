"""The territory as dated values: grids, their ground, who answers for them, and what their grades ask for."""

from dataclasses import dataclass

from rules.core.dated import Dated


@dataclass(frozen=True, kw_only=True)
class Grid(Dated):
    """A piece of territory."""

    name: str
    level: int
    parent: str | None
    grade: int | None
    hierarchy: str = "patrol"


@dataclass(frozen=True, kw_only=True)
class GridPost(Dated):
    """A post that answers for a grid; `code` is the grid's, `slot` is A, or B for when A is away."""

    slot: str
    post: str


@dataclass(frozen=True, kw_only=True)
class GradePolicy(Dated):
    """What a grade asks for at least on each shift; `code` is the grade as text, severity None is the rule's own."""

    rounds: int
    staff: int
    severity: str | None = None


@dataclass(frozen=True, kw_only=True)
class Shape(Dated):
    """The ground of a grid, as the text of a GeoJSON geometry; it is parsed only where it is asked for."""

    geometry: str
