"""When vehicles hold static posts, and where."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from gateway.simulation.course import Plane, Point
from gateway.simulation.town import Stand, Town


@dataclass(frozen=True)
class Standing:
    """A static post on the simulation's plane."""

    stand: Stand
    point: Point
    zone: str

    def hours(self, *, since_s: float, until_s: float) -> Iterator[tuple[float, float]]:
        """From when to when, in seconds since 1970, where it begins at `since_s` or later and before `until_s`."""
        zone, stand = ZoneInfo(self.zone), self.stand
        day = datetime.fromtimestamp(since_s, zone).date() - timedelta(days=1)
        while day <= datetime.fromtimestamp(until_s, zone).date():
            last = day if stand.starts < stand.ends else day + timedelta(days=1)
            starts_s = datetime.combine(day, stand.starts, tzinfo=zone).astimezone(UTC).timestamp()
            ends_s = datetime.combine(last, stand.ends, tzinfo=zone).astimezone(UTC).timestamp()
            if day.weekday() in stand.days and since_s <= starts_s < until_s:
                yield starts_s, ends_s
            day += timedelta(days=1)


def standings(town: Town, plane: Plane) -> dict[str, list[Standing]]:
    """The static posts of vehicles, by unit; whoever is on foot walks its rounds."""
    found: dict[str, list[Standing]] = {}
    for stand in town.stands:
        if town.units.get(stand.unit, "foot") != "foot":
            found.setdefault(stand.unit, []).append(Standing(stand, plane.point(stand.lat, stand.lon), town.zone))
    return found
