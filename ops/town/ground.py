"""Which patrol grids lie on the ground of a grid of another hierarchy, so that viewers' questions need no geometry."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

import shapely
from shapely.geometry.base import BaseGeometry

from ops.town.plane import Plane
from ops.town.topology import Area, Flaw, leaves

PATROL = "patrol"  # the hierarchy whose grids readings, duties and alerts bear
MOST = 0.5  # a patrol base grid belongs to a hierarchy only when at least this share of it lies in it at all


@dataclass(frozen=True, order=True, kw_only=True)
class Ground:
    """A patrol grid on the ground of another hierarchy's grid, with the share of its area within it."""

    grid: str
    ground: str
    share: float


def grounds(areas: Sequence[Area]) -> list[Ground]:
    """The ground of every grid that is not of the patrol hierarchy, at every level of both.

    A patrol base grid belongs to the one base grid of another hierarchy that holds the largest share of it (the lowest
    code among equals), provided that at least half of it lies in that hierarchy. A patrol grid above belongs to a grid
    when all of its base grids do: so nobody sees more than lies on their ground.
    """
    plane = Plane(area.shape for area in areas)
    shapes = {area.code: plane.metres(area.shape) for area in areas}
    patrol = [area for area in areas if area.hierarchy == PATROL]
    base = _base_of(patrol)
    others = sorted((area for area in areas if area.hierarchy != PATROL), key=lambda area: area.hierarchy)
    found = []
    for _, group in groupby(others, key=lambda area: area.hierarchy):
        hierarchy = list(group)
        won = _won(leaves(patrol), leaves(hierarchy), shapes)
        for area, its_base in zip(hierarchy, _base_of(hierarchy), strict=True):
            held = {code for leaf in its_base for code in won.get(leaf, ())}
            for on, below in zip(patrol, base, strict=True):
                if below and below <= held:
                    share = max(_share(shapes[on.code], shapes[area.code]), 1e-6)
                    found.append(Ground(grid=area.code, ground=on.code, share=share))
    return sorted(found)


def without_ground(areas: Sequence[Area], found: Iterable[Ground]) -> list[Flaw]:
    """The grids of other hierarchies whose viewers would see nothing."""
    has = {it.grid for it in found}
    return [
        Flaw(
            kind="no_ground",
            codes=(area.code,),
            what="holds most of no patrol grid: whoever is bound to it sees nothing",
            remedy="draw it along the patrol grids, or name those it is made of",
            shape=area.shape,
        )
        for area in areas
        if area.hierarchy != PATROL and area.code not in has
    ]


def _base_of(areas: Sequence[Area]) -> list[set[str]]:
    """The base grids below each grid, itself when there is none."""
    children: dict[str, list[str]] = {}
    for area in areas:
        children.setdefault(area.parent or "", []).append(area.code)

    def below(code: str, above: frozenset[str]) -> set[str]:
        kids = [kid for kid in children.get(code, ()) if kid not in above]
        return {leaf for kid in kids for leaf in below(kid, above | {kid})} if kids else {code}

    return [below(area.code, frozenset({area.code})) for area in areas]


def _won(patrol: Sequence[Area], others: Sequence[Area], shapes: dict[str, BaseGeometry]) -> dict[str, list[str]]:
    won: dict[str, list[str]] = {}
    candidates = sorted(others, key=lambda area: area.code)
    tree = shapely.STRtree([shapes[area.code] for area in candidates])
    for area in patrol:
        near = sorted(tree.query(shapes[area.code], predicate="intersects").tolist())
        shares = [(candidates[index].code, _share(shapes[area.code], shapes[candidates[index].code])) for index in near]
        if sum(share for _, share in shares) >= MOST:
            won.setdefault(max(shares, key=lambda it: it[1])[0], []).append(area.code)
    return won


def _share(one: BaseGeometry, within: BaseGeometry) -> float:
    try:
        return min(1.0, float(shapely.intersection(one, within).area / one.area)) if one.area > 0 else 0.0
    except shapely.errors.ShapelyError:
        return 0.0
