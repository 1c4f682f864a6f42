"""Tours: the stretches of time in which a device was with a unit, and what is expected of it there."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from functools import cached_property
from itertools import pairwise
from zoneinfo import ZoneInfo

from devices.identity import KINDS
from rules.core.equipment import Device, Tracker
from rules.core.fixes import Span
from rules.core.plans import Shift
from rules.core.rounds import Watch, watches
from rules.core.world import World

LONGEST = timedelta(hours=25)  # no tour is longer: a shift, or a day on which the clock is set back
ERRAND_LASTS = timedelta(hours=2)  # an incident that nobody closes does not excuse for ever
ERRAND_RETURN = timedelta(minutes=15)  # to be back in one's own area
_CARRIED = frozenset(name for name, kind in KINDS.items() if kind.carried)
_FIRST = ("handset", "radio")  # of several devices that a person carries, the one that is looked at


@dataclass(frozen=True)
class Place:
    """A circle on the ground: degrees WGS-84, metres."""

    lat: float
    lon: float
    radius_m: float


@dataclass(frozen=True)
class Errand:
    """A unit was sent somewhere, and until when that explains where it is."""

    unit: str
    span: Span


@dataclass(frozen=True, kw_only=True)
class Tour:
    """A device with one holder, in one stretch of duty, or for a device that nobody carries in one day.

    Attributes:
        duty: a shift of the unit runs; otherwise it is a day in the life of a vehicle's terminal.
        area: codes of the grids in which the unit's routes lie; empty when that is not known.
        ground: their geometry.
        rest: places at which standing still is allowed.
        errands: when the unit had been sent elsewhere.
        alone: nobody else of the unit carries a device.
        first: of the devices that its holder carries this is the one that is looked at.
    """

    device: Device
    holder: str
    unit: str
    unit_kind: str | None
    start: datetime
    end: datetime
    duty: bool
    area: frozenset[str] = frozenset()
    ground: tuple[str, ...] = ()
    rest: tuple[Place, ...] = ()
    errands: tuple[Span, ...] = ()
    alone: bool = False
    first: bool = True

    @property
    def carried(self) -> bool:
        """Whether a person has it on."""
        return self.device.kind in _CARRIED

    def sent(self, at: datetime) -> bool:
        """Whether the unit was on an errand then."""
        return any(at in span for span in self.errands)


class Tours:
    """All tours of a stretch of time.

    Args:
        world: the dated world.
        span: the tours that touch it are known, each of them whole.
    """

    def __init__(self, world: World, span: Span) -> None:
        self._world = world
        self._span = span
        self._watches: dict[str, list[_Stretch]] = {}

    def of(self, device: int, *, errands: Iterable[Errand] = ()) -> list[Tour]:
        """The tours of a device that touch the span, by start; it is on one shift and in one day at a time.

        Args:
            device: its number.
            errands: of units that were sent somewhere.
        """
        found: list[Tour] = []
        for tracker in self._trackers.get(device, ()):
            if tracker.device.kind == "tag":
                continue
            for stretch in self._stretches(tracker.unit):
                found += self._tours(tracker, stretch)
            if tracker.device.kind not in _CARRIED:
                for day in self._days:
                    found += self._tours(tracker, day)
        found.sort(key=lambda it: (it.start, it.unit, it.holder))
        kept: list[Tour] = []
        for tour in found:
            if not any(it.duty is tour.duty and tour.start < it.end for it in kept):
                kept.append(tour)
        spans = [(it.unit, it.span) for it in errands if any(it.unit == tour.unit for tour in kept)]
        return [_with_errands(tour, spans) for tour in kept]

    @cached_property
    def _trackers(self) -> dict[int, list[Tracker]]:
        found: dict[int, list[Tracker]] = {}
        for it in self._world.trackers(self._span.widened(before=LONGEST, after=LONGEST)):
            found.setdefault(it.device.number, []).append(it)
        return found

    @cached_property
    def _carriers(self) -> dict[str, list[Tracker]]:
        found: dict[str, list[Tracker]] = {}
        for its in self._trackers.values():
            for it in its:
                if it.device.kind in _CARRIED:
                    found.setdefault(it.unit, []).append(it)
        return found

    @cached_property
    def _shifts(self) -> dict[str, list[Shift]]:
        found: dict[str, list[Shift]] = {}
        for it in self._world.shifts:
            found.setdefault(it.unit, []).append(it)
        return found

    def _stretches(self, unit: str) -> list["_Stretch"]:
        if unit not in self._watches:
            world = replace(self._world, shifts=tuple(self._shifts.get(unit, ())))
            its = list(watches(world, since=self._span.start - LONGEST, until=self._span.end + LONGEST))
            self._watches[unit] = [
                it for it in _stretches(its) if self._span.start < it.end and it.start < self._span.end
            ]
        return self._watches[unit]

    @cached_property
    def _days(self) -> list["_Stretch"]:
        """Local days, for what has no shift."""
        zone = ZoneInfo(self._world.zone)
        day = (self._span.start - timedelta(days=1)).astimezone(zone).date()
        last = self._span.end.astimezone(zone).date() + timedelta(days=1)
        edges = []
        while day <= last:
            edges.append(datetime.combine(day, time(), tzinfo=zone).astimezone(self._span.start.tzinfo))
            day += timedelta(days=1)
        days = [_Stretch(start, end, ()) for start, end in pairwise(edges)]
        return [it for it in days if self._span.start < it.end and it.start < self._span.end]

    def _tours(self, tracker: Tracker, stretch: "_Stretch") -> list[Tour]:
        found = []
        for spell in tracker.spells:
            common = spell.meets(Span(stretch.start, stretch.end))
            if common is None or common.start >= common.end:
                continue
            area = self._area(stretch, common.start)
            others = [it for it in self._carriers.get(tracker.unit, ()) if any(own.meets(common) for own in it.spells)]
            found.append(
                Tour(
                    device=tracker.device,
                    holder=tracker.holder,
                    unit=tracker.unit,
                    unit_kind=self._world.unit_kind(tracker.unit, common.start),
                    start=common.start,
                    end=common.end,
                    duty=bool(stretch.watches),
                    area=area,
                    ground=self._ground(area, common.start),
                    rest=self._rest(tracker.unit, common.start),
                    alone=bool(stretch.watches) and _alone(tracker, others),
                    first=tracker.device.kind not in _CARRIED or _first(tracker, others),
                )
            )
        return found

    def _area(self, stretch: "_Stretch", at: datetime) -> frozenset[str]:
        """The lowest grid that holds all points of each route; nothing when one of them is in no grid."""
        found = set()
        for watch in stretch.watches:
            route = self._world.routes.at(watch.shift.route, at)
            points = [self._world.checkpoints.at(code, at) for code in route.checkpoints] if route else []
            grid = self._world.common_grid([it.grid for it in points if it is not None], at)
            if grid is None:
                return frozenset()
            found.add(grid)
        return frozenset(found)

    def _ground(self, area: frozenset[str], at: datetime) -> tuple[str, ...]:
        shapes = [self._world.shapes.at(code, at) for code in sorted(area)]
        return tuple(it.geometry for it in shapes if it is not None)

    def _rest(self, unit: str, at: datetime) -> tuple[Place, ...]:
        """Kiosks, and what the unit itself holds: there it stands because it must."""
        known = self._rested.get(at)
        if known is None:
            its = self._world.rest_places(at)
            known = self._rested[at] = tuple(Place(it.lat, it.lon, it.radius_m) for it in its)
        held = [it for it in self._world.static_posts.all_at(at) if it.unit == unit]
        return known + tuple(Place(it.lat, it.lon, it.radius_m) for it in held)

    @cached_property
    def _rested(self) -> dict[datetime, tuple[Place, ...]]:
        return {}


@dataclass(frozen=True)
class _Stretch:
    """From the start of one shift of a unit to the start of its next, or to the end of its last."""

    start: datetime
    end: datetime
    watches: tuple[Watch, ...]


def _stretches(its: Sequence[Watch]) -> list[_Stretch]:
    """A unit's duty in stretches that do not depend on where one begins to look."""
    starts = sorted({it.starts_at for it in its})
    found = []
    for index, start in enumerate(starts):
        running = tuple(it for it in its if it.starts_at <= start < it.ends_at)
        end = max(it.ends_at for it in running)
        following = starts[index + 1] if index + 1 < len(starts) else end
        found.append(_Stretch(start, min(end, following), running))
    return found


def _with_errands(tour: Tour, spans: Sequence[tuple[str, Span]]) -> Tour:
    its = tuple(it for unit, it in spans if unit == tour.unit and it.meets(Span(tour.start, tour.end)))
    return replace(tour, errands=its) if its else tour


def _alone(tracker: Tracker, others: Sequence[Tracker]) -> bool:
    """Whether the devices that the unit carries are all of one post, or one only."""
    if tracker.device.kind not in _CARRIED:
        return False
    if tracker.holder == tracker.unit:
        return {it.device.number for it in others} <= {tracker.device.number}
    return {it.holder for it in others} <= {tracker.holder}


def _first(tracker: Tracker, others: Sequence[Tracker]) -> bool:
    """Whether it is the first of what its holder carries; of what a unit carries each counts for itself."""
    if tracker.holder == tracker.unit:
        return True
    its = [it.device for it in others if it.holder == tracker.holder]
    return min(its, key=lambda it: (_FIRST.index(it.kind), it.name), default=tracker.device) == tracker.device
