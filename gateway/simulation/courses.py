"""Where every unit is: on foot while it is on duty, on wheels always."""

from collections import defaultdict
from dataclasses import dataclass, field, replace
from functools import lru_cache

from gateway.simulation.charge import LOOK_BACK_S, charge_pct
from gateway.simulation.course import Course, Moment, Point, length_m
from gateway.simulation.drives import APART_S, SENT_MPS, Beat, Drives
from gateway.simulation.roads import RoadNet
from gateway.simulation.spells import LOOK_AROUND_S, Spell, joined
from gateway.simulation.town import Town
from gateway.simulation.walks import Scan, Walks

DAY_S = 86_400
BEFORE_S, AFTER_S = 60.0, 60.0  # a handset is switched on and off so long before and after its shift


HURRY_MPS = 1.5  # of a unit on foot that is sent somewhere
REACTS_S = 20.0
STAYS_S = 300.0
TRIES_BACK = 5  # to meet what moves on meanwhile
BACK_S = 300.0  # at least so long it takes to be again where it should be


@dataclass(frozen=True)
class Detour:
    """A unit that was sent somewhere while it was on its way, in seconds since 1970."""

    since_s: float
    arrives_s: float
    leaves_s: float
    course: Course


@dataclass(frozen=True)
class Going:
    """A unit on its way at some moment: since when it is on duty, and up to when, in seconds since 1970."""

    course: Course
    since_s: float
    until_s: float
    scans: tuple[Scan, ...] = field(default=())


