"""From the shift calendar to rounds: which unit walks which route from when to when, in absolute time."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from zoneinfo import ZoneInfo

from rules.core.plans import Checkpoint, Shift
from rules.core.world import World

_LONGEST_SHIFT = timedelta(hours=25)  # a day, and the hour that a clock change may add
_MONDAY_TO_FRIDAY = frozenset(range(5))
_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, kw_only=True)
class Watch:
    """One shift on one day: aware UTC."""

    shift: Shift
    day: date
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, kw_only=True)
class Round:
    """One walk of a route: its key names shift, unit, route, local day and number."""

    key: str
    shift: str
    route: str
    unit: str
    grid: str | None
    starts_at: datetime
    ends_at: datetime


def watches(world: World, *, since: datetime, until: datetime, units: Collection[str] | None = None) -> Iterator[Watch]:
    """The shifts that end after `since` and start before `until`; of some units only, or with None of all.

    Local times become absolute ones by the site's zone. A time that a clock change skips is taken as if the clock had
    not changed yet; one that it repeats is the first of the two.
    """
    zone = ZoneInfo(world.zone)
    first = (since - _LONGEST_SHIFT).astimezone(zone).date() - timedelta(days=1)
    last = until.astimezone(zone).date()
    days = [first + timedelta(days=offset) for offset in range((last - first).days + 1)]
    mine = (it for it in world.shifts if units is None or it.unit in units)
    for shift in sorted(mine, key=lambda it: (it.code, it.unit, it.route, it.valid_from)):
        for day in days:
            if not _in_period(shift, day):
                continue
            starts_at = datetime.combine(day, shift.starts, tzinfo=zone).astimezone(UTC)
            if not (shift.holds(starts_at) and starts_at < until and _starts_on(shift, day, world, starts_at)):
                continue
            end_day = day if shift.ends > shift.starts else day + timedelta(days=1)
            ends_at = datetime.combine(end_day, shift.ends, tzinfo=zone).astimezone(UTC)
            if since < ends_at and starts_at < ends_at:
                yield Watch(shift=shift, day=day, starts_at=starts_at, ends_at=ends_at)


def rounds(world: World, *, since: datetime, until: datetime, units: Collection[str] | None = None) -> Iterator[Round]:
    """The rounds that end after `since` and start before `until`; those of one shift have equal parts of it.

    A random round has a window within its part, drawn from its key: planning again draws the same.
    """
    for watch in watches(world, since=since, until=until, units=units):
        shift = watch.shift
        points = points_of(world, shift.route, watch.starts_at)
        grid = world.common_grid((point.grid for point in points), watch.starts_at)
        count = rounds_of(world, watch, points)
        part = (watch.ends_at - watch.starts_at) / count
        for number in range(count):
            key = f"{shift.code}/{shift.unit}/{shift.route}/{watch.day.isoformat()}/{number + 1}"
            starts_at = watch.starts_at + part * number
            ends_at = watch.ends_at if number == count - 1 else watch.starts_at + part * (number + 1)
            if shift.mode == "random":
                starts_at, ends_at = _drawn(key, starts_at, ends_at, minutes=shift.round_min)
            if since < ends_at and starts_at < until:
                yield Round(
                    key=key,
                    shift=shift.code,
                    route=shift.route,
                    unit=shift.unit,
                    grid=grid,
                    starts_at=starts_at,
                    ends_at=ends_at,
                )


def points_of(world: World, route: str, at: datetime) -> list[Checkpoint]:
    """The checkpoints of a route as they were then, in its order, each once; those that do not exist are left out."""
    found = world.routes.at(route, at)
    codes = dict.fromkeys(found.checkpoints if found else ())
    return [point for code in codes if (point := world.checkpoints.at(code, at))]


def rounds_of(world: World, watch: Watch, points: list[Checkpoint]) -> int:
    """How often the route is walked: as the shift says, and no less than the strictest grade on the way asks for."""
    at = watch.starts_at
    grades = {world.grade(point.grid, at) for point in points}
    asked = [policy.rounds for grade in grades if (policy := world.policy(grade, at))]
    return max(watch.shift.rounds, *asked) if asked else watch.shift.rounds


def on_watch(world: World, *, at: datetime) -> dict[str, Watch]:
    """The units that are in a shift at a moment, each with the shift that began first when several overlap."""
    running: dict[str, Watch] = {}
    for watch in watches(world, since=at, until=at + timedelta(microseconds=1)):
        known = running.get(watch.shift.unit)
        if known is None or watch.starts_at < known.starts_at:
            running[watch.shift.unit] = watch
    return running


def _in_period(shift: Shift, day: date) -> bool:
    """Whether a seasonal or targeted shift runs on a day; a season may go over the new year."""
    first, last = shift.first_day, shift.last_day
    if first is None or last is None:
        return True
    text = day.isoformat() if shift.mode == "targeted" else f"{day:%m-%d}"
    return first <= text <= last if first <= last or shift.mode == "targeted" else text >= first or text <= last


def _starts_on(shift: Shift, day: date, world: World, at: datetime) -> bool:
    """Whether a shift starts on a day: by its days of the week, and by what it does on holidays.

    A weekend day that is worked in a holiday's stead counts as one from Monday to Friday for a shift that skips
    holidays, and as what it is for the others.
    """
    holiday = world.holidays.at(day.isoformat(), at) if shift.holidays != "as_usual" else None
    rest = holiday is not None and holiday.kind == "rest"
    if shift.holidays == "skip" and holiday is not None:
        return not rest and bool(shift.days & _MONDAY_TO_FRIDAY)
    if shift.holidays == "only" and not rest:
        return False
    return day.weekday() in shift.days


def _drawn(key: str, start: datetime, end: datetime, *, minutes: int | None) -> tuple[datetime, datetime]:
    """A window of so many minutes within a span, at a whole minute that the key decides."""
    length = min(end - start, minutes * _MINUTE) if minutes else (end - start) / 2
    room = (end - start - length) // _MINUTE
    at = start + int.from_bytes(sha256(key.encode()).digest()[:8]) % (room + 1) * _MINUTE
    return at, at + length
