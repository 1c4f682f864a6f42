"""What refers to what: codes that do not exist, things that nothing refers to, devices in two hands at once."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from ops.town.findings import quote
from ops.town.geometry import distance_m
from ops.town.model import (
    SLOTS,
    Checkpoint,
    Custody,
    Device,
    Equipment,
    Grid,
    GridPost,
    Hydrant,
    Post,
    Route,
    Shift,
    Unit,
)
from ops.town.reading import Noted, Reading

OFF_ROUTE_M = 100.0  # a checkpoint further from its route's line was probably put on the wrong route
HOLDERS = ("post", "unit", "hydrant", "equipment")

_FITTING = {
    "handset": {"post", "unit"},
    "radio": {"post", "unit"},
    "vehicle": {"unit"},
    "tag": {"hydrant", "equipment"},
}
_BEGINNING = datetime.min.replace(tzinfo=UTC)
_END = datetime.max.replace(tzinfo=UTC)


def check_posts(posts: Sequence[Noted[Post]], units: Sequence[Noted[Unit]], *, reading: Reading) -> None:
    """Posts name units and grids that exist; a patrol has a unit; squads agree."""
    squads = {unit.code: unit.squad for _, unit in units}
    for where, post in posts:
        exists("unit", post.unit, file="posts.csv", where=where, listed_in="units.csv", reading=reading)
        exists("grid", post.grid, file="posts.csv", where=where, listed_in="grids.geojson", reading=reading)
        exists("post", post.deputy, file="posts.csv", where=where, listed_in="posts.csv", reading=reading)
        if post.deputy == post.code:
            remedy = "name another post, or none"
            reading.findings.error("posts.csv", where, "is its own deputy", remedy)
        if post.role == "patrol" and post.unit is None:
            what = "is a patrol without a unit"
            reading.findings.warning("posts.csv", where, what, "name the unit that it walks or drives with")
        squad = squads.get(post.unit or "")
        if post.squad is not None and squad is not None and squad != post.squad:
            what = f"is of squad {quote(post.squad)} and its unit {quote(post.unit)} of squad {quote(squad)}"
            reading.findings.warning("posts.csv", where, what, "correct the squad of one of them")


def check_units(
    units: Sequence[Noted[Unit]],
    posts: Sequence[Noted[Post]],
    custody: Sequence[Noted[Custody]],
    *,
    reading: Reading,
) -> None:
    """A unit that has neither posts nor a device can prove nothing."""
    manned = {post.unit for _, post in posts} | {row.holder for _, row in custody}
    for where, unit in units:
        if unit.code not in manned:
            remedy = "give it posts or a device, or take it away"
            reading.findings.warning("units.csv", where, "has no posts and no device", remedy)


def check_grid_posts(grid_posts: Sequence[Noted[GridPost]], base: Sequence[Grid], *, reading: Reading) -> None:
    """Grids and posts exist, A and B are two, and every base grid has both."""
    named: dict[str, dict[str, str]] = {}
    for where, row in grid_posts:
        exists("grid", row.grid, file="grid_posts.csv", where=where, listed_in="grids.geojson", reading=reading)
        exists("post", row.post, file="grid_posts.csv", where=where, listed_in="posts.csv", reading=reading)
        slots = named.setdefault(row.grid, {})
        slots[row.slot] = row.post
        if len(slots) > len(set(slots.values())):
            what = f"has {quote(row.post)} as A and as B"
            reading.findings.warning(
                "grid_posts.csv", where, what, "name another post: nobody stands in for themselves"
            )
    for grid in base:
        vacant = [slot for slot in SLOTS if slot not in named.get(grid.code, {})]
        if vacant:
            what = f"has no post {' and no post '.join(vacant)}"
            remedy = "add a row for it: nobody answers for the grid while that is so"
            reading.findings.warning("grid_posts.csv", f"grid {grid.code} ({grid.name})", what, remedy)


def check_routes(
    routes: Sequence[Noted[Route]],
    checkpoints: Sequence[Noted[Checkpoint]],
    shifts: Sequence[Noted[Shift]] | None,
    *,
    reading: Reading,
) -> None:
    """Routes name checkpoints that exist and lie near the line; no checkpoint and no route is left over.

    `shifts` is None when the town has no shift file: then it says nothing about who walks.
    """
    places = {checkpoint.code: checkpoint for _, checkpoint in checkpoints}
    for where, route in routes:
        for code in route.checkpoints:
            listed_in = "checkpoints.geojson"
            exists("checkpoint", code, file="routes.geojson", where=where, listed_in=listed_in, reading=reading)
            if code in places and (away_m := distance_m(places[code].shape, route.shape)) > OFF_ROUTE_M:
                what = f"has the checkpoint {quote(code)} {away_m:.0f} m from its line"
                remedy = "redraw the line, or take the checkpoint off the route"
                reading.findings.warning("routes.geojson", where, what, remedy)
    visited = {code for _, route in routes for code in route.checkpoints}
    for where, checkpoint in checkpoints:
        if checkpoint.code not in visited:
            remedy = "put it on a route: nobody is told to go there"
            reading.findings.warning("checkpoints.geojson", where, "is on no route", remedy)
    walked = None if shifts is None else {shift.route for _, shift in shifts}
    for where, route in routes:
        if walked is not None and route.code not in walked:
            remedy = "add a row to shifts.csv: nobody is told to walk it"
            reading.findings.warning("routes.geojson", where, "is in no shift", remedy)


def check_shifts(shifts: Sequence[Noted[Shift]], *, reading: Reading) -> None:
    """Shifts name units and routes that exist; rows of one shift agree on its name and times."""
    first: dict[str, Noted[Shift]] = {}
    for noted in shifts:
        where, shift = noted
        exists("unit", shift.unit, file="shifts.csv", where=where, listed_in="units.csv", reading=reading)
        exists("route", shift.route, file="shifts.csv", where=where, listed_in="routes.geojson", reading=reading)
        other = first.setdefault(shift.shift, noted)
        for column in ("name", "starts", "ends"):
            if getattr(shift, column) != getattr(other.record, column):
                what = f"has another `{column}` than {other.where}"
                remedy = "let the rows of one shift agree, or call it another shift"
                reading.findings.error("shifts.csv", where, what, remedy)


def check_fixed_devices(
    hydrants: Sequence[Noted[Hydrant]], equipment: Sequence[Noted[Equipment]], *, reading: Reading
) -> None:
    """Tags that hydrants and equipment name exist and are fixed in one place only."""
    for file, where, device in _fixed(hydrants, equipment):
        exists("device", device, file=file, where=where, listed_in="devices.csv", reading=reading)
        reading.register("fixed device", device, file=file, where=where)


def _fixed(hydrants: Iterable[Noted[Hydrant]], equipment: Iterable[Noted[Equipment]]) -> Iterable[tuple[str, str, str]]:
    for where, hydrant in hydrants:
        if hydrant.device is not None:
            yield "hydrants.geojson", where, hydrant.device
    for where, item in equipment:
        if item.device is not None:
            yield "equipment.csv", where, item.device


def check_custody(
    custody: Sequence[Noted[Custody]], devices: Sequence[Noted[Device]], fixed: dict[str, str], *, reading: Reading
) -> None:
    """Devices and holders exist and fit, and nobody holds what another holds at that time.

    `fixed` maps each device that a hydrant or a piece of equipment names to the code of that thing.
    """
    kinds = {device.device: device.kind for _, device in devices}
    by_device: dict[str, list[Noted[Custody]]] = {}
    for noted in custody:
        where, row = noted
        exists("device", row.device, file="custody.csv", where=where, listed_in="devices.csv", reading=reading)
        by_device.setdefault(row.device, []).append(noted)
        if row.holder_kind is None:
            remedy = "a holder is the code of a post, a unit, a hydrant or a piece of equipment"
            what = f"has the holder {quote(row.holder)}, which does not exist"
            reading.findings.error("custody.csv", where, what, remedy)
        _check_fit(kinds.get(row.device), where, row, reading=reading)
        if fixed.get(row.device, row.holder) != row.holder:
            what = f"gives {quote(row.device)} to {quote(row.holder)}, but it is fixed to {quote(fixed[row.device])}"
            reading.findings.error("custody.csv", where, what, "take the row away, or the device off the other")
    for rows in by_device.values():
        _check_overlaps(rows, reading=reading)
    for where, device in devices:
        if device.device not in by_device and device.device not in fixed:
            remedy = "add a row to custody.csv when somebody takes it"
            reading.findings.info("devices.csv", where, "is in nobody's custody", remedy)


def _check_fit(kind: str | None, where: str, row: Custody, *, reading: Reading) -> None:
    fitting = _FITTING.get(kind or "")
    if fitting is not None and row.holder_kind is not None and row.holder_kind not in fitting:
        what = f"gives a {kind} to {'an' if row.holder_kind == 'equipment' else 'a'} {row.holder_kind}"
        remedy = f"a {kind} is held by a {' or '.join(sorted(fitting))}"
        reading.findings.warning("custody.csv", where, what, remedy)


def _check_overlaps(rows: list[Noted[Custody]], *, reading: Reading) -> None:
    ordered = sorted(rows, key=lambda noted: noted.record.starts or _BEGINNING)
    latest: Noted[Custody] | None = None  # of those before, the one that ends last
    for noted in ordered:
        starts, ends = noted.record.starts or _BEGINNING, noted.record.ends or _END
        if latest is not None and starts < (latest.record.ends or _END):
            what = f"has the device while {latest.where} holds it too"
            remedy = "end the earlier one: `to` is the first day or moment on which it is held no longer"
            reading.findings.error("custody.csv", noted.where, what, remedy)
        if latest is None or ends > (latest.record.ends or _END):
            latest = noted


def check_holders(*, reading: Reading) -> None:
    """No code means both, say, a post and a unit: custody would not know which of them holds the device."""
    for number, kind in enumerate(HOLDERS):
        for other in HOLDERS[number + 1 :]:
            for code in sorted(reading.codes.get(kind, {}).keys() & reading.codes.get(other, {}).keys()):
                first, second = reading.codes[kind][code], reading.codes[other][code]
                what = f"has the code {quote(code)} that {first.file} {first.where} has already"
                remedy = "give one another code: holders of devices are told apart by it"
                reading.findings.error(second.file, second.where, what, remedy)


def exists(kind: str, code: str | None, *, file: str, where: str, listed_in: str, reading: Reading) -> None:
    """An error unless some file gave this code; None refers to nothing."""
    if code is not None and not reading.knows(kind, code):
        what = f"names the {kind} {quote(code)}, which does not exist"
        reading.findings.error(file, where, what, f"correct the code, or add it to {listed_in}")
