"""The dated world as values: what held on any day, so that last Tuesday is judged with last Tuesday's world."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

from rules.core.cover import Cover
from rules.core.dated import Book, Dated
from rules.core.equipment import Custody, Device, Item, Tracker
from rules.core.fixes import Span, merged
from rules.core.grids import GradePolicy, Grid, GridPost, Shape
from rules.core.plans import Checkpoint, Holiday, Line, LinePlan, Route, Shift, StaticPost, VisitPlan
from rules.core.staff import Leave, Post, Unit


@dataclass(frozen=True, kw_only=True)
class World:
    """The whole dated world of a site, and its time zone."""

    zone: str = "Asia/Shanghai"
    grids: Book[Grid] = field(default_factory=Book)
    shapes: Book[Shape] = field(default_factory=Book)
    units: Book[Unit] = field(default_factory=Book)
    posts: Book[Post] = field(default_factory=Book)
    custody: tuple[Custody, ...] = ()
    checkpoints: Book[Checkpoint] = field(default_factory=Book)
    routes: Book[Route] = field(default_factory=Book)
    shifts: tuple[Shift, ...] = ()
    items: Book[Item] = field(default_factory=Book)
    devices: tuple[Device, ...] = ()
    grid_posts: tuple[GridPost, ...] = ()
    grade_policies: Book[GradePolicy] = field(default_factory=Book)
    leaves: tuple[Leave, ...] = ()
    holidays: Book[Holiday] = field(default_factory=Book)
    lines: Book[Line] = field(default_factory=Book)
    line_plans: Book[LinePlan] = field(default_factory=Book)
    visit_plans: Book[VisitPlan] = field(default_factory=Book)
    static_posts: Book[StaticPost] = field(default_factory=Book)

    @cached_property
    def device(self) -> dict[int, Device]:
        """The register by number."""
        return {it.number: it for it in self.devices}

    @cached_property
    def custody_of(self) -> dict[int, tuple[Custody, ...]]:
        """Custody by device number."""
        found: dict[int, list[Custody]] = {}
        for it in self.custody:
            found.setdefault(it.device, []).append(it)
        return {number: tuple(sorted(spells, key=lambda it: it.valid_from)) for number, spells in found.items()}

    @cached_property
    def _held_by(self) -> dict[str, list[tuple[Device, Custody, Span]]]:
        """What each unit ever held: device, custody, spell."""
        found: dict[str, list[tuple[Device, Custody, Span]]] = {}
        for held in self.custody:
            if device := self.device.get(held.device):
                for unit, spell in self._units_of(held):
                    found.setdefault(unit, []).append((device, held, spell))
        return found

    def trackers(self, span: Span, *, unit: str | None = None) -> list[Tracker]:
        """The devices that count for a unit (None: any unit) within the span.

        What the unit held, directly or through its posts while they were there, and what those held who stood in for
        one of its posts while it was away.
        """
        found: dict[tuple[str, str, str], list[Span]] = {}
        devices: dict[str, Device] = {}
        for its_unit in sorted(self._held_by.keys() | self.cover.units_with_leave) if unit is None else (unit,):
            counting = [
                (device, held.code, part)
                for device, held, spell in self._held_by.get(its_unit, ())
                if (common := spell.meets(span))
                for part in (self.cover.present(held.code, common) if held.holder_kind == "post" else (common,))
            ]
            for device, holder, spell in (*counting, *self._stood_in(its_unit, span)):
                found.setdefault((device.name, holder, its_unit), []).append(spell)
                devices[device.name] = device
        return [
            Tracker(devices[name], holder, its_unit, merged(spells))
            for (name, holder, its_unit), spells in sorted(found.items())
        ]

    @cached_property
    def cover(self) -> Cover:
        """Who is away, and who stands in."""
        return Cover(posts=self.posts, leaves=self.leaves, grid_posts=self.grid_posts)

    def standing_in(self, post: str, at: datetime) -> str | None:
        """The post that did a post's duties then: itself, or who stood in while it was away; None when nobody did."""
        return self.cover.standing_in(post, at)

    def unnamed(self, unit: str | None, span: Span) -> tuple[Span, ...]:
        """When within the span all posts of a unit were away and nobody stood in; a unit without posts is never so."""
        return self.cover.unnamed(unit, span)

    def rest_places(self, at: datetime) -> tuple[Checkpoint, ...]:
        """The kiosks of then, where standing still is allowed."""
        return tuple(it for it in self._kiosks if it.holds(at))

    @cached_property
    def _kiosks(self) -> tuple[Checkpoint, ...]:
        return tuple(it for it in self.checkpoints if it.kind == "kiosk")

    def _stood_in(self, unit: str, span: Span) -> Iterator[tuple[Device, str, Span]]:
        for who, spell in self.cover.stand_ins_of(unit, span):
            for held in self._held_by_post.get(who, ()):
                device, common = self.device.get(held.device), held.span.meets(spell)
                if device and common:
                    yield device, who, common

    @cached_property
    def _held_by_post(self) -> dict[str, list[Custody]]:
        found: dict[str, list[Custody]] = {}
        for held in self.custody:
            if held.holder_kind == "post":
                found.setdefault(held.code, []).append(held)
        return found

    def holder_at(self, device: int, at: datetime) -> Custody | None:
        """Who held a device then, or None."""
        return next((it for it in self.custody_of.get(device, ()) if it.holds(at)), None)

    def unit_of(self, held: Custody | None, at: datetime) -> str | None:
        """The unit behind a holder then, or None."""
        if held is None:
            return None
        if held.holder_kind == "unit":
            return held.code
        post = self.posts.at(held.code, at) if held.holder_kind == "post" else None
        return post.unit if post else None

    def unit_kind(self, unit: str | None, at: datetime) -> str | None:
        """foot, motorcycle, car or electric; None when there is no such unit."""
        found = self.units.at(unit, at)
        return found.kind if found else None

    def grade(self, grid: str | None, at: datetime) -> int | None:
        """The grade of a grid, else of the nearest one above it that has one."""
        return next((it.grade for it in self._upwards(grid, at) if it.grade is not None), None)

    def policy(self, grade: int | None, at: datetime) -> GradePolicy | None:
        """What a grade asked for then; None when it asked for nothing."""
        return None if grade is None else self.grade_policies.at(str(grade), at)

    def responsible(self, grid: str, at: datetime) -> dict[str, str]:
        """The posts that answered for a grid then, by slot: A, B; a vacant slot is not in it."""
        return {it.slot: it.post for it in self._posts_of_grid.get(grid, ()) if it.holds(at)}

    @cached_property
    def _posts_of_grid(self) -> dict[str, list[GridPost]]:
        found: dict[str, list[GridPost]] = {}
        for it in self.grid_posts:
            found.setdefault(it.code, []).append(it)
        return found

    def below(self, grid: str, at: datetime) -> frozenset[str]:
        """A grid and all that lie below it, by any of whose codes a fix may be known."""
        found, left = {grid}, [grid]
        while left:
            more = [it.code for it in self._children.get(left.pop(), ()) if it.holds(at) and it.code not in found]
            found.update(more)
            left += more
        return frozenset(found)

    def answering(self, grid: str, role: str, at: datetime) -> list[str]:
        """The posts of a role that answer for a grid: its A and B and those whose record names it.

        Without such posts those of the nearest grid above it, and without those too all of the grids below it.
        """
        for code in (it.code for it in self._upwards(grid, at)):
            if found := self._named(code, role, at):
                return sorted(found)
        return sorted({post for code in self.below(grid, at) for post in self._named(code, role, at)})

    def grids_of_unit(self, unit: str, at: datetime) -> set[str]:
        """The grids that the posts of a unit answer for."""
        its = {post for post, held in self._posts_of_unit.get(unit, ()) if held.holds(at)}
        return {grid for post in its for grid, held in self._grids_of_post.get(post, ()) if held.holds(at)}

    def _named(self, grid: str, role: str, at: datetime) -> set[str]:
        its = {it.code for it in self._posts_at_grid.get(grid, ()) if it.holds(at)}
        its.update(it.post for it in self._posts_of_grid.get(grid, ()) if it.holds(at))
        return {code for code in its if (post := self.posts.at(code, at)) and post.role == role}

    @cached_property
    def _children(self) -> dict[str, list[Grid]]:
        found: dict[str, list[Grid]] = {}
        for it in self.grids:
            if it.parent:
                found.setdefault(it.parent, []).append(it)
        return found

    @cached_property
    def _posts_at_grid(self) -> dict[str, list[Post]]:
        found: dict[str, list[Post]] = {}
        for it in self.posts:
            if it.grid:
                found.setdefault(it.grid, []).append(it)
        return found

    @cached_property
    def _posts_of_unit(self) -> dict[str, list[tuple[str, Dated]]]:
        found: dict[str, list[tuple[str, Dated]]] = {}
        for it in self.posts:
            if it.unit:
                found.setdefault(it.unit, []).append((it.code, it))
        return found

    @cached_property
    def _grids_of_post(self) -> dict[str, list[tuple[str, Dated]]]:
        found: dict[str, list[tuple[str, Dated]]] = {}
        for answers in self.grid_posts:
            found.setdefault(answers.post, []).append((answers.code, answers))
        for post in self.posts:
            if post.grid:
                found.setdefault(post.code, []).append((post.grid, post))
        return found

    def common_grid(self, codes: Iterable[str | None], at: datetime) -> str | None:
        """The lowest grid that holds all of them, or None."""
        lines = [[it.code for it in self._upwards(code, at)] for code in set(codes)]
        if not lines or not all(lines):
            return None
        return next((code for code in lines[0] if all(code in line for line in lines)), None)

    def name_of_grid(self, code: str | None, at: datetime) -> str:
        """What people call a grid; its code when it has no name, "the site" without one."""
        grid = self.grids.at(code, at)
        return grid.name if grid else code or "the site"

    def _upwards(self, code: str | None, at: datetime) -> Iterator[Grid]:
        seen: set[str] = set()
        while (grid := self.grids.at(code, at)) is not None and grid.code not in seen:
            seen.add(grid.code)
            yield grid
            code = grid.parent

    def _units_of(self, held: Custody) -> Iterator[tuple[str, Span]]:
        if held.holder_kind == "unit":
            yield held.code, held.span
        elif held.holder_kind == "post":
            for post in self.posts.of(held.code):
                common = held.span.meets(post.span)
                if post.unit and common:
                    yield post.unit, common
