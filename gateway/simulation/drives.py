"""How a vehicle drives: about its quarter, block by block of ten minutes; to its beat and to where it is sent."""

import math
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from functools import lru_cache

from gateway.simulation.course import Course, Point, length_m
from gateway.simulation.dice import dice
from gateway.simulation.roads import RoadNet

BLOCK_S = 600
QUARTER_M = 1300.0  # how far from the middle of its quarter a vehicle goes
QUARTER_BLOCKS = 18  # three hours in one quarter
SLOWEST_MPS, FASTEST_MPS = 5.6, 11.1  # 20 and 40 km/h
SENT_MPS = 8.5  # to an incident, through lanes
LEAD_S = 900.0  # so long before an incident the vehicle begins to move to where it will be when it is called
LONGEST_DRIVE_S = 240.0
APART_S = 2 * LEAD_S + 2 * BLOCK_S  # between two beats, for the ways there and back
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


@dataclass(frozen=True, eq=False)
class Beat:
    """A stretch of duty (seconds since 1970), and the way that is driven on it, which begins a little sooner."""

    starts_s: float
    ends_s: float
    course: Course

    @property
    def first_block(self) -> int:
        """The first block that it changes."""
        return math.floor((self.course.starts_s - LEAD_S) / BLOCK_S)

    @property
    def last_block(self) -> int:
        """The last block that it changes; the vehicle is back at that one's end."""
        return math.ceil((self.course.ends_s + LEAD_S) / BLOCK_S) - 1


Beats = Callable[[str, int], Iterable[Beat]]
"""The beats of a vehicle that begin on a day, counted from 1970 in UTC."""


class Drives:
    """The vehicles of one town."""

    def __init__(self, *, roads: RoadNet, seed: int, parked: Collection[str] = ()) -> None:
        """Prepare them.

        Args:
            roads: where they drive.
            seed: which of all the ways.
            parked: vehicles that stand at their own place, to be charged, when there is nothing to do.
        """
        self._roads = roads
        self._seed = seed
        self._parked = frozenset(parked)
        self._errands: dict[str, list[Errand]] = {}
        self._patrols: Beats = lambda _unit, _day: ()
        self._beats = lru_cache(maxsize=64)(self._beats_of_day)
        self._block = lru_cache(maxsize=256)(self._drive)
        self._errand = lru_cache(maxsize=256)(self._answer)

    def patrol(self, beats: Beats) -> None:
        """Say what they have to do; before anybody asks where they are."""
        self._patrols = beats

    def free(self, errand: Errand) -> bool:
        """Whether the vehicle has nothing else to do about that time."""
        return all(
            errand.last_block < it.first_block or it.last_block < errand.first_block
            for it in self._its(errand.unit, errand.at_s)
        )

    def busy(self, unit: str, *, since_s: float, until_s: float) -> bool:
        """Whether the vehicle is at an errand in some time; before it is called and on its way back it is not."""
        its = self._errands.get(unit, ())
        return any(since_s < it.at_s + it.after_s + it.stay_s and it.at_s < until_s for it in its)

    def send(self, errand: Errand) -> None:
        """Take an errand on; nobody must have asked for the vehicle's place at that time before."""
        self._errands.setdefault(errand.unit, []).append(errand)

    def course(self, unit: str, moment_s: float) -> Course:
        """The movement that holds at a moment."""
        block = math.floor(moment_s / BLOCK_S)
        for its in self._its(unit, moment_s):
            if its.first_block <= block <= its.last_block:
                return self._errand(its) if isinstance(its, Errand) else self._on_beat(unit, its, moment_s)
        return self._block(unit, block)

    def _its(self, unit: str, moment_s: float) -> list[Errand | Beat]:
        """What a vehicle has to do about a time: where it was sent, and its beats."""
        day = math.floor(moment_s / DAY_S)
        beats = [it for near in (day - 1, day, day + 1) for it in self._beats(unit, near)]
        return [*self._errands.get(unit, ()), *beats]

    def _beats_of_day(self, unit: str, day: int) -> tuple[Beat, ...]:
        return tuple(self._patrols(unit, day))

    def _on_beat(self, unit: str, beat: Beat, moment_s: float) -> Course:
        """On the way there, there, or on the way back."""
        there = beat.course
        if there.starts_s <= moment_s < there.ends_s:
            return there
        if moment_s < there.starts_s:
            course = Course(beat.first_block * BLOCK_S, self._waypoint(unit, beat.first_block))
            way = self._roads.way(course.point, there.at(there.starts_s).point)
            course.go(way, speed_mps=max(FASTEST_MPS * 0.7, length_m(way) / (LEAD_S * 0.9)))
            course.stand(there.starts_s)
            return course
        course = Course(there.ends_s, there.point)
        ends_s = (beat.last_block + 1) * BLOCK_S
        back = self._roads.way(course.point, self._waypoint(unit, beat.last_block + 1))
        course.go(back, speed_mps=max(FASTEST_MPS * 0.7, length_m(back) / (0.9 * (ends_s - there.ends_s))))
        course.stand(ends_s)
        return course

    def _waypoint(self, unit: str, block: int) -> Point:
        points = self._roads.points or [(0.0, 0.0)]
        if unit in self._parked:
            return dice(self._seed, "parked", unit).choice(points)
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
