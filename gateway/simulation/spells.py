"""When each unit is on duty, and which rounds it has to walk then."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from gateway.simulation.town import Town


@dataclass(frozen=True)
class Round:
    """One walk of a route and its window, in seconds since 1970."""

    route: str
    number: int
    starts_s: float
    ends_s: float


@dataclass(frozen=True)
class Spell:
    """One shift of one unit on one day, in seconds since 1970; `key` names it."""

    key: str
    unit: str
    starts_s: float
    ends_s: float
    rounds: tuple[Round, ...]


def spells(town: Town, *, since_s: float, until_s: float) -> Iterator[Spell]:
    """The shifts that end after `since_s` and start before `until_s`, each with its rounds by end and start."""
    zone = ZoneInfo(town.zone)
    first = datetime.fromtimestamp(since_s, zone).date() - timedelta(days=2)
    last = datetime.fromtimestamp(until_s, zone).date()
    found: dict[tuple[str, str, str], list[Round]] = {}
    times: dict[tuple[str, str, str], tuple[float, float]] = {}
    for shift in town.shifts:
        for offset in range((last - first).days + 1):
            day = first + timedelta(days=offset)
            if day.weekday() not in shift.days:
                continue
            end_day = day if shift.ends > shift.starts else day + timedelta(days=1)
            starts_s = datetime.combine(day, shift.starts, tzinfo=zone).astimezone(UTC).timestamp()
            ends_s = datetime.combine(end_day, shift.ends, tzinfo=zone).astimezone(UTC).timestamp()
            if not (since_s < ends_s and starts_s < until_s):
                continue
            key = (shift.unit, day.isoformat(), shift.code)
            part = (ends_s - starts_s) / shift.rounds
            times[key] = (starts_s, ends_s)
            found.setdefault(key, []).extend(
                Round(shift.route, number + 1, starts_s + part * number, starts_s + part * (number + 1))
                for number in range(shift.rounds)
            )
    for key in sorted(found):
        rounds = sorted(found[key], key=lambda it: (it.ends_s, it.starts_s, it.route))
        yield Spell("/".join(key), key[0], *times[key], tuple(rounds))
