"""Weeks, months, quarters and daily hours of the site's zone, as spans of absolute time."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from rules.core.fixes import Span

Every = Literal["week", "month", "quarter"]


@dataclass(frozen=True)
class Period:
    """From a local midnight to another: `name` is its first day, `ends_at` is excluded; aware UTC."""

    name: str
    starts_at: datetime
    ends_at: datetime


def periods(every: str, *, since: datetime, until: datetime, zone: str) -> Iterator[Period]:
    """Those that end after `since` and start before `until`, in order; a week begins on Monday."""
    day = _first_day(every, since.astimezone(ZoneInfo(zone)).date())
    while (starts_at := midnight(day, zone)) < until:
        following = _next(every, day)
        ends_at = midnight(following, zone)
        if since < ends_at:
            yield Period(day.isoformat(), starts_at, ends_at)
        day = following


def daily(
    days: Collection[int], starts: time, ends: time, *, since: datetime, until: datetime, zone: str
) -> Iterator[tuple[date, Span]]:
    """The local hours of these days (0 Monday) that end after `since` and start before `until`, each with its day.

    What does not end after it starts ends on the next day. A time that a clock change skips is taken as if the clock
    had not changed yet; one that it repeats is the first of the two.
    """
    place = ZoneInfo(zone)
    day = since.astimezone(place).date() - timedelta(days=2)
    while day <= until.astimezone(place).date():
        last = day if starts < ends else day + timedelta(days=1)
        starts_at = datetime.combine(day, starts, tzinfo=place).astimezone(UTC)
        ends_at = datetime.combine(last, ends, tzinfo=place).astimezone(UTC)
        if day.weekday() in days and since < ends_at and starts_at < until and starts_at < ends_at:
            yield day, Span(starts_at, ends_at)
        day += timedelta(days=1)


def midnight(day: date, zone: str) -> datetime:
    """When a local day begins."""
    return datetime.combine(day, time(), tzinfo=ZoneInfo(zone)).astimezone(UTC)


def local_day(moment: datetime, zone: str) -> date:
    """The local day of a moment."""
    return moment.astimezone(ZoneInfo(zone)).date()


def _first_day(every: str, day: date) -> date:
    if every == "week":
        return day - timedelta(days=day.weekday())
    month = day.month if every == "month" else (day.month - 1) // 3 * 3 + 1
    return day.replace(month=month, day=1)


def _next(every: str, day: date) -> date:
    if every == "week":
        return day + timedelta(days=7)
    months = day.month - 1 + (1 if every == "month" else 3)
    return date(day.year + months // 12, months % 12 + 1, 1)
