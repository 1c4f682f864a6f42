"""Whether the grids of a hierarchy part its ground cleanly: gaps, overlaps, and roads and points in no grid or in two.

Values in, values out: the same findings for a folder of files and for the grids in the database.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import shapely
from shapely.geometry.base import BaseGeometry

from ops.town.plane import Plane

FlawKind = Literal[
    "gap", "overlap", "outside_parent", "road_in_none", "road_in_two", "point_in_none", "point_in_two", "no_ground"
]

EDGE_M = 10.0  # narrower gaps and overlaps, and places this close outside, are a kerb drawn twice by hand
_HECTARE_M2 = 10_000.0

_Overlay = Callable[[BaseGeometry, BaseGeometry], BaseGeometry]


@dataclass(frozen=True, kw_only=True)
class Area:
    """A grid as the check needs it; `shape` in degrees."""

    code: str
    name: str
    parent: str | None
    hierarchy: str
    level: int
    shape: BaseGeometry


@dataclass(frozen=True, kw_only=True)
class Thing:
    """A road (a line) or a place (a point) that must lie in one grid; `kind` as people say it."""

    kind: str
    code: str
    name: str
    shape: BaseGeometry


@dataclass(frozen=True, kw_only=True)
class Flaw:
    """One thing that is wrong with the territory.

    Attributes:
        kind: a word that never changes.
        codes: the grids concerned; of a road or a point its own code comes first.
        what: the fact, to stand behind the name of the first.
        remedy: what to do.
        share: of the area that it is about, 0 to 1; None where there is none.
        size_m2: area, of gaps and overlaps.
        length_m: length, of roads.
        shape: where it is, in degrees.
    """

    kind: FlawKind
    codes: tuple[str, ...]
    what: str
    remedy: str
    share: float | None = None
    size_m2: float | None = None
    length_m: float | None = None
    shape: BaseGeometry


def leaves(areas: Iterable[Area]) -> list[Area]:
    """The grids that no other names as its parent: those that people walk."""
    areas = list(areas)
    parents = {area.parent for area in areas}
    return [area for area in areas if area.code not in parents]


def area_flaws(areas: Sequence[Area]) -> list[Flaw]:
    """Children outside their parent, parents not filled by their children, and base grids that overlap.

    Args:
        areas: of one hierarchy.
    """
    check = _Check(areas)
    return [*check.outside_parent(), *check.gaps(), *check.overlaps()]


def thing_flaws(areas: Sequence[Area], things: Sequence[Thing]) -> list[Flaw]:
    """Roads and points in no base grid or in two.

    Args:
        areas: of one hierarchy.
        things: to be in them.
    """
    return list(_Check(areas).things(things)) if areas else []


def in_words(size_m2: float) -> str:
    """An area as people say it."""
    return f"{size_m2:,.0f} m²" if size_m2 < _HECTARE_M2 else f"{size_m2 / _HECTARE_M2:,.1f} ha"


class _Check:
    """The grids of one hierarchy in metres."""

    def __init__(self, areas: Sequence[Area]) -> None:
        self.plane = Plane(area.shape for area in areas)
        self.areas = [(area, self.plane.metres(area.shape)) for area in areas]
        base = {area.code for area in leaves(areas)}
        self.base = [(area, shape) for area, shape in self.areas if area.code in base]
        self._doubled: list[BaseGeometry] = []

    def outside_parent(self) -> Iterator[Flaw]:
        by_code = {area.code: shape for area, shape in self.areas}
        for area, shape in self.areas:
            parent = by_code.get(area.parent or "")
            if parent is None or area.parent == area.code:
                continue
            for part in _wide(_laid(shapely.difference, shape, parent)):
                share = part.area / shape.area
                yield Flaw(
                    kind="outside_parent",
                    codes=(area.code, area.parent or ""),
                    what=f'leaves its parent "{area.parent}" with {_percent(share)} of its area, {self._place(part)}',
                    remedy="draw both along the same border",
                    share=share,
                    size_m2=part.area,
                    shape=self.plane.degrees(part),
                )

    def gaps(self) -> Iterator[Flaw]:
        children: dict[str, list[BaseGeometry]] = {}
        for area, shape in self.areas:
            if area.parent and area.parent != area.code:
                children.setdefault(area.parent, []).append(shape)
        for area, shape in self.areas:
            if area.code not in children:
                continue
            for part in _wide(_laid(shapely.difference, shape, _union(children[area.code]))):
                share = part.area / shape.area
                yield Flaw(
                    kind="gap",
                    codes=(area.code,),
                    what=f"has {share:.1%} of its area in none of the grids below it: {self._place(part)}",
                    remedy="let the grids below fill it without gaps",
                    share=share,
                    size_m2=part.area,
                    shape=self.plane.degrees(part),
                )

    def overlaps(self) -> Iterator[Flaw]:
        shapes = [shape for _, shape in self.base]
        if not shapes:
            return
        ones, others = shapely.STRtree(shapes).query(shapes, predicate="intersects")
        for one, other in sorted(zip(ones.tolist(), others.tolist(), strict=True)):
            if one >= other:
                continue
            smaller = min(shapes[one].area, shapes[other].area)
            for part in _wide(_laid(shapely.intersection, shapes[one], shapes[other])):
                share = part.area / smaller
                first, second = self.base[other][0], self.base[one][0]
                yield Flaw(
                    kind="overlap",
                    codes=(first.code, second.code),
                    what=f'overlaps "{second.code}" by {_percent(share)} of the smaller of them, {self._place(part)}',
                    remedy="draw both along the same border",
                    share=share,
                    size_m2=part.area,
                    shape=self.plane.degrees(part),
                )

    def things(self, things: Sequence[Thing]) -> Iterator[Flaw]:
        covered = _union([shape for _, shape in self.base])
        shapely.prepare(covered)
        twice = _union([self.plane.metres(flaw.shape) for flaw in self.overlaps()])
        for thing in things:
            shape = self.plane.metres(thing.shape)
            if shape.geom_type == "Point":
                yield from self._point(thing, shape, covered, twice)
            else:
                yield from self._road(thing, shape, covered, twice)

    def _point(self, thing: Thing, shape: BaseGeometry, covered: BaseGeometry, twice: BaseGeometry) -> Iterator[Flaw]:
        away_m = float(shapely.distance(shape, covered))
        if away_m > EDGE_M:
            yield Flaw(
                kind="point_in_none",
                codes=(thing.code,),
                what=f"lies in no grid, {away_m:,.0f} m from the nearest",
                remedy="correct its coordinates, or extend the grid",
                length_m=away_m,
                shape=thing.shape,
            )
        elif shapely.intersects(twice, shape):
            held = [area.code for area, base in self.base if shapely.intersects(base, shape)]
            yield Flaw(
                kind="point_in_two",
                codes=(thing.code, *held),
                what=f"lies in {' and '.join(held)}: nobody can say who answers for it",
                remedy="draw the grids along one border",
                shape=thing.shape,
            )

    def _road(self, thing: Thing, shape: BaseGeometry, covered: BaseGeometry, twice: BaseGeometry) -> Iterator[Flaw]:
        if not shapely.covers(covered, shape):
            bare = _laid(shapely.difference, shape, shapely.buffer(covered, EDGE_M))
            if bare.length > EDGE_M:
                yield Flaw(
                    kind="road_in_none",
                    codes=(thing.code,),
                    what=f"runs for {bare.length:,.0f} m through no grid",
                    remedy="extend a grid, or cut the road at the border if others keep it",
                    share=bare.length / shape.length,
                    length_m=bare.length,
                    shape=self.plane.degrees(bare),
                )
        both = _laid(shapely.intersection, shape, twice)
        if both.length > EDGE_M:
            held = [area.code for area, base in self.base if _laid(shapely.intersection, base, both).length > EDGE_M]
            yield Flaw(
                kind="road_in_two",
                codes=(thing.code, *held),
                what=f"runs for {both.length:,.0f} m through {' and '.join(held)} at once",
                remedy="draw the grids along one border",
                share=both.length / shape.length,
                length_m=both.length,
                shape=self.plane.degrees(both),
            )

    def _place(self, part: BaseGeometry) -> str:
        middle = self.plane.degrees(shapely.point_on_surface(part))
        return f"{in_words(part.area)} around {shapely.get_y(middle):.5f}, {shapely.get_x(middle):.5f}"


def _wide(shape: BaseGeometry) -> list[BaseGeometry]:
    """The polygons of a shape that are somewhere wider than a kerb."""
    return [
        part
        for part in shapely.get_parts(shape)
        if part.geom_type == "Polygon" and not shapely.buffer(part, -EDGE_M / 2).is_empty
    ]


def _laid(operation: _Overlay, one: BaseGeometry, other: BaseGeometry) -> BaseGeometry:
    try:
        return operation(one, other)
    except shapely.errors.ShapelyError:  # shapes that were valid alone and are too fine to be laid over each other
        return shapely.GeometryCollection()


def _union(shapes: Sequence[BaseGeometry]) -> BaseGeometry:
    try:
        return shapely.union_all(shapes)
    except shapely.errors.ShapelyError:
        return shapely.GeometryCollection()


def _percent(share: float) -> str:
    return f"{share:.0%}" if share >= 0.005 else "under 1%"
