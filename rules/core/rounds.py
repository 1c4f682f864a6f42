"""From the shift calendar to rounds: which unit walks which route from when to when, in absolute time."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from rules.core.world import Shift, World

_LONGEST_SHIFT = timedelta(hours=25)  # a day, and the hour that a clock change may add


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


def watches(world: World, *, since: datetime, until: datetime) -> Iterator[Watch]:
    """The shifts that end after `since` and start before `until`.

    Local times become absolute ones by the site's zone. A time that a clock change skips is taken as if the clock had
    not changed yet; one that it repeats is the first of the two.
    """
    zone = ZoneInfo(world.zone)
    first = (since - _LONGEST_SHIFT).astimezone(zone).date() - timedelta(days=1)
    last = until.astimezone(zone).date()
    for shift in sorted(world.shifts, key=lambda it: (it.code, it.unit, it.route, it.valid_from)):
        for offset in range((last - first).days + 1):
            day = first + timedelta(days=offset)
            if day.weekday() not in shift.days:
                continue
            end_day = day if shift.ends > shift.starts else day + timedelta(days=1)
            starts_at = datetime.combine(day, shift.starts, tzinfo=zone).astimezone(UTC)
            ends_at = datetime.combine(end_day, shift.ends, tzinfo=zone).astimezone(UTC)
            if shift.holds(starts_at) and since < ends_at and starts_at < until and starts_at < ends_at:
                yield Watch(shift=shift, day=day, starts_at=starts_at, ends_at=ends_at)


def rounds(world: World, *, since: datetime, until: datetime) -> Iterator[Round]:
    """The rounds that end after `since` and start before `until`; those of one shift have equal parts of it."""
    for watch in watches(world, since=since, until=until):
        shift = watch.shift
        route = world.routes.at(shift.route, watch.starts_at)
        points = [world.checkpoints.at(code, watch.starts_at) for code in route.checkpoints] if route else []
        grid = world.common_grid((point.grid for point in points if point), watch.starts_at)
        part = (watch.ends_at - watch.starts_at) / shift.rounds
        for number in range(shift.rounds):
            starts_at = watch.starts_at + part * number
            ends_at = watch.ends_at if number == shift.rounds - 1 else watch.starts_at + part * (number + 1)
            if since < ends_at and starts_at < until:
                yield Round(
                    key=f"{shift.code}/{shift.unit}/{shift.route}/{watch.day.isoformat()}/{number + 1}",
                    shift=shift.code,
                    route=shift.route,
                    unit=shift.unit,
                    grid=grid,
                    starts_at=starts_at,
                    ends_at=ends_at,
                )


def on_watch(world: World, *, at: datetime) -> dict[str, Watch]:
    """The units that are in a shift at a moment, each with the shift that began first when several overlap."""
    running: dict[str, Watch] = {}
    for watch in watches(world, since=at, until=at + timedelta(microseconds=1)):
        known = running.get(watch.shift.unit)
        if known is None or watch.starts_at < known.starts_at:
            running[watch.shift.unit] = watch
    return running
