"""The grids as a whole: one tree of three levels, children within parents, no overlaps, and a grid for every place."""

import math
from collections.abc import Callable, Iterable, Sequence

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from ops.town.findings import quote
from ops.town.geometry import in_metres
from ops.town.model import BASE, TOWN, Grid
from ops.town.reading import Noted, Reading

FILE = "grids.geojson"
TOLERATED_SHARE = 0.01  # of an area; borders drawn twice by hand differ by about this much
EDGE_M = 10.0  # a place this close outside counts to the nearest grid: kerbs are drawn no better

_Overlay = Callable[[BaseGeometry, BaseGeometry], BaseGeometry]


def check_tree(grids: Sequence[Noted[Grid]], *, reading: Reading) -> None:
    """One root, parents that exist and are one level up, no cycles, no community without base grids."""
    errors = reading.findings.error
    by_code = {grid.code: grid for _, grid in grids}
    roots = [(where, grid) for where, grid in grids if grid.level == TOWN]
    if grids and not roots:
        errors(FILE, "the file", "has no grid of level 1", "add the town itself, with level 1 and no parent")
    for where, _ in roots[1:]:
        remedy = "leave one grid of level 1, and make the others its children"
        errors(FILE, where, f"is a second town beside {roots[0][0]}", remedy)
    for where, grid in grids:
        if grid.parent is None:
            continue
        parent = by_code.get(grid.parent)
        if not reading.knows("grid", grid.parent):
            remedy = f"give the code of a grid of level {grid.level - 1}"
            errors(FILE, where, f"has the parent {quote(grid.parent)}, which does not exist", remedy)
        elif parent is not None and parent.level != grid.level - 1:
            what = f"is of level {grid.level} and its parent {quote(parent.code)} of level {parent.level}"
            errors(FILE, where, what, "a parent is exactly one level up: 1 town, 2 community, 3 base grid")
    for cycle in _cycles(by_code):
        what = f"is its own ancestor: {' -> '.join([*cycle, cycle[0]])}"
        errors(FILE, reading.where("grid", cycle[0]), what, "correct the parent of one of them")
    parents = {grid.parent for grid in by_code.values()}
    for where, grid in grids:
        if grid.level < BASE and grid.code not in parents:
            remedy = "add grids that name it as their parent, or take it away"
            reading.findings.warning(FILE, where, "has no grids below it", remedy)


def _cycles(by_code: dict[str, Grid]) -> list[list[str]]:
    done: set[str] = set()
    cycles = []
    for start in by_code:
        path: dict[str, None] = {}  # in order, and quick to look into
        code: str | None = start
        while code is not None and code in by_code and code not in done and code not in path:
            path[code] = None
            code = by_code[code].parent
        if code in path:
            walked = list(path)
            cycles.append(walked[walked.index(code) :])
        done.update(path)
    return cycles


def check_areas(grids: Sequence[Noted[Grid]], *, reading: Reading) -> None:
    """Base grids that overlap, children that leave their parent, parents that their children do not fill."""
    by_code = {grid.code: grid for _, grid in grids}
    children: dict[str, list[BaseGeometry]] = {}
    for where, grid in grids:
        parent = by_code.get(grid.parent or "")
        if parent is None or parent is grid:
            continue
        children.setdefault(parent.code, []).append(grid.shape)
        outside = _share(_area(shapely.difference, grid.shape, parent.shape), grid.shape)
        if outside > TOLERATED_SHARE:
            what = f"leaves its parent {quote(parent.code)} with {outside:.0%} of its area"
            reading.findings.warning(FILE, where, what, "draw both along the same border")
    for where, grid in grids:
        if grid.code not in children:
            continue
        empty = _share(_area(shapely.difference, grid.shape, shapely.union_all(children[grid.code])), grid.shape)
        if empty > TOLERATED_SHARE:
            what = f"has {empty:.0%} of its area in none of the grids below it"
            reading.findings.warning(FILE, where, what, "let the grids below fill it without gaps")
    _check_overlaps([noted for noted in grids if noted.record.level == BASE], reading=reading)


