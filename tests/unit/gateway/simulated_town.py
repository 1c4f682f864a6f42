"""A town of five by five streets for the simulator: two units on foot, two vehicles, a hydrant."""

from collections.abc import Iterator
from datetime import UTC, datetime

from gateway.simulation import Checkpoint, Device, Plan, Round, Route, Spell, Thing, Town
from gateway.simulation.course import Plane
from gateway.simulation.scenario import parse_scenario

PLANE = Plane(30.69, 111.28)
START = datetime(2026, 11, 21, 0, 0, tzinfo=UTC)  # 08:00 in Shanghai: the day shift begins
STREET_M = 220.0
DAY_S, HOUR_S = 86_400, 3600
SHIFTS = (  # unit, shift, hours after START at which it begins and ends each day, its routes, rounds of each
    ("F-1", "day", 0, 2, ("R-1", "R-2"), 1),
    ("F-2", "night", 12, 24, ("R-2",), 2),
)


def corner(column: int, row: int) -> tuple[float, float]:
    """Latitude and longitude of a crossing."""
    lat, lon = PLANE.place(column * STREET_M, row * STREET_M)
    return round(lat, 6), round(lon, 6)


def route(code: str, *corners: tuple[int, int], points: tuple[str, ...]) -> Route:
    return Route(code, tuple(corner(*it) for it in corners), points)


def checkpoint(code: str, column: int, row: int, *, tag: str | None = None) -> Checkpoint:
    return Checkpoint(code, *corner(column, row), 40.0, tag)


def calendar(since_s: float, until_s: float) -> Iterator[Spell]:
    """The same shifts each day."""
    for unit, shift, starts_h, ends_h, routes, rounds in SHIFTS:
        first = int((since_s - START.timestamp()) // DAY_S) - 1
        for day in range(first, int((until_s - START.timestamp()) // DAY_S) + 1):
            starts_s = START.timestamp() + day * DAY_S + starts_h * HOUR_S
            ends_s = starts_s + (ends_h - starts_h) * HOUR_S
            part_s = (ends_s - starts_s) / rounds
            its = tuple(
                Round(route, number + 1, starts_s + number * part_s, starts_s + (number + 1) * part_s)
                for route in routes
                for number in range(rounds)
            )
            if since_s < ends_s and starts_s < until_s:
                yield Spell(f"{unit}/{day}/{shift}", unit, starts_s, ends_s, its)


TOWN = Town(
    checkpoints={
        it.code: it
        for it in (
            checkpoint("K-1", 1, 0, tag="04AA"),
            checkpoint("K-2", 2, 1),
            checkpoint("K-3", 1, 2),
            checkpoint("K-4", 3, 3),
            checkpoint("K-5", 4, 4),
        )
    },
    routes={
        it.code: it
        for it in (
            route("R-1", (0, 0), (1, 0), (2, 0), (2, 1), (2, 2), (1, 2), (0, 2), (0, 0), points=("K-1", "K-2", "K-3")),
            route("R-2", (2, 3), (3, 3), (4, 3), (4, 4), points=("K-4", "K-5")),
        )
    },
    units={"F-1": "foot", "F-2": "foot", "CAR-1": "car", "MOT-1": "motorcycle"},
    devices=(
        Device("HS-1", "handset", unit="F-1"),
        Device("HS-2", "handset", unit="F-1", lag_s=7),
        Device("HS-3", "handset", unit="F-2"),
        Device("RD-1", "radio", unit="CAR-1"),
        Device("TAG-1", "tag", thing="HY-1"),
        Device("VT-1", "vehicle", unit="CAR-1"),
        Device("VT-2", "vehicle", unit="MOT-1"),
    ),
    shifts=frozenset(it[1] for it in SHIFTS),
    rostered=frozenset(it[0] for it in SHIFTS),
    calendar=calendar,
    roads=tuple(
        line
        for k in range(5)
        for line in (tuple(corner(k, row) for row in range(5)), tuple(corner(column, k) for column in range(5)))
    ),
    things={"HY-1": Thing("HY-1", "hydrant", *corner(2, 2))},
)


def plan(text: str = "", *, seed: int = 1, start: datetime = START, town: Town = TOWN) -> Plan:
    """A plan of a scenario given as TOML."""
    return Plan(town, parse_scenario(text, name="test"), seed=seed, start=start)
