"""What the simulator must know of a town: plain values, wherever they come from."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from gateway.simulation.spells import Calendar, Spell

Line = tuple[tuple[float, float], ...]
"""Places along a line: latitude and longitude in degrees WGS-84."""


@dataclass(frozen=True)
class Checkpoint:
    """A place that rounds visit; `tag` can be scanned there, and a visit lasts `dwell_s` at least."""

    code: str
    lat: float
    lon: float
    radius_m: float = 40.0
    tag: str | None = None
    kind: str | None = None
    dwell_s: float | None = None


@dataclass(frozen=True)
class Route:
    """A line to walk, with the codes of its checkpoints.

    Attributes:
        code: as in the plan.
        line: where it goes.
        checkpoints: in the order of the route.
        ordered: they must be reached in this order.
        legs_s: how long the way from each to the next should take; empty when nobody says.
    """

    code: str
    line: Line
    checkpoints: tuple[str, ...]
    ordered: bool = False
    legs_s: tuple[float, ...] = ()


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


def nothing_to_do(since_s: float, until_s: float) -> tuple[Spell, ...]:
    """The calendar of a town that has none."""
    return ()


@dataclass(frozen=True)
class Town:
    """All of it. Mappings are by code; `units` gives each unit's kind, `rostered` those that ever have a shift."""

    checkpoints: Mapping[str, Checkpoint] = field(default_factory=dict)
    routes: Mapping[str, Route] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)
    devices: tuple[Device, ...] = ()
    shifts: frozenset[str] = frozenset()
    rostered: frozenset[str] = frozenset()
    calendar: Calendar = nothing_to_do
    roads: tuple[Line, ...] = ()
    lines: Mapping[str, Line] = field(default_factory=dict)
    posts: frozenset[str] = frozenset()
    things: Mapping[str, Thing] = field(default_factory=dict)
