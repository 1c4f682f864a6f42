"""What a town is once it has been read: one record for each feature and each row.

Coordinates are as the files gave them. A record bears no dates of validity: whoever keeps it adds them. What is
wrong with a file is not here either: the reader reports that as findings, and only a town without errors is fit
to be imported.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time
from functools import cached_property
from typing import Any, Literal

import shapely
from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry

from devices.identity import KINDS

Geometry = dict[str, Any]
"""A GeoJSON geometry object, longitude before latitude, WGS-84."""

Holder = Literal["post", "unit", "hydrant", "equipment"]

CHECKPOINT_KINDS = ("key_unit", "school", "filling_station", "kiosk", "street")
HYDRANT_TYPES = ("pillar", "underground", "wall")
POST_ROLES = ("patrol", "leader", "duty_officer", "crew", "grid_officer")
UNIT_KINDS = ("foot", "motorcycle", "car", "electric")
DEVICE_KINDS = tuple(KINDS)
EQUIPMENT_KINDS = (
    "extinguisher_water",
    "extinguisher_powder",
    "extinguisher_clean",
    "extinguisher_co2",
    "fire_room",
    "hose",
    "smoke_detector",
    "emergency_light",
    "other",
)
SHIFT_MODES = ("constant", "seasonal", "targeted", "random")
ON_HOLIDAYS = ("as_usual", "skip", "only")
HOLIDAY_KINDS = ("rest", "work")
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
GRADES = {1: "日常管理", 2: "一般防范", 3: "重点关注", 4: "严密管控"}
PATROL = "patrol"  # the hierarchy whose grids places, readings and duties lie in
SLOTS = ("A", "B")
SEVERITIES = ("info", "warning", "high", "critical")


def base_grids(grids: Iterable["Grid"]) -> tuple["Grid", ...]:
    """Those of the patrol hierarchy that no other lies below: each place lies in one of them."""
    grids = tuple(grids)
    parents = {grid.parent for grid in grids}
    return tuple(grid for grid in grids if grid.hierarchy == PATROL and grid.code not in parents)


class _Drawn:
    """A record with a geometry: its shapely twin is built when first asked for."""

    geometry: Geometry

    @cached_property
    def shape(self) -> BaseGeometry:
        """The geometry as shapely has it, in degrees."""
        return shape(self.geometry)


class _Placed:
    """A record with a place: longitude and latitude in degrees, WGS-84."""

    lat: float
    lon: float

    @cached_property
    def shape(self) -> shapely.Point:
        """The place as a shapely point, in degrees."""
        return shapely.Point(self.lon, self.lat)


@dataclass(frozen=True, kw_only=True)
class Grid(_Drawn):
    """One piece of territory: level 1 the top of its hierarchy; `grade` 1-4 where no other grid lies below it.

    `made_of` names the grids of another hierarchy that it consists of; its geometry is then all of theirs.
    """

    code: str
    name: str
    level: int
    parent: str | None
    grade: int | None
    geometry: Geometry
    hierarchy: str = PATROL
    made_of: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Checkpoint(_Placed):
    """A place that rounds must visit; `grid` is the base grid that it lies in.

    With a polygon as `geometry`, `lat` and `lon` are its middle and `radius_m` reaches all of it.
    """

    code: str
    name: str
    lat: float
    lon: float
    radius_m: float
    kind: str | None
    tags: tuple[str, ...] = ()
    dwell_s: int | None = None
    geometry: Geometry | None = None
    grid: str | None = None


@dataclass(frozen=True, kw_only=True)
class Route(_Drawn):
    """A line to walk and its checkpoints, in order; `grid` is the lowest grid that holds all of them."""

    code: str
    name: str
    checkpoints: tuple[str, ...]
    geometry: Geometry
    ordered: bool = False
    legs: tuple[dict[str, float], ...] = ()
    grid: str | None = None


@dataclass(frozen=True, kw_only=True)
class Road(_Drawn):
    """A road, for maps and for telling whether a track follows the streets."""

    code: str
    name: str
    kind: str
    geometry: Geometry


@dataclass(frozen=True, kw_only=True)
class Hydrant(_Placed):
    """A hydrant; `device` is the tag fixed to it, `manufactured` the first day of the month, `grid` its base grid."""

    code: str
    name: str
    lat: float
    lon: float
    type: str | None
    device: str | None
    manufactured: date | None
    grid: str | None = None


@dataclass(frozen=True, kw_only=True)
class Post:
    """A staff post; a person's name never appears."""

    code: str
    name: str
    squad: str | None
    unit: str | None
    role: str
    grid: str | None
    deputy: str | None = None


@dataclass(frozen=True, kw_only=True)
class Unit:
    """What is sent out as one: a foot patrol or a vehicle."""

    code: str
    name: str
    kind: str
    squad: str | None


@dataclass(frozen=True, kw_only=True)
class Device:
    """A device that reports; `datum` is the one its coordinates are in when a message does not say."""

    device: str
    kind: str
    name: str
    datum: str


@dataclass(frozen=True, kw_only=True)
class Custody:
    """Who or what holds a device: from `starts` up to but not including `ends`, aware UTC, None is open."""

    device: str
    holder: str
    holder_kind: Holder | None
    starts: datetime | None
    ends: datetime | None