class Courses:
    """All units of a town."""

    def __init__(
        self,
        town: Town,
        *,
        walks: Walks,
        drives: Drives,
        roads: RoadNet,
        only_shifts: list[str],
        only_units: list[str],
    ) -> None:
        self._town = town
        self._walks = walks
        self._drives = drives
        self._roads = roads
        self._detours: dict[str, list[Detour]] = defaultdict(list)
        self._only_shifts = frozenset(only_shifts)
        self._only_units = frozenset(only_units)
        self._day = lru_cache(maxsize=8)(self._spells_of_day)
        self._walk = lru_cache(maxsize=64)(walks.course)
        drives.patrol(self._beats)

    @property
    def units(self) -> tuple[str, ...]:
        """All of them, by code."""
        return tuple(sorted(self._town.units))

    def drives(self, unit: str | None) -> bool:
        """Whether it is a vehicle."""
        return self._town.units.get(unit or "", "foot") != "foot"

    def going(self, unit: str, moment_s: float) -> Going | None:
        """Where a unit goes at a moment; None when it is off duty."""
        planned = self._planned(unit, moment_s)
        detour = self._detour(unit, moment_s)
        return replace(planned, course=detour.course, scans=()) if planned and detour else planned

    def divert(
        self,
        unit: str,
        moment_s: float,
        point: Point,
        *,
        reacts_s: float = REACTS_S,
        stays_s: float = STAYS_S,
        speed_mps: float | None = None,
    ) -> Detour | None:
        """Send a unit somewhere from where it is; afterwards it goes to where it should be by then.

        Args:
            unit: who goes.
            moment_s: when.
            point: where to.
            reacts_s: how long it takes to set out.
            stays_s: how long it is there.
            speed_mps: how fast it goes; None as fast as its kind does when it is sent.

        Returns:
            When it arrives and leaves; None when it is off duty or has been sent elsewhere.
        """
        here = self.moment(unit, moment_s)
        if here is None or self._detour(unit, moment_s) is not None:
            return None
        speed_mps = speed_mps or (SENT_MPS if self.drives(unit) else HURRY_MPS)
        course = Course(moment_s, here.point)
        course.stand(moment_s + reacts_s)
        course.go(self._roads.way(course.point, point), speed_mps=speed_mps)
        arrives_s, leaves_s = course.ends_s, course.ends_s + stays_s
        course.stand(leaves_s)
        way, back_s = self._way_back(unit, moment_s, point, leaves_s, speed_mps)
        if self.drives(unit) and self._drives.busy(unit, since_s=moment_s, until_s=back_s):
            return None
        course.go(way, speed_mps=max(0.1, length_m(way)) / (back_s - leaves_s))
        course.stand(back_s)
        detour = Detour(moment_s, arrives_s, leaves_s, course)
        self._detours[unit].append(detour)
        return detour

    def _way_back(
        self, unit: str, moment_s: float, point: Point, leaves_s: float, speed_mps: float
    ) -> tuple[tuple[Point, ...], float]:
        """To where the unit should be by the time that it takes to get there, and that time."""
        back_s = leaves_s + BACK_S
        way: tuple[Point, ...] = (point, point)
        for _ in range(TRIES_BACK):
            planned = self._planned(unit, back_s) or self._planned(unit, moment_s)
            if planned is None:
                break
            moment = planned.course.at(back_s)
            way = self._roads.way(point, (moment.x, moment.y))
            if length_m(way) <= speed_mps * (back_s - leaves_s):
                break
            back_s = leaves_s + 1.1 * length_m(way) / speed_mps
        return way, back_s

    def _detour(self, unit: str, moment_s: float) -> Detour | None:
        return next((it for it in self._detours[unit] if it.since_s <= moment_s < it.course.ends_s), None)

    def diverted(self, unit: str, *, until_s: float) -> bool:
        """Whether a unit was sent somewhere and is not back before a moment."""
        return any(until_s < it.course.ends_s for it in self._detours[unit])

    def _planned(self, unit: str, moment_s: float) -> Going | None:
        spell = self.spell(unit, moment_s)
        if self.drives(unit):
            course = self._drives.course(unit, moment_s)
            on_duty = (spell.starts_s - BEFORE_S, spell.ends_s + AFTER_S) if spell else None
            return Going(course, *(on_duty or (course.starts_s, course.ends_s)), self._walk(spell)[1] if spell else ())
        if spell is None:
            return None
        course, scans = self._walk(spell)
        return Going(course, spell.starts_s - BEFORE_S, spell.ends_s + AFTER_S, scans)

    def _beats(self, unit: str, day: int) -> tuple[Beat, ...]:
        """What a vehicle has to do that begins on a day (of UTC)."""
        return tuple(
            Beat(it.starts_s, it.ends_s, self._walk(it)[0])
            for it in self._day(day)
            if it.unit == unit and it.starts_s // DAY_S == day
        )

    def moment(self, unit: str, moment_s: float) -> Moment | None:
        """Where a unit is at a moment, and how it moves; None when it is off duty."""
        going = self.going(unit, moment_s)
        return going.course.at(moment_s) if going else None

    def spell(self, unit: str, moment_s: float) -> Spell | None:
        """The shift that a unit is in, or makes ready for; the one that began first when there are several."""
        its = [
            spell
            for spell in self._day(int(moment_s // DAY_S))
            if spell.unit == unit and spell.starts_s - BEFORE_S <= moment_s < spell.ends_s + AFTER_S
        ]
        return min(its, key=lambda it: (it.starts_s, it.key), default=None)

    def charge_pct(self, unit: str, moment_s: float) -> int | None:
        """The charge of an electric unit in percent; None for others."""
        if self._town.units.get(unit) != "electric":
            return None
        days = range(int((moment_s - LOOK_BACK_S) // DAY_S), int(moment_s // DAY_S) + 1)
        return charge_pct(moment_s, {it for day in days for it in self._day(day) if it.unit == unit})

    def on_duty(self, unit: str, moment_s: float) -> bool:
        """Whether what its people carry is switched on; of a vehicle without any shift it always is."""
        return unit not in self._town.rostered or self.spell(unit, moment_s) is not None

    def _spells_of_day(self, day: int) -> list[Spell]:
        since_s, until_s = day * DAY_S - AFTER_S, (day + 1) * DAY_S + BEFORE_S
        its = self._town.calendar(since_s - LOOK_AROUND_S, until_s + LOOK_AROUND_S)
        found = joined(
            (it for it in its if self._plays(it)), apart_s=lambda unit: APART_S if self.drives(unit) else 0.0
        )
        return [
            it for it in found if since_s < it.ends_s and it.starts_s < until_s and (it.rounds or self.drives(it.unit))
        ]

    def _plays(self, spell: Spell) -> bool:
        shift = spell.key.rpartition("/")[2] if spell.rounds else None
        return (not self._only_shifts or shift is None or shift in self._only_shifts) and (
            not self._only_units or self.drives(spell.unit) or spell.unit in self._only_units
        )
