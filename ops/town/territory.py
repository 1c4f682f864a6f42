"""The grids as a whole: a tree for each hierarchy, children within parents, no overlaps, a grid for every place."""

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from ops.town.findings import quote
from ops.town.geometry import in_metres
from ops.town.ground import grounds, without_ground
from ops.town.model import PATROL, Grid, Road, base_grids
from ops.town.reading import Noted, Reading
from ops.town.topology import EDGE_M, Area, Flaw, Thing, area_flaws, thing_flaws

FILE = "grids.geojson"


def check_tree(grids: Sequence[Noted[Grid]], *, reading: Reading) -> None:
    """One root for each hierarchy, parents of it that are one level up, no cycles, grades where people walk."""
    errors = reading.findings.error
    by_code = {grid.code: grid for _, grid in grids}
    hierarchies = dict.fromkeys(grid.hierarchy for _, grid in grids)
    if grids and PATROL not in hierarchies:
        remedy = "leave `hierarchy` away, or write patrol, for the grids that rounds are walked in"
        errors(FILE, "the file", "has no patrol grids", remedy)
    for hierarchy in hierarchies:
        _check_roots([noted for noted in grids if noted.record.hierarchy == hierarchy], hierarchy, reading)
    for where, grid in grids:
        if grid.parent is not None:
            _check_parent(where, grid, by_code.get(grid.parent), reading)
    for cycle in _cycles(by_code):
        what = f"is its own ancestor: {' -> '.join([*cycle, cycle[0]])}"
        errors(FILE, reading.where("grid", cycle[0]), what, "correct the parent of one of them")
    _check_base(grids, reading)


def _check_roots(grids: Sequence[Noted[Grid]], hierarchy: str, reading: Reading) -> None:
    of = "" if hierarchy == PATROL else f" in the hierarchy {quote(hierarchy)}"
    roots = [(where, grid) for where, grid in grids if grid.level == 1]
    if not roots:
        remedy = "add the town itself, with level 1 and no parent"
        reading.findings.error(FILE, "the file", f"has no grid of level 1{of}", remedy)
    for where, _ in roots[1:]:
        remedy = "leave one grid of level 1, and make the others its children"
        reading.findings.error(FILE, where, f"is a second town beside {roots[0][0]}{of}", remedy)


def _check_parent(where: str, grid: Grid, parent: Grid | None, reading: Reading) -> None:
    errors = reading.findings.error
    if not reading.knows("grid", grid.parent or ""):
        remedy = f"give the code of a grid of level {grid.level - 1}"
        errors(FILE, where, f"has the parent {quote(grid.parent)}, which does not exist", remedy)
    elif parent is not None and parent.hierarchy != grid.hierarchy:
        what = f"is of the hierarchy {quote(grid.hierarchy)} and its parent of {quote(parent.hierarchy)}"
        errors(FILE, where, what, "a parent is of the same hierarchy")
    elif parent is not None and parent.level != grid.level - 1:
        what = f"is of level {grid.level} and its parent {quote(parent.code)} of level {parent.level}"
        errors(FILE, where, what, "a parent is exactly one level up")


def _check_base(grids: Sequence[Noted[Grid]], reading: Reading) -> None:
    """Base grids have a grade; one that ends above the others was probably forgotten."""
    base = {grid.code for grid in base_grids(grid for _, grid in grids)}
    deepest = max((grid.level for _, grid in grids if grid.hierarchy == PATROL), default=1)
    for where, grid in grids:
        if grid.code not in base:
            continue
        if grid.level < deepest:
            remedy = "add grids that name it as their parent, or take it away"
            reading.findings.warning(FILE, where, "has no grids below it", remedy)
        elif grid.grade is None and (grid.level > 1 or len(grids) == 1):
            reading.findings.error(FILE, where, "has no grade", "grade is a whole number from 1 to 4")


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


def drawn(grids: Sequence[Noted[Grid]], *, reading: Reading) -> list[Noted[Grid]]:
    """The grids, those that are made of others with all of their ground as geometry."""
    shapes = {grid.code: grid.shape for _, grid in grids if not grid.made_of}
    found = []
    for where, grid in grids:
        if not grid.made_of:
            found.append(Noted(where, grid))
            continue
        missing = [code for code in grid.made_of if code not in shapes]
        for code in missing:
            there = "is made of others itself" if reading.knows("grid", code) else "does not exist"
            what = f"is made of {quote(code)}, which {there}"
            reading.findings.error(FILE, where, what, "made_of names grids that have a geometry")
        if not missing:
            whole = shapely.union_all([shapes[code] for code in grid.made_of])
            found.append(Noted(where, replace(grid, geometry=json.loads(shapely.to_geojson(whole)))))
    return found


def check_areas(grids: Sequence[Noted[Grid]], *, reading: Reading) -> None:
    """Base grids that overlap, children that leave their parent, parents that their children do not fill."""
    areas = _areas(grids)
    for hierarchy in dict.fromkeys(area.hierarchy for area in areas):
        for flaw in area_flaws([area for area in areas if area.hierarchy == hierarchy]):
            _warn(flaw, "grid", FILE, reading)
    if reading.grids_complete:
        for flaw in without_ground(areas, grounds(areas)):
            _warn(flaw, "grid", FILE, reading)


def check_roads(grids: Sequence[Noted[Grid]], roads: Sequence[Noted[Road]], *, reading: Reading) -> None:
    """Roads that run outside every base grid, or in two at once."""
    if not reading.grids_complete:
        return
    patrol = [area for area in _areas(grids) if area.hierarchy == PATROL]
    things = [Thing(kind="road", code=road.code, name=road.name, shape=road.shape) for _, road in roads]
    for flaw in thing_flaws(patrol, things):
        _warn(flaw, "road", "roads.geojson", reading)


def _areas(grids: Sequence[Noted[Grid]]) -> list[Area]:
    return [
        Area(code=it.code, name=it.name, parent=it.parent, hierarchy=it.hierarchy, level=it.level, shape=it.shape)
        for _, it in grids
    ]


def _warn(flaw: Flaw, kind: str, file: str, reading: Reading) -> None:
    what = flaw.what
    if flaw.kind == "overlap":
        what = what.replace(f'"{flaw.codes[1]}"', reading.where("grid", flaw.codes[1]))
    reading.findings.warning(file, reading.where(kind, flaw.codes[0]), what, flaw.remedy)


class Locator:
    """Finds the base grid of a place; with several, on a shared border, the one with the lowest code."""

    def __init__(self, grids: Iterable[Grid]) -> None:
        self._grids = sorted(base_grids(grids), key=lambda grid: grid.code)
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
