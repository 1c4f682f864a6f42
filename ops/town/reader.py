"""From a folder of files to a town: read everything, check it together, report every problem at once."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import TypeVar
from zoneinfo import ZoneInfo

from ops.town import features, links, tables, territory, walks
from ops.town.findings import Finding, printable, quote
from ops.town.model import Checkpoint, Custody, Equipment, Grid, Holder, Hydrant, Route, Town, base_grids
from ops.town.reading import Noted, Reading

REQUIRED = ("grids.geojson", "checkpoints.geojson", "posts.csv", "units.csv", "devices.csv")
OPTIONAL = (
    "routes.geojson",
    "roads.geojson",
    "hydrants.geojson",
    "custody.csv",
    "shifts.csv",
    "equipment.csv",
    "grid_posts.csv",
    "grade_policies.csv",
    "lines.geojson",
    "line_plans.csv",
    "visit_plans.csv",
    "static_posts.geojson",
    "holidays.csv",
)
SITE_ZONE = ZoneInfo("Asia/Shanghai")

T = TypeVar("T")
_HOLDERS: tuple[Holder, ...] = ("post", "unit", "hydrant", "equipment")


def read_town(folder: Path, *, zone: ZoneInfo = SITE_ZONE, today: date | None = None) -> tuple[Town, list[Finding]]:
    """Read and check a town's folder; it raises nothing, whatever the files hold.

    Args:
        folder: the folder with the files that `docs/reference/town-files.md` describes.
        zone: the site's time zone, in which dates without a time begin.
        today: the day after whose month nothing can have been manufactured; by default the present one.

    Returns:
        The town, fit to be imported only when no finding is an error, and the findings in the order of the files.
    """
    reading = Reading(folder=folder, zone=zone, today=today or datetime.now(zone).date())
    if not _look_around(reading):
        return Town(), reading.findings.items
    present = {name for name in REQUIRED + OPTIONAL if _there(folder / name)}

    grids = features.read_grids(reading) if "grids.geojson" in present else []
    checkpoints = features.read_checkpoints(reading) if "checkpoints.geojson" in present else []
    routes = features.read_routes(reading) if "routes.geojson" in present else []
    roads = features.read_roads(reading) if "roads.geojson" in present else []
    hydrants = features.read_hydrants(reading) if "hydrants.geojson" in present else []
    units = tables.read_units(reading) if "units.csv" in present else []
    posts = tables.read_posts(reading) if "posts.csv" in present else []
    devices = tables.read_devices(reading) if "devices.csv" in present else []
    custody = tables.read_custody(reading) if "custody.csv" in present else []
    shifts = tables.read_shifts(reading) if "shifts.csv" in present else []
    equipment = tables.read_equipment(reading) if "equipment.csv" in present else []
    grid_posts = tables.read_grid_posts(reading) if "grid_posts.csv" in present else []
    holidays = tables.read_holidays(reading) if "holidays.csv" in present else []
    policies = tables.read_grade_policies(reading) if "grade_policies.csv" in present else []
    lines = walks.read_lines(reading) if "lines.geojson" in present else []
    line_plans = walks.read_line_plans(reading) if "line_plans.csv" in present else []
    visit_plans = walks.read_visit_plans(reading) if "visit_plans.csv" in present else []
    static_posts = walks.read_static_posts(reading) if "static_posts.geojson" in present else []

    territory.check_tree(grids, reading=reading)
    grids = territory.drawn(grids, reading=reading)
    territory.check_areas(grids, reading=reading)
    territory.check_roads(grids, roads, reading=reading)
    locator = territory.Locator(_records(grids))
    checkpoints = [_located(noted, "checkpoints.geojson", locator, reading) for noted in checkpoints]
    hydrants = [_located(noted, "hydrants.geojson", locator, reading) for noted in hydrants]
    equipment = [_kept(noted, locator, reading) for noted in equipment]
    links.check_holders(reading=reading)
    if "grid_posts.csv" in present:
        links.check_grid_posts(grid_posts, base_grids(_records(grids)), reading=reading)
    links.check_posts(posts, units, reading=reading)
    custody = [_held(noted, reading) for noted in custody]
    links.check_units(units, posts, custody, reading=reading)
    links.check_routes(routes, checkpoints, shifts if "shifts.csv" in present else None, reading=reading)
    links.check_shifts(shifts, reading=reading)
    links.check_fixed_devices(hydrants, equipment, reading=reading)
    fixed = {it.device: it.code for _, it in hydrants if it.device is not None}
    fixed |= {it.device: it.code for _, it in equipment if it.device is not None}
    links.check_custody(custody, devices, fixed, reading=reading)
    _check_equipment(equipment, reading)
    parents = {grid.code: grid.parent for _, grid in grids}
    lines = walks.placed_lines(lines, parents=parents, locator=locator, reading=reading)
    static_posts = walks.placed_posts(static_posts, locator=locator, reading=reading)
    walks.check_walks(lines, line_plans, visit_plans, static_posts, shifts, posts, reading=reading)

    town = Town(
        grids=_records(grids),
        checkpoints=_records(checkpoints),
        routes=_routes_with_grids(_records(routes), _records(checkpoints), _records(grids)),
        roads=_records(roads),
        hydrants=_records(hydrants),
        posts=_records(posts),
        units=_records(units),
        devices=_records(devices),
        custody=_records(custody),
        shifts=_records(shifts),
        equipment=_records(equipment),
        grid_posts=_records(grid_posts),
        grade_policies=_records(policies),
        lines=_records(lines),
        line_plans=_records(line_plans),
        visit_plans=_records(visit_plans),
        static_posts=_records(static_posts),
        holidays=_records(holidays),
    )
    order = {name: number for number, name in enumerate(REQUIRED + OPTIONAL)}
    return town, sorted(reading.findings.items, key=lambda finding: order.get(finding.file, -1))


def _look_around(reading: Reading) -> bool:
    """Report files that are missing and files that are not a town's; False when there is no folder at all."""
    folder, findings = reading.folder, reading.findings
    try:
        names = {entry.name for entry in folder.iterdir()}
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        findings.error(
            printable(str(folder)), "the folder", f"cannot be read: {reason}", "give the folder with the town's files"
        )
        return False
    for name in REQUIRED:
        if name not in names:
            findings.error(name, "the file", "is missing", "add it: a town cannot do without")
    for name in OPTIONAL:
        if name not in names:
            findings.info(name, "the file", "is not there", "add it when the town has such things")
    for name in sorted(names - {*REQUIRED, *OPTIONAL}):
        if name.lower().endswith((".csv", ".geojson", ".json")):
            remedy = f"the files of a town are: {', '.join(REQUIRED + OPTIONAL)}"
            findings.warning(printable(name), "the file", "is not known and is ignored", remedy)
    return True


