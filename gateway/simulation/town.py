"""What the simulator must know of a town: plain values, wherever they come from."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import time

Line = tuple[tuple[float, float], ...]
"""Places along a line: latitude and longitude in degrees WGS-84."""


@dataclass(frozen=True)
class Checkpoint:
    """A place that rounds visit; `tag` can be scanned there."""

    code: str
    lat: float
    lon: float
    radius_m: float = 40.0
    tag: str | None = None


@dataclass(frozen=True)
class Route:
    """A line to walk, with the codes of its checkpoints."""

    code: str
    line: Line
    checkpoints: tuple[str, ...]


@dataclass(frozen=True)
class Shift:
    """One unit walks one route so many times, on these days, in local time; it may end on the next day."""

    code: str
    days: frozenset[int]  # 0 Monday to 6 Sunday, of the day on which it starts
    starts: time
    ends: time
    unit: str
    route: str
    rounds: int


@dataclass(frozen=True)
class Device:
    """A device that is played.

    Attributes:
        name: as registered.
        kind: one of `devices.identity.KINDS`.
        unit: the unit it goes with, None when it stays where it is.
        thing: code of the equipment it is fixed to.
        lag_s: how far it walks behind the first of its unit, in seconds.
    """

    name: str
    kind: str
    unit: str | None = None
    thing: str | None = None
    lag_s: float = 0.0


@dataclass(frozen=True)
class Thing:
    """Something with a tag on it: a hydrant, an extinguisher."""

    code: str
    kind: str
    lat: float
    lon: float


@dataclass(frozen=True)
class Stand:
    """A place that a unit holds on these days from then to then, in local time; it may end on the next day."""

    code: str
    unit: str
    lat: float
    lon: float
    days: frozenset[int]  # 0 Monday to 6 Sunday, of the day on which it starts
    starts: time
    ends: time


@dataclass(frozen=True)
class Town:
    """All of it. Mappings are by code; `units` gives each unit's kind."""

    zone: str = "Asia/Shanghai"
    checkpoints: Mapping[str, Checkpoint] = field(default_factory=dict)
    routes: Mapping[str, Route] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)
    devices: tuple[Device, ...] = ()
    shifts: tuple[Shift, ...] = ()
    roads: tuple[Line, ...] = ()
    things: Mapping[str, Thing] = field(default_factory=dict)
    stands: tuple[Stand, ...] = ()
