"""Hydrants along the larger roads, extinguishers in houses along the streets, and how old all of them are."""

import itertools
import math
import random
from collections.abc import Sequence
from dataclasses import dataclass

from ops.town.synthesis.layout import Layout, density
from ops.town.synthesis.mesh import Edge, Point, centre, edge, inside
from ops.town.synthesis.quarters import Quarter
from ops.town.synthesis.walks import beside, mean

HYDRANTS = 150
EXTINGUISHERS = 600
NOW = 2026 * 12 + 10  # November 2026, as a number of months; the sample is a picture of that month
_SPACING_M = 120.0
_KERB_M = 3.0
_LARGER = ("trunk", "main", "street")

_LIVES = {  # years from manufacture to the first service, between services, and to scrap
    "extinguisher_powder": (5, 2, 10),
    "extinguisher_water": (3, 1, 6),
    "extinguisher_clean": (5, 2, 10),
    "extinguisher_co2": (5, 2, 12),
}
_PAST_SCRAP, _SERVICE_SOON, _SCRAP_SOON, _OVERDUE = 24, 30, 12, 6  # of the 600; all others are fine until spring


@dataclass(frozen=True)
class Spot:
    """A place along an edge of a line."""

    point: Point
    edge: Edge


@dataclass(frozen=True)
class House:
    """A building in a block, beside an edge, with its number there."""

    point: Point
    face: int
    edge: Edge
    number: int


@dataclass(frozen=True)
class Age:
    """Months of manufacture and of the last service, as numbers; no service yet is None."""

    kind: str
    manufactured: int
    last_service: int | None


def place_hydrants(layout: Layout) -> list[Spot]:
    """150 hydrants about 120 m apart along the larger roads, the most built-up stretches first."""
    mesh = layout.mesh
    candidates = []
    for line in mesh.lines:
        if line.kind in _LARGER:
            for path in mesh.path_of(line.number):
                candidates += _along(mesh.points, path)
    candidates.sort(key=lambda spot: (-density(spot.point), spot.point))
    chosen: list[Spot] = []
    for spot in candidates:
        if len(chosen) < HYDRANTS and all(math.dist(spot.point, it.point) > 0.85 * _SPACING_M for it in chosen):
            chosen.append(spot)
    return sorted(chosen, key=lambda spot: (mesh.line_of(spot.edge).number, spot.point))


def _along(points: Sequence[Point], path: Sequence[int]) -> list[Spot]:
    spots = []
    due = _SPACING_M / 2
    for a, b in itertools.pairwise(path):
        step = math.dist(points[a], points[b])
        while due < step:
            spots.append(Spot(beside(points[a], points[b], along_m=due, aside_m=_KERB_M), edge(a, b)))
            due += _SPACING_M
        due -= step
    return spots


def build_houses(layout: Layout, count: int, dice: random.Random) -> list[House]:
    """Houses beside streets, denser where the town is."""
    mesh = layout.mesh
    faces = sorted(set(mesh.faces) - layout.water)
    weights = [0.3 + density(centre(mesh.corners(face))) for face in faces]
    houses: list[House] = []
    numbers: dict[int, int] = {}
    while len(houses) < count:
        face = dice.choices(faces, weights)[0]
        ring = mesh.faces[face].ring
        side = dice.randrange(len(ring))
        a, b = ring[side], ring[(side + 1) % len(ring)]
        length = math.dist(mesh.points[a], mesh.points[b])
        line = mesh.line_of(edge(a, b))
        if length < 30 or line.kind in {"boundary", "river"}:
            continue
        along_m, aside_m = dice.uniform(10, length - 10), dice.uniform(11, 22)
        point = beside(mesh.points[a], mesh.points[b], along_m=along_m, aside_m=aside_m)
        if inside(point, mesh.corners(face)) and all(math.dist(point, house.point) > 14 for house in houses):
            numbers[line.number] = numbers.get(line.number, 0) + dice.randint(1, 6)
            houses.append(House(point, face, edge(a, b), numbers[line.number]))
    return houses


def place_fire_room(layout: Layout, quarter: Quarter) -> Point:
    """A community's fire room: beside the longest street of the block in its midst."""
    mesh = layout.mesh
    dry = [face for face in quarter.faces if face not in layout.water]
    midst = mean([centre(mesh.corners(face)) for face in dry])
    face = min(dry, key=lambda face: (math.dist(centre(mesh.corners(face)), midst), face))
    ring = mesh.faces[face].ring
    sides = [(math.dist(mesh.points[a], mesh.points[b]), a, b) for a, b in zip(ring, [*ring[1:], ring[0]], strict=True)]
    length, a, b = max(sides)
    return beside(mesh.points[a], mesh.points[b], along_m=length / 2, aside_m=9.0)


def age_extinguishers(dice: random.Random) -> list[Age]:
    """Kinds and months of the 600: so many past their life, so many due, the rest fine until spring 2027."""
    wanted = (
        [_past_scrap] * _PAST_SCRAP
        + [_service_soon] * _SERVICE_SOON
        + [_scrap_soon] * _SCRAP_SOON
        + [_overdue] * _OVERDUE
    )
    ages = [make(_kind(dice), dice) for make in wanted]
    while len(ages) < EXTINGUISHERS:
        age = _any_age(_kind(dice), dice)
        if min(due_service(age), due_scrap(age)) >= NOW + 4:
            ages.append(age)
    dice.shuffle(ages)
    return ages


def due_scrap(age: Age) -> int:
    """The month in which an extinguisher reaches the end of its life."""
    return age.manufactured + 12 * _LIVES[age.kind][2]


def due_service(age: Age) -> int:
    """The month in which its next service is due; never later than its scrapping."""
    first, next_, _ = _LIVES[age.kind]
    due = age.manufactured + 12 * first if age.last_service is None else age.last_service + 12 * next_
    return min(due, due_scrap(age))


def _kind(dice: random.Random) -> str:
    return dice.choices(
        ["extinguisher_powder", "extinguisher_water", "extinguisher_co2", "extinguisher_clean"], [78, 10, 8, 4]
    )[0]


def _any_age(kind: str, dice: random.Random) -> Age:
    """Made at any time within its life, and serviced each time when that was due, give or take."""
    return _serviced(kind, NOW - dice.randrange(12 * _LIVES[kind][2]))


def _serviced(kind: str, manufactured: int, *, until: int = NOW) -> Age:
    first, next_, life = _LIVES[kind]
    last, due = None, manufactured + 12 * first
    while due <= until and due < manufactured + 12 * life:
        last, due = due, due + 12 * next_
    return Age(kind, manufactured, last)


def _past_scrap(kind: str, dice: random.Random) -> Age:
    return _serviced(kind, NOW - 12 * _LIVES[kind][2] - dice.randint(1, 14))


def _scrap_soon(kind: str, dice: random.Random) -> Age:
    return _serviced(kind, NOW - 12 * _LIVES[kind][2] + dice.randint(1, 3))


def _service_soon(kind: str, dice: random.Random) -> Age:
    """Service due in December 2026 or January 2027, with years of life left after it."""
    first, next_, life = _LIVES[kind]
    services = [12 * first + 12 * next_ * turn for turn in range((life - first) // next_)]
    return _serviced(kind, NOW + dice.randint(1, 2) - dice.choice(services[:2]))


def _overdue(kind: str, dice: random.Random) -> Age:
    """First service due some months ago and not done."""
    return Age(kind, NOW - 12 * _LIVES[kind][0] - dice.randint(1, 5), None)
