"""The CSV files: each row into its record, with a finding for all that is wrong in it."""

from collections.abc import Iterator
from typing import Any

from devices.readings import DATUMS
from ops.town.fields import Fields
from ops.town.files import FILL, read_rows
from ops.town.findings import quote
from ops.town.geometry import degrees_problem
from ops.town.model import (
    DEVICE_KINDS,
    EQUIPMENT_KINDS,
    HOLIDAY_KINDS,
    ON_HOLIDAYS,
    POST_ROLES,
    SEVERITIES,
    SHIFT_MODES,
    SLOTS,
    UNIT_KINDS,
    Custody,
    Device,
    Equipment,
    GradePolicy,
    GridPost,
    Holiday,
    Post,
    Shift,
    Unit,
)
from ops.town.reading import Noted, Reading

MAX_STAFF = 100  # posts on one shift; more is another number by mistake
_SHIFT_MORE = "name,mode,first_day,last_day,round_min,holidays"
MAX_ROUNDS = 48  # of one unit in one shift: one each half hour for a whole day


def read_posts(reading: Reading) -> list[Noted[Post]]:
    """`posts.csv`."""
    posts = []
    for fields in _rows(reading, "posts", "code,name,role", "squad,unit,grid,deputy"):
        code, name = _key(fields, "post", reading), fields.text("name")
        squad, unit = fields.code("squad", required=False), fields.code("unit", required=False)
        role = fields.choice("role", POST_ROLES)
        grid = fields.code("grid", required=role == "grid_officer")
        deputy = fields.code("deputy", required=False)
        if code is None or name is None or role is None or fields.failed:
            continue
        post = Post(code=code, name=name, squad=squad, unit=unit, role=role, grid=grid, deputy=deputy)
        posts.append(Noted(fields.where, post))
    return posts


def read_units(reading: Reading) -> list[Noted[Unit]]:
    """`units.csv`."""
    units = []
    for fields in _rows(reading, "units", "code,name,kind", "squad"):
        code, name = _key(fields, "unit", reading), fields.text("name")
        kind, squad = fields.choice("kind", UNIT_KINDS), fields.code("squad", required=False)
        if code is None or name is None or kind is None or fields.failed:
            continue
        units.append(Noted(fields.where, Unit(code=code, name=name, kind=kind, squad=squad)))
    return units


def read_devices(reading: Reading) -> list[Noted[Device]]:
    """`devices.csv`."""
    devices = []
    for fields in _rows(reading, "devices", "device,kind", "name,datum"):
        device = fields.device("device")
        if device is not None and not reading.register("device", device, file=fields.file, where=fields.where):
            fields.failed = True
        kind, name = fields.choice("kind", DEVICE_KINDS), fields.text("name", required=False)
        datum = fields.choice("datum", DATUMS, required=False)
        if device is None or kind is None or fields.failed:
            continue
        record = Device(device=device, kind=kind, name=name or device, datum=datum or "wgs84")
        devices.append(Noted(fields.where, record))
    return devices


def read_custody(reading: Reading) -> list[Noted[Custody]]:
    """`custody.csv`; what kind of thing the holder is, is settled when all files have been read."""
    custody = []
    for fields in _rows(reading, "custody", "device,holder", "from,to"):
        device, holder = fields.device("device"), fields.code("holder")
        starts, ends = fields.moment("from"), fields.moment("to")
        if starts is not None and ends is not None and ends <= starts:
            fields.wrong("ends before it starts", "`to` is later than `from`; the day of `to` is the first day without")
        if device is None or holder is None or fields.failed:
            continue
        record = Custody(device=device, holder=holder, holder_kind=None, starts=starts, ends=ends)
        custody.append(Noted(fields.where, record))
    return custody


def read_shifts(reading: Reading) -> list[Noted[Shift]]:
    """`shifts.csv`."""
    shifts = []
    for fields in _rows(reading, "shifts", "shift,days,starts,ends,unit,route,rounds", _SHIFT_MORE):
        shift, name = fields.code("shift"), fields.text("name", required=False)
        days, starts, ends = fields.days("days"), fields.clock("starts"), fields.clock("ends")
        unit, route = fields.code("unit"), fields.code("route")
        rounds = fields.integer("rounds", low=1, high=MAX_ROUNDS)
        when = _when(fields)
        if shift is None or unit is None or route is None:
            continue
        key = f"{shift}, {unit}, {route}"
        if not reading.register("shift, unit and route", key, file=fields.file, where=fields.where):
            continue
        if starts is None or ends is None or rounds is None or fields.failed:
            continue
        record = Shift(
            shift=shift,
            name=name or shift,
            days=days,
            starts=starts,
            ends=ends,
            unit=unit,
            route=route,
            rounds=rounds,
            **when,
        )
        shifts.append(Noted(fields.where, record))
    return shifts


def read_equipment(reading: Reading) -> list[Noted[Equipment]]:
    """`equipment.csv`."""
    equipment = []
    optional = "grid,lat,lon,manufactured,last_service,place,device"
    for fields in _rows(reading, "equipment", "code,kind,name", optional):
        code, name = _key(fields, "equipment", reading), fields.text("name")
        kind = fields.choice("kind", EQUIPMENT_KINDS)
        grid, place = fields.code("grid", required=False), fields.text("place", required=False)
        lat, lon = _latitude_longitude(fields)
        manufactured, last_service = fields.month("manufactured"), fields.month("last_service")
        device = fields.device("device", required=False)
        if manufactured and last_service and last_service < manufactured:
            fields.wrong(
                f"was serviced in {last_service:%Y-%m} before it was made in {manufactured:%Y-%m}",
                "correct one of the two months; they may have been swapped",
            )
        if code is None or name is None or kind is None or fields.failed:
            continue
        record = Equipment(
            code=code,
            kind=kind,
            name=name,
            grid=grid,
            lat=lat,
            lon=lon,
            manufactured=manufactured,
            last_service=last_service,
            place=place,
            device=device,
        )
        equipment.append(Noted(fields.where, record))
    return equipment


