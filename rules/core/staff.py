"""The establishment as dated values: units, the posts in them, and when a post is away."""

from dataclasses import dataclass

from rules.core.dated import Dated

VEHICLES = frozenset({"motorcycle", "car", "electric"})


@dataclass(frozen=True, kw_only=True)
class Unit(Dated):
    """What is sent out as one."""

    name: str
    kind: str


@dataclass(frozen=True, kw_only=True)
class Post(Dated):
    """A staff post; it may belong to a unit."""

    name: str
    unit: str | None
    grid: str | None
    deputy: str | None = None
    role: str = ""


@dataclass(frozen=True, kw_only=True)
class Leave(Dated):
    """A time in which a post does no duty; `code` is the post's, `cover` the post named to stand in for it."""

    kind: str
    cover: str | None = None
