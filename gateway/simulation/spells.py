"""When each unit is on duty, and what it has to do then: rounds to walk, places to hold."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

LOOK_AROUND_S = 2 * 86_400.0  # what overlaps is found so far before and after; no chain of shifts should be longer


@dataclass(frozen=True)
class Round:
    """One walk of a route and its window, in seconds since 1970."""

    route: str
    number: int
    starts_s: float
    ends_s: float


@dataclass(frozen=True)
class Hold:
    """A place to be at from then to then, in seconds since 1970; degrees WGS-84."""

    code: str
    lat: float
    lon: float
    starts_s: float
    ends_s: float


@dataclass(frozen=True)
class Spell:
    """One stretch of duty of one unit, in seconds since 1970; `key` names it.

    The calendar gives one for each shift of a unit and day, as `UNIT/DAY/SHIFT`, and one for each place that it holds
    on a day.
    """

    key: str
    unit: str
    starts_s: float
    ends_s: float
    rounds: tuple[Round, ...] = ()
    holds: tuple[Hold, ...] = ()


Calendar = Callable[[float, float], Iterable[Spell]]
"""The spells that end after a moment and start before another, in seconds since 1970, each whole."""


def joined(spells: Iterable[Spell], *, apart_s: Callable[[str], float]) -> list[Spell]:
    """Spells of which no two of a unit overlap: what does, or follows too soon, becomes one with the work of both.

    Args:
        spells: any.
        apart_s: how long a unit must be free between two.
    """
    found: list[Spell] = []
    for spell in sorted(spells, key=lambda it: (it.unit, it.starts_s, it.key)):
        last = found[-1] if found else None
        if last and last.unit == spell.unit and spell.starts_s < last.ends_s + apart_s(spell.unit):
            found[-1] = Spell(
                f"{last.key}+{spell.key}",
                spell.unit,
                last.starts_s,
                max(last.ends_s, spell.ends_s),
                last.rounds + spell.rounds,
                last.holds + spell.holds,
            )
        else:
            found.append(spell)
    return [_in_order(it) for it in found]


def _in_order(spell: Spell) -> Spell:
    rounds = sorted(spell.rounds, key=lambda it: (it.ends_s, it.starts_s, it.route))
    holds = sorted(spell.holds, key=lambda it: (it.starts_s, it.code))
    return Spell(spell.key, spell.unit, spell.starts_s, spell.ends_s, tuple(rounds), tuple(holds))
