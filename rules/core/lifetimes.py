"""How long fire equipment lasts: first service, later services and scrap, in years from the month of manufacture.

Extinguishers: GB 50444-2008, 5.3 (service) and 5.4 (scrap), which XF 95-2015 repeats; they hold for portable and
wheeled ones alike. The age counts as soon as the anniversary is reached ("has reached or exceeds"). A later service
counts from the last one. An extinguisher whose month of manufacture cannot be read is to be scrapped for that alone.
Detectors: GB 29837-2013, 6.1, twelve years.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

Work = Literal["service", "scrap"]


@dataclass(frozen=True)
class Life:
    """Years; None where the kind has no such limit. `month_required`: without it the item is to be scrapped."""

    first_service_y: int | None
    next_service_y: int | None
    scrap_y: int | None
    month_required: bool = False


LIVES: Mapping[str, Life] = {
    "extinguisher_water": Life(3, 1, 6, month_required=True),
    "extinguisher_powder": Life(5, 2, 10, month_required=True),
    "extinguisher_clean": Life(5, 2, 10, month_required=True),
    "extinguisher_co2": Life(5, 2, 12, month_required=True),
    "smoke_detector": Life(None, None, 12),
}


@dataclass(frozen=True)
class Due:
    """What an item needs next, and by which day."""

    work: Work
    on: date


def next_due(
    life: Life, *, manufactured: date, last_service: date | None, today: date, notice: timedelta
) -> Due | None:
    """The next service, or the scrap date when nothing comes before it; None when nothing ever comes.

    Args:
        life: the kind's limits.
        manufactured: first day of the month on the shell: the earliest day it can mean, so the safe one.
        last_service: first day of the month of the last service, None before the first.
        today: a service that was left undone is not asked for any more once the scrap date is near or past.
        notice: how near that is.
    """
    scrap = _plus_years(manufactured, life.scrap_y) if life.scrap_y is not None else None
    service = None
    if last_service is not None and last_service > manufactured:
        service = _plus_years(last_service, life.next_service_y) if life.next_service_y is not None else None
    elif life.first_service_y is not None:
        service = _plus_years(manufactured, life.first_service_y)
    if scrap is not None and (service is None or scrap <= service or scrap <= today + notice):
        return Due("scrap", scrap)
    return Due("service", service) if service is not None else None


def _plus_years(day: date, years: int) -> date:
    try:
        return day.replace(year=day.year + years)
    except ValueError:  # 29 February
        return day.replace(year=day.year + years, day=28)
