"""Where every unit is: on foot while its shift runs, on wheels always."""

from dataclasses import dataclass, field
from functools import lru_cache

from gateway.simulation.course import Course, Moment
from gateway.simulation.drives import Drives
from gateway.simulation.spells import Spell, spells
from gateway.simulation.town import Town
from gateway.simulation.walks import Scan, Walks

BEFORE_S, AFTER_S = 60.0, 60.0  # a handset is switched on and off so long before and after its shift


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
        self, town: Town, *, walks: Walks, drives: Drives, only_shifts: list[str], only_units: list[str]
    ) -> None:
        self._town = town
        self._walks = walks
        self._drives = drives
        self._only_shifts = frozenset(only_shifts)
        self._only_units = frozenset(only_units)
        self._day = lru_cache(maxsize=8)(self._spells_of_day)
        self._walk = lru_cache(maxsize=64)(walks.course)

    @property
    def units(self) -> tuple[str, ...]:
        """All of them, by code."""
        return tuple(sorted(self._town.units))

    def drives(self, unit: str | None) -> bool:
        """Whether it is a vehicle."""
        return self._town.units.get(unit or "", "foot") != "foot"

    def going(self, unit: str, moment_s: float) -> Going | None:
        """Where a unit goes at a moment; None when it is off duty."""
        if self.drives(unit):
            course = self._drives.course(unit, moment_s)
            return Going(course, course.starts_s, course.ends_s)
        spell = self.spell(unit, moment_s)
        if spell is None:
            return None
        course, scans = self._walk(spell)
        return Going(course, spell.starts_s - BEFORE_S, spell.ends_s + AFTER_S, scans)

    def moment(self, unit: str, moment_s: float) -> Moment | None:
        """Where a unit is at a moment, and how it moves; None when it is off duty."""
        going = self.going(unit, moment_s)
        return going.course.at(moment_s) if going else None

    def spell(self, unit: str, moment_s: float) -> Spell | None:
        """The shift that a unit is in, or makes ready for; the one that began first when there are several."""
        its = [
            spell
            for spell in self._day(int(moment_s // 86_400))
            if spell.unit == unit and spell.starts_s - BEFORE_S <= moment_s < spell.ends_s + AFTER_S
        ]
        return min(its, key=lambda it: (it.starts_s, it.key), default=None)

    def _spells_of_day(self, day: int) -> list[Spell]:
        found = spells(self._town, since_s=day * 86_400 - AFTER_S, until_s=(day + 1) * 86_400 + BEFORE_S)
        return [spell for spell in found if self._plays(spell)]

    def _plays(self, spell: Spell) -> bool:
        shift = spell.key.rpartition("/")[2]
        return (not self._only_shifts or shift in self._only_shifts) and (
            not self._only_units or spell.unit in self._only_units
        )
