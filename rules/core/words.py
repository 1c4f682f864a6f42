"""How times and spans read to people, in the site's zone."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo


def clock(moment: datetime, zone: str) -> str:
    """Hours and minutes, such as 10:02."""
    return f"{moment.astimezone(ZoneInfo(zone)):%H:%M}"


def day_clock(moment: datetime, zone: str) -> str:
    """Day, hours and minutes, such as 2026-11-21 10:02."""
    return f"{moment.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M}"


def length(span: timedelta) -> str:
    """A length of time in its two largest units, such as 41 min, 3 h 5 min or 2 d 4 h."""
    seconds = max(0, round(span.total_seconds()))
    if seconds < 120:
        return f"{seconds} s"
    minutes = seconds // 60
    if minutes < 120:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    days, hours = divmod(hours, 24)
    return f"{days} d {hours} h" if hours else f"{days} d"