def _check_overlaps(base: Sequence[Noted[Grid]], *, reading: Reading) -> None:
    if not base:
        return
    shapes = [grid.shape for _, grid in base]
    ones, others = shapely.STRtree(shapes).query(shapes, predicate="intersects")
    for one, other in zip(ones.tolist(), others.tolist(), strict=True):
        if one >= other:
            continue
        smaller = min(shapes[one], shapes[other], key=lambda polygon: polygon.area)
        share = _share(_area(shapely.intersection, shapes[one], shapes[other]), smaller)
        if share > TOLERATED_SHARE:
            what = f"overlaps {base[one].where} by {share:.0%} of the smaller of them"
            reading.findings.warning(FILE, base[other].where, what, "draw both along the same border")


def _area(operation: _Overlay, one: BaseGeometry, other: BaseGeometry) -> float:
    try:
        return operation(one, other).area
    except shapely.errors.ShapelyError:  # shapes that were valid alone and are too fine to be laid over each other
        return 0.0


def _share(area: float, whole: BaseGeometry) -> float:
    return area / whole.area if whole.area > 0 else 0.0


class Locator:
    """Finds the base grid of a place; with several, on a shared border, the one with the lowest code."""

    def __init__(self, grids: Iterable[Grid]) -> None:
        self._grids = sorted((grid for grid in grids if grid.level == BASE), key=lambda grid: grid.code)
        lats = [(grid.shape.bounds[1] + grid.shape.bounds[3]) / 2 for grid in self._grids]
        self._lat = math.fsum(lats) / len(lats) if lats else 0.0
        self._tree = shapely.STRtree([in_metres(grid.shape, around_lat=self._lat) for grid in self._grids])

    def __bool__(self) -> bool:
        return bool(self._grids)

    def at(self, *, lat: float, lon: float) -> str | None:
        """The code of the base grid that covers a place."""
        found = self._tree.query(self._point(lat=lat, lon=lon), predicate="intersects")
        return self._grids[int(found.min())].code if len(found) else None

    def nearest(self, *, lat: float, lon: float) -> tuple[str, float]:
        """The code of the nearest base grid and how far away it is, in metres."""
        point = self._point(lat=lat, lon=lon)
        index = int(np.min(self._tree.query_nearest(point)))
        return self._grids[index].code, float(shapely.distance(self._tree.geometries[index], point))

    def _point(self, *, lat: float, lon: float) -> BaseGeometry:
        return in_metres(shapely.Point(lon, lat), around_lat=self._lat)


def locate(*, lat: float, lon: float, file: str, where: str, locator: Locator, reading: Reading) -> str | None:
    """The base grid of a place; an error when it lies in none, a warning when only just so."""
    inside = locator.at(lat=lat, lon=lon)
    if inside is not None or not locator:
        return inside
    code, away_m = locator.nearest(lat=lat, lon=lon)
    if away_m <= EDGE_M:
        what = f"lies {away_m:.1f} m outside every base grid and is counted to {quote(code)}"
        reading.findings.warning(file, where, what, "move it, or extend the grid")
        return code
    if locator.at(lat=lon, lon=lat) is not None:
        what = f"has latitude and longitude swapped (longitude {lon:g}, latitude {lat:g})"
        reading.findings.error(file, where, what, "write each in its place: GeoJSON has the longitude first")
        return None
    distance = f"{away_m:.0f} m" if away_m < 10_000 else f"{away_m / 1000:.0f} km"
    what = f"lies outside every base grid, {distance} from the nearest, {quote(code)}"
    complete = reading.grids_complete
    remedy = "correct its coordinates, or extend the grid" if complete else "mend the grids first: some are unusable"
    reading.findings.error(file, where, what, remedy)
    return None
