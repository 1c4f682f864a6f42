"""What the watch has to do as dated values: checkpoints, routes, shifts, holidays, lines, visits and static posts."""

from dataclasses import dataclass
from datetime import time
from typing import Literal

from rules.core.dated import Dated

Ring = tuple[tuple[float, float], ...]


@dataclass(frozen=True, kw_only=True)
class Checkpoint(Dated):
    """A place that rounds must visit."""

    name: str
    grid: str | None
    lat: float
    lon: float
    radius_m: float
    kind: str = "street"
    ring: Ring = ()  # degrees (lat, lon) around the place; empty: it is the circle
    tags: tuple[str, ...] = ()  # as `devices.readings.same_tag` writes them
    dwell_s: int | None = None


@dataclass(frozen=True, kw_only=True)
class Leg:
    """How long the way from one checkpoint to the next should take."""

    minutes: float
    tolerance_min: float


@dataclass(frozen=True, kw_only=True)
class Route(Dated):
    """Checkpoints; in this order when it is `ordered`, and then perhaps with the legs between them."""

    name: str
    checkpoints: tuple[str, ...]
    ordered: bool = False
    legs: tuple[Leg, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Holiday(Dated):
    """A day of rest, or a day at the weekend that is worked in its stead; `code` is the day, as 2026-10-01."""

    name: str
    kind: Literal["rest", "work"]


@dataclass(frozen=True, kw_only=True)
class Shift(Dated):
    """One unit walks one route so many times, on these days, in local time; it may end on the next day.

    Attributes:
        mode: seasonal and targeted ones run from `first_day` to `last_day`, both included; a random one draws when
            each of its rounds begins.
        first_day: month and day such as 11-15 of a seasonal shift, a date such as 2026-11-15 of a targeted one.
        round_min: minutes that a random round may take; None: half of its part of the shift.
        holidays: what it does on days of rest.
    """

    name: str
    days: frozenset[int]  # 0 Monday to 6 Sunday, of the day on which it starts
    starts: time
    ends: time
    unit: str
    route: str
    rounds: int
    mode: Literal["constant", "seasonal", "targeted", "random"] = "constant"
    first_day: str | None = None
    last_day: str | None = None
    round_min: int | None = None
    holidays: Literal["as_usual", "skip", "only"] = "as_usual"


@dataclass(frozen=True, kw_only=True)
class Line(Dated):
    """A line that must be walked: `points` are (lat, lon) in degrees WGS-84, `share` of its length is enough."""

    name: str
    grid: str | None
    points: tuple[tuple[float, float], ...]
    corridor_m: float
    share: float


@dataclass(frozen=True, kw_only=True)
class LinePlan(Dated):
    """A unit walks a line so many times in each shift of this code."""

    line: str
    unit: str
    shift: str
    times: int


@dataclass(frozen=True, kw_only=True)
class VisitPlan(Dated):
    """Posts of a role are in each grid of a level that they answer for, on so many days of each period."""

    name: str
    role: str
    every: str  # week, month or quarter
    level: int
    times: int
    dwell_s: float


@dataclass(frozen=True, kw_only=True)
class StaticPost(Dated):
    """A unit holds a place from then to then, local time; `ring` is its border when it is no circle: (lat, lon)."""

    name: str
    grid: str | None
    unit: str
    lat: float
    lon: float
    radius_m: float
    ring: tuple[tuple[float, float], ...] = ()
    days: frozenset[int]  # 0 Monday to 6 Sunday, of the day on which it starts
    starts: time
    ends: time
    share: float
