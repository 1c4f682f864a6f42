"""Who is named for which grid when: a matrix of base grids and slots of a day, from shifts, lines, places and leave."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import Literal
from zoneinfo import ZoneInfo

from rules.core.fixes import Span, merged
from rules.core.grids import Grid
from rules.core.plans import Shift
from rules.core.rounds import Watch, watches
from rules.core.world import World

Standing = Literal["named", "thin", "answering", "nobody"]
_A_MINUTE = timedelta(minutes=1)  # a gap of less is a change of shift, not a hole in the roster


@dataclass(frozen=True, kw_only=True)
class Named:
    """Somebody who is out in a grid: `post` None is a unit without posts, `instead_of` the post it stands in for."""

    post: str | None
    unit: str
    instead_of: str | None
    plan: str


@dataclass(frozen=True, kw_only=True)
class Cell:
    """A grid in one slot.

    Attributes:
        state: named; thin: fewer posts out than the grade asks for; answering: nobody out in a part of it, but A or who
            stands in for it answers for the grid; nobody: not even that, in a part of it.
        out: who is out in the grid by some plan, for a part of the slot at least.
        answering: the posts that answer for the grid.
        gap_min: minutes of the slot in which nobody is out.
        nobody_min: those of them in which nobody answers for the grid either.
    """

    state: Standing
    out: tuple[Named, ...]
    answering: tuple[str, ...]
    gap_min: int
    nobody_min: int


@dataclass(frozen=True, kw_only=True)
class Row:
    """A base grid over all slots; `staff` is what its grade asks for when the first slot begins, 0 is nothing."""

    grid: str
    name: str
    parent: str | None
    grade: int | None
    staff: int
    a: str | None
    b: str | None
    cells: tuple[Cell, ...]


def slots(zone: str, first: date, *, days: int, hours: int) -> list[Span]:
    """Slots of so many hours of the site's clock; a clock change leaves one out, or makes one longer."""
    its = ZoneInfo(zone)
    edges = [
        datetime.combine(first + timedelta(days=day), time(hour), tzinfo=its).astimezone(UTC)
        for day in range(days)
        for hour in range(0, 24, hours)
    ]
    edges.append(datetime.combine(first + timedelta(days=days), time(), tzinfo=its).astimezone(UTC))
    return [Span(start, end) for start, end in pairwise(edges) if start < end]


def matrix(world: World, *, slots: Sequence[Span], grids: frozenset[str] | None = None) -> list[Row]:
    """One row for each base grid (of `grids`, None is all), one cell for each slot."""
    if not slots:
        return []
    whole = Span(slots[0].start, slots[-1].end)
    out: dict[str, list[tuple[Span, Named]]] = defaultdict(list)
    for watch, its_grids in _planned(world, whole):
        for span, named in _people(world, watch, whole):
            for grid in its_grids:
                out[grid].append((span, named))
    return [
        _row(world, grid, slots, out.get(grid.code, []), _answering(world, grid.code, whole))
        for grid in base_grids(world, whole.start)
        if grids is None or grid.code in grids
    ]


def base_grids(world: World, at: datetime) -> list[Grid]:
    """The grids of the patrol that have none below them, by code."""
    there = [it for it in world.grids.all_at(at) if it.hierarchy == "patrol"]
    above = {it.parent for it in there}
    return [it for it in there if it.code not in above]


