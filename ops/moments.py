"""Times as people give them on the command line: a date of the site, or a time."""

from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

from ops.errors import OpsError


class NoMoment(OpsError):
    """A text is no time; the message names the option and shows two that are."""


def moment_of(text: str, option: str, *, zone: ZoneInfo) -> datetime:
    """A date (its midnight at the site), a time of the site, or one with an offset, as aware UTC.

    Raises:
        NoMoment: it cannot be read.
    """
    try:
        if len(text) == 10:
            return midnight(date.fromisoformat(text), zone=zone)
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise NoMoment(
            f"{option} {text!r} is no time; write a date such as 2026-11-21, or a time such as 2026-11-21T08:00"
        ) from None


def midnight(day: date, *, zone: ZoneInfo) -> datetime:
    """When a day begins at the site, as aware UTC."""
    return datetime.combine(day, time(), tzinfo=zone).astimezone(UTC)
