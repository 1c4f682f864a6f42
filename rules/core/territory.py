"""Who answers for each base grid, what its grade asks for, and where either is wanting. Values in, values out."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from rules.core.grids import GradePolicy, Grid
from rules.core.plans import Shift
from rules.core.world import World

SLOTS = ("A", "B")


@dataclass(frozen=True, kw_only=True)
class Staffing:
    """The posts that walk through a grid on one shift, and its rounds there."""

    shift: str
    posts: tuple[str, ...]
    rounds: int


@dataclass(frozen=True, kw_only=True)
class GridStand:
    """A base grid as it stands at a moment.

    Attributes:
        posts: by slot; a vacant slot is not in it.
        vacant: slots that nobody has, or whose post is not in force.
        policy: what its grade asks for; None when it asks for nothing.
        staffing: of each shift that walks through it.
        short: shifts on which fewer posts walk than the grade asks for.
    """

    grid: Grid
    grade: int | None
    posts: dict[str, str]
    vacant: tuple[str, ...]
    policy: GradePolicy | None
    staffing: tuple[Staffing, ...]
    short: tuple[str, ...]


def base_grids(world: World, at: datetime, *, hierarchy: str = "patrol") -> list[Grid]:
    """The grids of a hierarchy that no other lay below then."""
    grids = [it for it in world.grids.all_at(at) if it.hierarchy == hierarchy]
    parents = {it.parent for it in grids}
    return [it for it in grids if it.code not in parents]


def stands(world: World, at: datetime) -> list[GridStand]:
    """Every patrol base grid as it stood at a moment, by code."""
    staffing = _staffing(world, at)
    found = []
    for grid in sorted(base_grids(world, at), key=lambda it: it.code):
        posts = world.responsible(grid.code, at)
        grade = world.grade(grid.code, at)
        policy = world.policy(grade, at)
        here = staffing.get(grid.code, ())
        short = tuple(it.shift for it in here if policy and len(it.posts) < policy.staff)
        vacant = tuple(slot for slot in SLOTS if world.posts.at(posts.get(slot), at) is None)
        found.append(
            GridStand(
                grid=grid, grade=grade, posts=posts, vacant=vacant, policy=policy, staffing=tuple(here), short=short
            )
        )
    return found


def _staffing(world: World, at: datetime) -> dict[str, list[Staffing]]:
    """By grid, a line for each shift that has a route through it."""
    crews: dict[str, list[str]] = {}
    for post in world.posts.all_at(at):
        if post.unit:
            crews.setdefault(post.unit, []).append(post.code)
    walks: dict[tuple[str, str], list[Shift]] = {}
    for shift in world.shifts:
        if shift.holds(at):
            for grid in _grids_of(world, shift, at):
                walks.setdefault((grid, shift.code), []).append(shift)
    found: dict[str, list[Staffing]] = {}
    for (grid, code), shifts in sorted(walks.items()):
        posts = sorted({post for it in shifts for post in crews.get(it.unit, ())})
        rounds = sum(it.rounds for it in shifts)
        found.setdefault(grid, []).append(Staffing(shift=code, posts=tuple(posts), rounds=rounds))
    return found


def _grids_of(world: World, shift: Shift, at: datetime) -> Iterable[str]:
    route = world.routes.at(shift.route, at)
    points = [world.checkpoints.at(code, at) for code in route.checkpoints] if route else []
    return sorted({point.grid for point in points if point and point.grid})