def _planned(world: World, whole: Span) -> Iterator[tuple[Watch, frozenset[str]]]:
    """Each shift with the grids that its route and lines touch, and each static post with its own."""
    for watch in watches(world, since=whole.start, until=whole.end):
        at, shift = watch.starts_at, watch.shift
        route = world.routes.at(shift.route, at)
        points = [world.checkpoints.at(code, at) for code in route.checkpoints] if route else []
        lines = [
            world.lines.at(plan.line, at)
            for plan in world.line_plans.all_at(at)
            if (plan.unit, plan.shift) == (shift.unit, shift.code)
        ]
        yield watch, frozenset(it.grid for it in (*points, *lines) if it and it.grid)
    for post in world.static_posts:
        if post.grid:
            shift = Shift(
                code=post.code,
                name=post.name,
                days=post.days,
                starts=post.starts,
                ends=post.ends,
                unit=post.unit,
                route="",
                rounds=1,
                valid_from=post.valid_from,
                valid_to=post.valid_to,
            )
            for watch in watches(replace(world, shifts=(shift,)), since=whole.start, until=whole.end):
                yield watch, frozenset({post.grid})


def _people(world: World, watch: Watch, whole: Span) -> Iterator[tuple[Span, Named]]:
    """Who does a shift when: the unit's posts or who stands in for them, the unit itself when it has none."""
    span, unit, plan = Span(watch.starts_at, watch.ends_at).meets(whole), watch.shift.unit, watch.shift.code
    posts = [it for it in world.posts if it.unit == unit and span and it.span.meets(span)]
    if span and not posts:
        yield span, Named(post=None, unit=unit, instead_of=None, plan=plan)
    for post in posts:
        common = post.span.meets(span) if span else None
        for part, who in world.cover.over(post.code, common) if common else ():
            if who is not None:
                yield part, Named(post=who, unit=unit, instead_of=None if who == post.code else post.code, plan=plan)


def _answering(world: World, grid: str, whole: Span) -> list[tuple[Span, str]]:
    """Who answers for a grid when: A, or who stands in for it; B where no A is named."""
    found = []
    for it in world.grid_posts:
        if it.code == grid and (common := it.span.meets(whole)):
            for part, who in world.cover.over(it.post, common):
                if who is not None and (it.slot == "A" or "A" not in world.responsible(grid, part.start)):
                    found.append((part, who))
    return found


def _row(
    world: World,
    grid: Grid,
    slots: Sequence[Span],
    out: Sequence[tuple[Span, Named]],
    answering: Sequence[tuple[Span, str]],
) -> Row:
    at = slots[0].start
    grade = world.grade(grid.code, at)
    policy = world.policy(grade, at)
    responsible = world.responsible(grid.code, at)
    staff = policy.staff if policy else 0
    return Row(
        grid=grid.code,
        name=grid.name,
        parent=grid.parent,
        grade=grade,
        staff=staff,
        a=responsible.get("A"),
        b=responsible.get("B"),
        cells=tuple(_cell(slot, out, answering, staff) for slot in slots),
    )


def _cell(slot: Span, out: Sequence[tuple[Span, Named]], answering: Sequence[tuple[Span, str]], staff: int) -> Cell:
    here = [(span, named) for span, named in out if _shares(span, slot)]
    answers = [(span, post) for span, post in answering if _shares(span, slot)]
    gap = _gap(slot, (span for span, _ in here))
    dark = _gap(slot, (span for span, _ in (*here, *answers)))
    people = tuple(dict.fromkeys(named for _, named in here))
    if dark >= _A_MINUTE:
        state: Standing = "nobody"
    elif gap >= _A_MINUTE:
        state = "answering"
    else:
        state = "thin" if len({it.post or it.unit for it in people}) < staff else "named"
    return Cell(
        state=state,
        out=tuple(sorted(people, key=lambda it: (it.plan, it.post or it.unit, it.instead_of or ""))),
        answering=tuple(sorted({post for _, post in answers})),
        gap_min=round(gap / _A_MINUTE),
        nobody_min=round(dark / _A_MINUTE),
    )


def _shares(span: Span, slot: Span) -> bool:
    return span.start < slot.end and slot.start < span.end


def _gap(slot: Span, spans: Iterable[Span]) -> timedelta:
    """How long of a slot none of the spans covers."""
    common = [it for span in spans if (it := span.meets(slot))]
    return (slot.end - slot.start) - sum((it.end - it.start for it in merged(common)), timedelta())