@dataclass(frozen=True, kw_only=True)
class Shift:
    """One unit walks one route `rounds` times in a shift; `days` 0 Monday to 6 Sunday, times of the site's zone.

    A shift that does not end after it starts ends on the next day; `days` are the days on which it starts.
    """

    shift: str
    name: str
    days: tuple[int, ...]
    starts: time
    ends: time
    unit: str
    route: str
    rounds: int
    mode: str = "constant"
    first_day: str | None = None
    last_day: str | None = None
    round_min: int | None = None
    holidays: str = "as_usual"


@dataclass(frozen=True, kw_only=True)
class Holiday:
    """A day of rest, or a weekend day that is worked in its stead."""

    day: date
    name: str
    kind: str


@dataclass(frozen=True, kw_only=True)
class Equipment:
    """An extinguisher, a fire room or another thing that must be kept fit; months are their first day.

    `grid` is what the row says, or the base grid of its coordinates when the row says nothing.
    """

    code: str
    kind: str
    name: str
    grid: str | None
    lat: float | None
    lon: float | None
    manufactured: date | None
    last_service: date | None
    place: str | None
    device: str | None

    @cached_property
    def shape(self) -> shapely.Point | None:
        """The place as a shapely point in degrees, or None when the row has no coordinates."""
        return None if self.lat is None or self.lon is None else shapely.Point(self.lon, self.lat)


@dataclass(frozen=True, kw_only=True)
class GridPost:
    """The post that answers for a grid; slot A, or B for when A is away."""

    grid: str
    slot: str
    post: str


@dataclass(frozen=True, kw_only=True)
class GradePolicy:
    """What a grade asks for on each shift: at least so many rounds and posts, and how severe a missed duty is."""

    grade: int
    rounds: int
    staff: int
    severity: str | None


@dataclass(frozen=True, kw_only=True)
class Line(_Drawn):
    """A line that must be walked: `share` of its length within `corridor_m`; `grid` is the lowest one that holds it."""

    code: str
    name: str
    corridor_m: float
    share: float
    geometry: Geometry
    grid: str | None = None


@dataclass(frozen=True, kw_only=True)
class LinePlan:
    """One unit walks one line `times` times in each shift of this code."""

    code: str
    line: str
    unit: str
    shift: str
    times: int


@dataclass(frozen=True, kw_only=True)
class VisitPlan:
    """Posts of a role are in each grid of a level that they answer for, `times` days a week, month or quarter."""

    code: str
    name: str
    role: str
    every: str
    level: int
    times: int
    dwell_s: float


@dataclass(frozen=True, kw_only=True)
class StaticPost:
    """A place that a unit holds on these days from `starts` to `ends`: a circle, or the polygon of `geometry`."""

    code: str
    name: str
    unit: str
    lat: float
    lon: float
    radius_m: float
    geometry: Geometry | None
    days: tuple[int, ...]
    starts: time
    ends: time
    share: float
    grid: str | None = None


@dataclass(frozen=True, kw_only=True)
class Town:
    """Everything that a folder of town files says, in the order of the files.

    After a reading with errors some records are missing; after one without, every code named in a record exists.
    """

    grids: tuple[Grid, ...] = ()
    checkpoints: tuple[Checkpoint, ...] = ()
    routes: tuple[Route, ...] = ()
    roads: tuple[Road, ...] = ()
    hydrants: tuple[Hydrant, ...] = ()
    posts: tuple[Post, ...] = ()
    units: tuple[Unit, ...] = ()
    devices: tuple[Device, ...] = ()
    custody: tuple[Custody, ...] = ()
    shifts: tuple[Shift, ...] = ()
    equipment: tuple[Equipment, ...] = ()
    grid_posts: tuple[GridPost, ...] = ()
    grade_policies: tuple[GradePolicy, ...] = ()
    lines: tuple[Line, ...] = ()
    line_plans: tuple[LinePlan, ...] = ()
    visit_plans: tuple[VisitPlan, ...] = ()
    static_posts: tuple[StaticPost, ...] = ()
    holidays: tuple[Holiday, ...] = ()

    def grids_top_down(self) -> Iterator[Grid]:
        """All grids, each after its parent: the order in which rows with a parent key can be written."""
        yield from sorted(self.grids, key=lambda grid: grid.level)

    def base_grids(self) -> tuple[Grid, ...]:
        """The patrol grids that no other lies below."""
        return base_grids(self.grids)

    def holdings(self) -> tuple[Custody, ...]:
        """`custody`, and an open one for each tag that a hydrant or a piece of equipment names and no row does."""
        stated = {row.device for row in self.custody}
        fixed: list[tuple[str | None, str, Holder]] = [(it.device, it.code, "hydrant") for it in self.hydrants]
        fixed += [(it.device, it.code, "equipment") for it in self.equipment]
        return self.custody + tuple(
            Custody(device=device, holder=code, holder_kind=kind, starts=None, ends=None)
            for device, code, kind in fixed
            if device is not None and device not in stated
        )

    def counts(self) -> dict[str, int]:
        """How many records of each kind there are, by the stem of the file that they come from."""
        return {name: len(getattr(self, name)) for name in self.__dataclass_fields__}
