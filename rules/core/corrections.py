"""What a change of the plans touches: whose duties, of which rules, from when to when."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from rules.core.world import World

_JUDGED = frozenset(
    {
        "checkpoint",
        "custody",
        "grid_post",
        "leave",
        "line",
        "post",
        "route",
        "rule_setting",
        "static_post",
        "unit",
        "visit_plan",
    }
)


@dataclass(frozen=True)
class Change:
    """One row of `plan_change`: a row of the table `kind` holds otherwise from `since` to `until` (None: for good)."""

    id: int
    kind: str
    subject: str
    since: datetime
    until: datetime | None


@dataclass(frozen=True, kw_only=True)
class Extent:
    """What a change touches; None means everything of its sort.

    Attributes:
        rules: whose duties.
        units: who must do them.
        subjects: what they are about.
        judged: whether it can change what is found about duties that stay, not only which duties there are.
    """

    since: datetime
    until: datetime | None
    rules: frozenset[str] | None = None
    units: frozenset[str] | None = None
    subjects: frozenset[str] | None = None
    judged: bool = False


def extent_of(change: Change, world: World) -> Extent:
    """What a change touches, as narrowly as can be told from the world as it is now."""
    kind, subject = change.kind, change.subject
    return Extent(
        since=change.since,
        until=change.until,
        rules=frozenset({subject}) if kind == "rule_setting" else None,
        units=_units(kind, subject, world),
        subjects=frozenset({subject}) if kind == "checkpoint" else None,
        judged=kind in _JUDGED,
    )


def together(extents: Iterable[Extent]) -> frozenset[str] | None:
    """The units of all of them; None when one of them is about every unit."""
    found: set[str] = set()
    for extent in extents:
        if extent.units is None:
            return None
        found |= extent.units
    return frozenset(found)


def _units(kind: str, subject: str, world: World) -> frozenset[str] | None:
    match kind:
        case "shift" | "unit" | "line_plan" | "static_post":
            return frozenset({subject})
        case "route":
            return _walking(world, {subject})
        case "checkpoint":
            return _walking(world, {it.code for it in world.routes if subject in it.checkpoints})
        case "post":
            return _with_partners(world, {it.code for it in world.posts if it.unit == subject}, {subject})
        case "leave":
            return _with_partners(world, {subject}, set())
        case "custody":
            posts = {it.code for it in world.posts if subject in (it.code, it.unit)}
            units = {subject} if world.units.of(subject) else set()
            return _with_partners(world, posts, units)
        case _:
            return None


def _walking(world: World, routes: set[str]) -> frozenset[str]:
    return frozenset(it.unit for it in world.shifts if it.route in routes)


def _with_partners(world: World, posts: set[str], units: set[str]) -> frozenset[str]:
    """The units of posts, and of those for whom they may stand in, or who may stand in for them."""
    grids = {it.code for it in world.grid_posts if it.post in posts}
    all_posts = posts | {it.post for it in world.grid_posts if it.code in grids}
    all_posts |= {it.code for it in world.posts if it.deputy in posts}
    all_posts |= {it.code for it in world.leaves if it.cover in posts}
    return frozenset(units | {it.unit for it in world.posts if it.code in all_posts and it.unit})