def _there(path: Path) -> bool:
    try:
        path.lstat()
    except (OSError, ValueError):
        return False
    return True


def _records(noted: Sequence[Noted[T]]) -> tuple[T, ...]:
    return tuple(one.record for one in noted)


P = TypeVar("P", Checkpoint, Hydrant)


def _located(noted: Noted[P], file: str, locator: territory.Locator, reading: Reading) -> Noted[P]:
    where, it = noted
    grid = territory.locate(lat=it.lat, lon=it.lon, file=file, where=where, locator=locator, reading=reading)
    return Noted(where, replace(it, grid=grid))


def _kept(noted: Noted[Equipment], locator: territory.Locator, reading: Reading) -> Noted[Equipment]:
    """Equipment with its grid: the one it names, or else the one it lies in."""
    file, (where, item) = "equipment.csv", noted
    links.exists("grid", item.grid, file=file, where=where, listed_in="grids.geojson", reading=reading)
    if item.lat is None or item.lon is None:
        if item.grid is None:
            remedy = "give the grid that it belongs to, or its lat and lon"
            reading.findings.error(file, where, "has neither a grid nor coordinates", remedy)
        return noted
    at = territory.locate(lat=item.lat, lon=item.lon, file=file, where=where, locator=locator, reading=reading)
    if item.grid is None:
        return Noted(where, replace(item, grid=at))
    return noted


def _held(noted: Noted[Custody], reading: Reading) -> Noted[Custody]:
    where, row = noted
    kind = next((kind for kind in _HOLDERS if reading.knows(kind, row.holder)), None)
    return Noted(where, replace(row, holder_kind=kind))


def _check_equipment(equipment: Sequence[Noted[Equipment]], reading: Reading) -> None:
    kinds = {item.code: item.kind for _, item in equipment}
    for where, item in equipment:
        if item.kind.startswith("extinguisher_") and item.manufactured is None:
            remedy = "read the month on the cylinder; one that cannot be read is by itself a reason to scrap it"
            reading.findings.warning("equipment.csv", where, "is an extinguisher without month of manufacture", remedy)
        if kinds.get(item.place or "", "fire_room") != "fire_room":
            what = f"is kept in {quote(item.place)}, which is a piece of equipment but no fire room"
            reading.findings.warning(
                "equipment.csv", where, what, "give the code of a fire room, or describe the place"
            )


def _routes_with_grids(
    routes: Sequence[Route], checkpoints: Sequence[Checkpoint], grids: Sequence[Grid]
) -> tuple[Route, ...]:
    """Each route with the lowest grid that holds all of its checkpoints."""
    parents = {grid.code: grid.parent for grid in grids}
    grid_of = {checkpoint.code: checkpoint.grid for checkpoint in checkpoints}

    def line_up(code: str | None) -> list[str]:
        line: list[str] = []
        while code is not None and code in parents and code not in line:
            line.append(code)
            code = parents[code]
        return line

    def common(route: Route) -> str | None:
        lines = [line_up(grid_of.get(code)) for code in route.checkpoints]
        return next((code for code in lines[0] if all(code in line for line in lines)), None) if lines else None

    return tuple(replace(route, grid=common(route)) for route in routes)
