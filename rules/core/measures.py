"""What verdicts and presence come to: rates with their numbers, down from counts that add up. Pure; no I/O."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from rules.core.fixes import Span, merged
from rules.core.reasons import Why
from rules.core.rounds import watches
from rules.core.world import World

# Doubts that say what a device or the service did, not what the patrol did: such a duty is taken out.
DEVICE_FAULTS = frozenset({Why.HOLE, Why.SILENT_DEVICE, Why.ACCURACY, Why.BORDER, Why.INGEST_BEHIND})
# Reasons that stand beside a doubt and neither accuse nor excuse: they say how much is proven, and of what.
NEUTRAL = frozenset(
    {
        Why.NEAREST_FIX,
        Why.ACCURACY_UNKNOWN,
        Why.INTERPOLATED,
        Why.COVERED,
        Why.GAP,
        Why.PRESENT_FOR,
        Why.ABSENT,
        Why.VISITS,
        Why.DWELT,
        Why.SCANNED,
    }
)


class CountsAs(StrEnum):
    """What a duty is to the measures."""

    MET = "met"
    EARLY = "early"
    LATE = "late"
    MISSED = "missed"
    IN_DOUBT = "in_doubt"  # nobody can say, and no device is to blame for that
    DEVICE_FAULT = "device_fault"  # nobody can say because of a device or the service: taken out
    WAIVED = "waived"  # taken out
    SUPERSEDED = "superseded"  # taken out
    PENDING = "pending"  # no verdict yet


def counts_as(state: str, verdict: str | None, reasons: Iterable[Mapping[str, Any]] = ()) -> CountsAs:
    """What a duty is to the measures; the statement `tally` says the same in SQL."""
    if state == "superseded":
        return CountsAs.SUPERSEDED
    if verdict is None:
        return CountsAs.PENDING
    if verdict == "in_doubt":
        names = {str(one.get("reason")) for one in reasons}
        fault = names & DEVICE_FAULTS and names <= DEVICE_FAULTS | NEUTRAL
        return CountsAs.DEVICE_FAULT if fault else CountsAs.IN_DOUBT
    return CountsAs(verdict)


@dataclass(frozen=True, kw_only=True)
class Rate:
    """`n` of `of`; of nothing there is no rate."""

    n: int
    of: int

    @property
    def value(self) -> float | None:
        """0 to 1, to a ten-thousandth; None when there is nothing to reckon it from."""
        return round(self.n / self.of, 4) if self.of else None


@dataclass(frozen=True, kw_only=True)
class Tally:
    """How many duties came to what. `total` is the sum of all."""

    met: int = 0
    early: int = 0
    late: int = 0
    missed: int = 0
    in_doubt: int = 0
    device_fault: int = 0
    waived: int = 0
    superseded: int = 0
    pending: int = 0

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(**{it.name: getattr(self, it.name) + getattr(other, it.name) for it in fields(self)})

    @property
    def total(self) -> int:
        """All duties of the span."""
        return sum(getattr(self, it.name) for it in fields(self))

    @property
    def arrived(self) -> int:
        """Somebody was there, in time or not."""
        return self.met + self.early + self.late

    @property
    def counted(self) -> int:
        """Those that the rates are reckoned from."""
        return self.arrived + self.missed + self.in_doubt

    @property
    def taken_out(self) -> int:
        """Those that are nobody's fault or no longer wanted."""
        return self.device_fault + self.waived + self.superseded

    @property
    def arrival(self) -> Rate:
        """到位率: arrived, of those that count."""
        return Rate(n=self.arrived, of=self.counted)

    @property
    def missing(self) -> Rate:
        """漏检率: missed, of those that count."""
        return Rate(n=self.missed, of=self.counted)

    @property
    def punctuality(self) -> Rate:
        """准点率: within the window, of those that arrived."""
        return Rate(n=self.met, of=self.arrived)


@dataclass(frozen=True, kw_only=True)
class Counted:
    """So many duties of one grid, squad, unit and its posts came to one thing."""

    grid: str | None
    squad: str | None
    unit: str | None
    counts_as: CountsAs
    n: int
    posts: tuple[str, ...] = ()


def tallies(counted: Iterable[Counted], *, by: str) -> dict[str | None, Tally]:
    """The counts by `grid`, `squad`, `unit` or `post`, None for what has none.

    They sum to the whole, but for posts: what a unit does together counts for each of its posts.
    """
    found: dict[str | None, Tally] = {}
    for it in counted:
        keys: tuple[str | None, ...] = (it.posts or (None,)) if by == "post" else (getattr(it, by),)
        for key in keys:
            found[key] = found.get(key, Tally()) + Tally(**{str(it.counts_as): it.n})
    return found


@dataclass(frozen=True, kw_only=True)
class Spell:
    """A device in the hands of a unit on duty."""

    device: int
    unit: str
    span: Span


def on_duty(world: World, span: Span) -> list[Spell]:
    """Which devices were with which units on duty, by the shift calendar and custody."""
    found: dict[tuple[int, str], list[Span]] = {}
    for watch in watches(world, since=span.start, until=span.end):
        its = Span(watch.starts_at, watch.ends_at).meets(span)
        for tracker in world.trackers(its, unit=watch.shift.unit) if its else ():
            found.setdefault((tracker.device.number, watch.shift.unit), []).extend(tracker.spells)
    return [
        Spell(device=device, unit=unit, span=one)
        for (device, unit), spans in sorted(found.items())
        for one in merged(spans)
    ]


@dataclass(frozen=True, kw_only=True)
class Presence:
    """How present units on duty were in a base grid.

    Attributes:
        hours: whole hours looked at.
        hours_seen: of these, with a unit on duty in sight.
        passes: units on duty times the hours in which each was in sight.
        minutes: looked at.
        minutes_staffed: of these, with a fresh fix of a unit on duty.
        road_km: kilometres of road in it.
        road_km_hours: these times the hours looked at.
    """

    grid: str
    hours: int
    hours_seen: int
    passes: int
    minutes: int
    minutes_staffed: int
    road_km: float
    road_km_hours: float

    @property
    def sight(self) -> Rate:
        """见巡率: grid-hours with a patrol in sight, of all."""
        return Rate(n=self.hours_seen, of=self.hours)

    @property
    def staffed(self) -> Rate:
        """Staffed minutes, of all."""
        return Rate(n=self.minutes_staffed, of=self.minutes)

    @property
    def density(self) -> float | None:
        """巡逻密度: passes for each kilometre of road in each hour; None without road or hours."""
        return round(self.passes / self.road_km_hours, 3) if self.road_km_hours > 0 else None


def together(parts: Iterable[Presence], *, grid: str) -> Presence:
    """Several base grids as one: grid-hours, passes and kilometres add up."""
    parts = list(parts)
    summed = {
        it.name: sum(getattr(part, it.name) for part in parts)
        for it in fields(Presence)
        if it.name not in {"grid", "hours"}
    }
    return Presence(grid=grid, hours=sum(it.hours for it in parts), **summed)


def whole_hours(span: Span, known_to: datetime) -> Span:
    """The whole hours within a span, up to when the rollup has them.

    They are hours of UTC, as the rollup has them; in a zone that is off by half an hour they begin at its half hour.
    """
    hour = timedelta(hours=1)
    start = span.start.replace(minute=0, second=0, microsecond=0)
    start = start if start == span.start else start + hour
    end = min(span.end, known_to).replace(minute=0, second=0, microsecond=0)
    return Span(start, max(start, end))
