"""How a vehicle drives: about its quarter, block by block of ten minutes; to where it stands and where it is sent."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from gateway.simulation.course import Course, Point, length_m
from gateway.simulation.dice import dice
from gateway.simulation.roads import RoadNet
from gateway.simulation.stands import Standing

BLOCK_S = 600
QUARTER_M = 1300.0  # how far from the middle of its quarter a vehicle goes
QUARTER_BLOCKS = 18  # three hours in one quarter
SLOWEST_MPS, FASTEST_MPS = 5.6, 11.1  # 20 and 40 km/h
SENT_MPS = 8.5  # to an incident, through lanes
LEAD_S = 900.0  # so long before an incident the vehicle begins to move to where it will be when it is called
LONGEST_DRIVE_S = 240.0
STANDS_EARLY_S = 120.0  # before and after its hours a vehicle stands at its static post
DAY_S = 86_400


@dataclass(frozen=True)
class Errand:
    """A drive to an incident: called at `at_s` (seconds since 1970), there `after_s` later, back after `stay_s`."""

    unit: str
    at_s: float
    after_s: float
    stay_s: float
    point: Point

    @property
    def first_block(self) -> int:
        """The first block that it changes."""
        return math.floor((self.at_s - LEAD_S) / BLOCK_S)

    @property
    def last_block(self) -> int:
        """The last block that it changes; it is back at that one's end."""
        return math.ceil((self.at_s + self.after_s + self.stay_s + LEAD_S) / BLOCK_S) - 1


class Drives:
    """The vehicles of one town."""

    def __init__(self, *, roads: RoadNet, seed: int, stands: Mapping[str, Sequence[Standing]] | None = None) -> None:
        self._roads = roads
        self._seed = seed
        self._stands = stands or {}
        self._errands: dict[str, list[Errand]] = {}
        self._standing = lru_cache(maxsize=64)(self._stands_of_day)
        self._block = lru_cache(maxsize=256)(self._drive)
        self._errand = lru_cache(maxsize=256)(self._answer)

    def free(self, errand: Errand) -> bool:
        """Whether the vehicle has nothing else to do about that time."""
        return all(
            errand.last_block < it.first_block or it.last_block < errand.first_block
            for it in self._its(errand.unit, errand.at_s)
        )

    def busy(self, unit: str, *, since_s: float, until_s: float) -> bool:
        """Whether the vehicle is at an errand in some time; before it is called and on its way back it is not."""
        its = self._its(unit, since_s)
        return any(since_s < it.at_s + it.after_s + it.stay_s and it.at_s < until_s for it in its)

    def send(self, errand: Errand) -> None:
        """Take an errand on; nobody must have asked for the vehicle's place at that time before."""
        self._errands.setdefault(errand.unit, []).append(errand)

    def course(self, unit: str, moment_s: float) -> Course:
        """The movement that holds at a moment."""
        block = math.floor(moment_s / BLOCK_S)
        for errand in self._its(unit, moment_s):
            if errand.first_block <= block <= errand.last_block:
                return self._errand(errand)
        return self._block(unit, block)

    def _its(self, unit: str, moment_s: float) -> list[Errand]:
        """What a vehicle has to do about a time: where it was sent, and where it stands."""
        day = math.floor(moment_s / DAY_S)
        standing = [it for near in (day - 1, day, day + 1) for it in self._standing(unit, near)]
        return [*self._errands.get(unit, ()), *standing]

    def _stands_of_day(self, unit: str, day: int) -> tuple[Errand, ...]:
        """A drive to each static post whose hours begin on a day (of UTC), and the time there."""
        return tuple(
            Errand(
                unit,
                starts_s - STANDS_EARLY_S - LONGEST_DRIVE_S,
                LONGEST_DRIVE_S,
                ends_s - starts_s + 2 * STANDS_EARLY_S,
                stand.point,
            )
            for stand in self._stands.get(unit, ())
            for starts_s, ends_s in stand.hours(since_s=day * DAY_S, until_s=(day + 1) * DAY_S)
        )

    def _waypoint(self, unit: str, block: int) -> Point:
        points = self._roads.points or [(0.0, 0.0)]
        middle = dice(self._seed, "quarter", unit, block // QUARTER_BLOCKS).choice(points)
        near = [it for it in points if math.dist(it, middle) <= QUARTER_M]
        return dice(self._seed, "waypoint", unit, block).choice(near)

    def _drive(self, unit: str, block: int) -> Course:
        chance = dice(self._seed, "drive", unit, block)
        course = Course(block * BLOCK_S, self._waypoint(unit, block))
        way = self._roads.way(course.point, self._waypoint(unit, block + 1))
        way_m = length_m(way)
        speed_mps = max(chance.uniform(SLOWEST_MPS, FASTEST_MPS), way_m / (0.95 * BLOCK_S))
        free_s = BLOCK_S - way_m / speed_mps
        course.stand(course.ends_s + free_s * chance.uniform(0.1, 0.9))
        course.go(way, speed_mps=speed_mps)
        course.stand((block + 1) * BLOCK_S)
        return course

    def _answer(self, errand: Errand) -> Course:
        drive_s = min(0.75 * errand.after_s, LONGEST_DRIVE_S)
        far = self._roads.distances(errand.point)
        start = min(far, key=lambda it: (abs(far[it] - drive_s * SENT_MPS), it), default=errand.point)
        course = Course(errand.first_block * BLOCK_S, self._waypoint(errand.unit, errand.first_block))
        there = self._roads.way(course.point, start)
        course.go(there, speed_mps=max(FASTEST_MPS * 0.7, length_m(there) / (LEAD_S * 0.9)))
        course.stand(errand.at_s + errand.after_s - drive_s)
        way = self._roads.way(start, errand.point)
        left_s = errand.at_s + errand.after_s - course.ends_s
        course.go(way, speed_mps=max(0.1, length_m(way)) / max(1.0, left_s))
        course.stand(errand.at_s + errand.after_s + errand.stay_s)
        ends_s = (errand.last_block + 1) * BLOCK_S
        back = self._roads.way(errand.point, self._waypoint(errand.unit, errand.last_block + 1))
        course.go(back, speed_mps=max(FASTEST_MPS * 0.7, length_m(back) / max(1.0, 0.9 * (ends_s - course.ends_s))))
        course.stand(ends_s)
        return course