def read_grid_posts(reading: Reading) -> list[Noted[GridPost]]:
    """`grid_posts.csv`."""
    grid_posts = []
    for fields in _rows(reading, "grid_posts", "grid,slot,post", ""):
        grid, slot, post = fields.code("grid"), fields.choice("slot", SLOTS), fields.code("post")
        if grid is None or slot is None or post is None or fields.failed:
            continue
        if reading.register("grid and slot", f"{grid}, {slot}", file=fields.file, where=fields.where):
            grid_posts.append(Noted(fields.where, GridPost(grid=grid, slot=slot, post=post)))
    return grid_posts


def read_grade_policies(reading: Reading) -> list[Noted[GradePolicy]]:
    """`grade_policies.csv`."""
    policies = []
    for fields in _rows(reading, "grade_policies", "grade,rounds,staff", "severity"):
        grade = fields.integer("grade", low=1, high=4)
        rounds = fields.integer("rounds", low=0, high=MAX_ROUNDS)
        staff = fields.integer("staff", low=0, high=MAX_STAFF)
        severity = fields.choice("severity", SEVERITIES, required=False)
        if grade is None or rounds is None or staff is None or fields.failed:
            continue
        if reading.register("grade", str(grade), file=fields.file, where=fields.where):
            record = GradePolicy(grade=grade, rounds=rounds, staff=staff, severity=severity)
            policies.append(Noted(fields.where, record))
    return policies


def read_holidays(reading: Reading) -> list[Noted[Holiday]]:
    """`holidays.csv`."""
    holidays = []
    for fields in _rows(reading, "holidays", "day,name,kind", ""):
        day, name, kind = fields.day("day"), fields.text("name"), fields.choice("kind", HOLIDAY_KINDS)
        if day is None or name is None or kind is None or fields.failed:
            continue
        if reading.register("day", day.isoformat(), file=fields.file, where=fields.where):
            holidays.append(Noted(fields.where, Holiday(day=day, name=name, kind=kind)))
    return holidays


def _when(fields: Fields) -> dict[str, Any]:
    """The columns of a shift that say in which time of the year it runs, and what it does on holidays."""
    mode = fields.choice("mode", SHIFT_MODES, required=False) or "constant"
    first: str | None = None
    last: str | None = None
    if mode == "seasonal":
        first, last = fields.month_day("first_day"), fields.month_day("last_day")
    elif mode == "targeted":
        days = fields.day("first_day"), fields.day("last_day")
        if days[0] and days[1] and days[1] < days[0]:
            fields.wrong("ends before it begins", "last_day is not before first_day")
        first, last = (day.isoformat() if day else None for day in days)
    elif fields.text("first_day", required=False) or fields.text("last_day", required=False):
        fields.wrong(f"is {mode} and has a first_day or last_day", "give it mode seasonal or targeted, or no such days")
    round_min = fields.integer("round_min", low=5, high=720, required=False)
    if round_min is not None and mode != "random":
        fields.wrong(f"is {mode} and has a round_min", "only random shifts draw a window; leave it empty")
    holidays = fields.choice("holidays", ON_HOLIDAYS, required=False) or "as_usual"
    return {"mode": mode, "first_day": first, "last_day": last, "round_min": round_min, "holidays": holidays}


def _latitude_longitude(fields: Fields) -> tuple[float | None, float | None]:
    lat = fields.number("lat", low=-1e9, high=1e9, required=False)
    lon = fields.number("lon", low=-1e9, high=1e9, required=False)
    if lat is None or lon is None:
        if (lat is None) != (lon is None) and not fields.failed:
            fields.wrong("has one of lat and lon only", "give both, or neither and a grid")
        return None, None
    problem = degrees_problem(lon=lon, lat=lat)
    if problem is not None:
        fields.wrong(problem[0], "lat is about 18 to 54 and lon about 73 to 135 in China; write each in its column")
        return None, None
    return lat, lon


def _key(fields: Fields, kind: str, reading: Reading) -> str | None:
    code = fields.code("code")
    if code is not None and not reading.register(kind, code, file=fields.file, where=fields.where):
        fields.failed = True
    return code


def _rows(reading: Reading, stem: str, required: str, optional: str) -> Iterator[Fields]:
    """Each row as fields; a row is named by its line and its first code, whichever columns those are in."""
    path = reading.folder / f"{stem}.csv"
    columns = tuple(required.split(",")), tuple(name for name in optional.split(",") if name)
    first, none_yet = columns[0][0], True
    findings, before = reading.findings, len(reading.findings.items)
    for row in read_rows(path, required=columns[0], optional=columns[1], findings=findings):
        none_yet = False
        code = row.cells.get(first, "")
        where = f"row {row.line} ({first} {quote(code)[1:-1]})" if code else f"row {row.line}"
        yield Fields(row.cells, file=path.name, where=where, reading=reading)
    if none_yet and len(findings.items) == before:
        findings.error(path.name, "the file", "has no rows", FILL)


rows_of = _rows  # for the readers of files that have a module of their own
