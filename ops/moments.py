"""Times between people and the program: what they type is of the site, and so is what they read."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

from ops.errors import OpsError

_IN_UTC = re.compile(r"\b(\d{4}-\d\d-\d\d) (\d\d:\d\d(?::\d\d)?)Z")


class NoMoment(OpsError):
    """A text is no time; the message names the option and shows two that are."""


def moment_of(text: str, option: str, *, zone: ZoneInfo) -> datetime:
    """A date (its midnight at the site), a time of the site, or one with an offset, as aware UTC.

    Raises:
        NoMoment: it cannot be read, or the site's clock never showed it, or showed it twice.
    """
    said = f"{option} {text!r}".strip()
    try:
        if len(text) == 10:
            return midnight(date.fromisoformat(text), zone=zone)
        moment = datetime.fromisoformat(text.strip())
        return (moment if moment.tzinfo else _local(moment, said, zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise NoMoment(
            f"{said} is no time; write a date such as 2026-11-21, or a time such as 2026-11-21T08:00"
        ) from None


def midnight(day: date, *, zone: ZoneInfo) -> datetime:
    """When a day begins at the site, as aware UTC."""
    return datetime.combine(day, time(), tzinfo=zone).astimezone(UTC)


def at_site(text: str, *, zone: ZoneInfo) -> str:
    """A message whose times in UTC, marked by a Z, are put into the site's."""

    def local(found: re.Match[str]) -> str:
        moment = datetime.fromisoformat(f"{found[1]}T{found[2]}Z").astimezone(zone)
        return f"{moment:%Y-%m-%d} " + moment.time().isoformat("seconds" if len(found[2]) > 5 else "minutes")

    return _IN_UTC.sub(local, text)


@contextmanager
def in_site_times(zone: ZoneInfo) -> Iterator[None]:
    """Whatever is refused within is said in the site's times: the rules do not know who reads them."""
    try:
        yield
    except Exception as error:
        if len(error.args) == 1 and isinstance(error.args[0], str):
            error.args = (at_site(error.args[0], zone=zone),)
        raise


def _local(moment: datetime, said: str, zone: ZoneInfo) -> datetime:
    """A naive time of the site, which it must have had once."""
    first, second = (moment.replace(tzinfo=zone, fold=fold) for fold in (0, 1))
    if first.astimezone(UTC).astimezone(zone).replace(tzinfo=None) != moment:
        raise NoMoment(
            f"{said} never was at the site: its clock was put forward over it ({zone.key}); write a time before or "
            "after that"
        )
    if first.utcoffset() != second.utcoffset():
        raise NoMoment(
            f"{said} was twice at the site: its clock was put back ({zone.key}); write which, "
            f"{first.isoformat(timespec='minutes')} or {second.isoformat(timespec='minutes')}"
        )
    return first
