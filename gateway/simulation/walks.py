"""How a unit walks its rounds: along the routes, with a pause at each checkpoint, and round those it leaves out."""

import itertools
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from random import Random

from gateway.simulation.course import Course, Plane, Point, length_m
from gateway.simulation.dice import dice
from gateway.simulation.roads import RoadNet
from gateway.simulation.spells import Round, Spell
from gateway.simulation.town import Checkpoint, Route, Town

READY_S = 120.0  # so long before its shift a unit stands at its first route
KEEP_OFF_M = 35.0  # beyond a left-out checkpoint's radius: more than a fix ever errs
AROUND_S = 600.0  # before and after its round's window a left-out checkpoint is kept off too: it could count as early
TRANSIT_MPS = 1.4
FASTEST_MPS = 1.5  # who is in a hurry still walks; what cannot be reached so is missed
PATIENCE_S = 1200.0  # nobody stands about for longer: who has time goes back a stretch of the way, and comes again
STROLL_M = 250.0
SPARE_S = 30.0  # at the end of a window
SHORTEST_PAUSE_S, LONGEST_PAUSE_S = 20.0, 420.0
USED = 0.75  # share of the time for a walk that is walked in; the rest is slack
_GRAIN_M = 10.0
_ARC_RAD = math.radians(15)

Skips = Callable[[Spell, Round], frozenset[str]]
"""Which checkpoints of a round are left out."""


@dataclass(frozen=True)
class Scan:
    """A tag that is read on the way, in seconds since 1970."""

    at_s: float
    tag: str


@dataclass(frozen=True)
class Circle:
    """Ground to keep off, in metres."""

    middle: Point
    radius_m: float


@dataclass(frozen=True)
class _Slot:
    """The time for one walk: from when, in seconds since 1970, and how long."""

    from_s: float
    length_s: float


class Walks:
    """Walks in one town."""

    def __init__(self, town: Town, *, plane: Plane, roads: RoadNet, seed: int, skips: Skips) -> None:
        self._town = town
        self._plane = plane
        self._roads = roads
        self._seed = seed
        self._skips = skips
        self._ways = {code: _way(route, town.checkpoints, plane) for code, route in town.routes.items()}

    def course(self, spell: Spell) -> tuple[Course, tuple[Scan, ...]]:
        """The walk of a whole shift, and the tags that are read on it."""
        rounds = [it for it in spell.rounds if self._ways.get(it.route)]
        if not rounds:
            return Course(spell.starts_s, (0.0, 0.0)), ()
        chance = dice(self._seed, "walk", spell.key)
        course = Course(spell.starts_s - READY_S, self._ways[rounds[0].route][0][0])
        scans: list[Scan] = []
        last: list[_Stop] = []
        for index, its_round in enumerate(rounds):
            closed = self._closed(spell, rounds, its_round)
            way = _around(self._ways[its_round.route], closed)
            transit = self._transit(course.point, way[0][0], closed)
            free_from_s = max(course.ends_s + length_m(transit) / TRANSIT_MPS, its_round.starts_s)
            still = [it for it in rounds[index:] if (it.starts_s, it.ends_s) == (its_round.starts_s, its_round.ends_s)]
            slot = _Slot(free_from_s, (its_round.ends_s - free_from_s - self._between_s(still)) * self._share(still))
            scans += self._walk(course, transit, way, slot, last, chance)
            last = way
        _while_away(course, last, spell.ends_s + READY_S)
        return course, tuple(scans)

    def _transit(self, start: Point, end: Point, closed: list[Circle]) -> list[Point]:
        """From one route to the next by road, round what is to be kept off."""
        return [start, *(point for point, _ in _around([(it, None) for it in self._roads.way(start, end)], closed))]

    def _between_s(self, still: list[Round]) -> float:
        """How long the ways between some routes take, and a little time to spare."""
        ways = [self._ways[it.route] for it in still]
        return SPARE_S + sum(
            length_m(self._roads.way(a[-1][0], b[0][0])) / TRANSIT_MPS for a, b in itertools.pairwise(ways)
        )

    def _share(self, still: list[Round]) -> float:
        """The first one's share of the time for all of them, by length."""
        lengths = [length_m([point for point, _ in self._ways[it.route]]) for it in still]
        return lengths[0] / sum(lengths)

    def _closed(self, spell: Spell, rounds: Iterable[Round], now: Round) -> list[Circle]:
        """What is to be kept off while a round is walked: the left-out points of all rounds of about that time."""
        found = []
        for other in rounds:
            if other.starts_s - AROUND_S < now.ends_s and now.starts_s < other.ends_s + AROUND_S:
                for code in sorted(self._skips(spell, other)):
                    point = self._town.checkpoints[code]
                    found.append(Circle(self._plane.point(point.lat, point.lon), point.radius_m + KEEP_OFF_M))
        return found

    def _walk(
        self,
        course: Course,
        transit: list[Point],
        way: "list[_Stop]",
        slot: "_Slot",
        last: "list[_Stop]",
        chance: Random,
    ) -> list[Scan]:
        stops = sum(code is not None for _, code in way)
        way_m = length_m([point for point, _ in way])
        hurry_mps = way_m / max(1.0, slot.length_s - stops * SHORTEST_PAUSE_S * 1.25)
        pace = min(FASTEST_MPS, max(chance.uniform(1.15, 1.45), hurry_mps))
        walk_s = way_m / pace
        pause_s = min(LONGEST_PAUSE_S, max(SHORTEST_PAUSE_S, (USED * slot.length_s - walk_s) / max(1, stops)))
        slack_s = max(0.0, slot.length_s - walk_s - stops * pause_s * 1.25)
        leaves_s = slot.from_s + chance.uniform(0.1, 0.7) * slack_s - length_m(transit) / TRANSIT_MPS
        _while_away(course, last, leaves_s)
        course.go(transit, speed_mps=TRANSIT_MPS)
        course.stand(slot.from_s)
        scans = []
        for point, code in way:
            course.go([point], speed_mps=pace)
            if code is not None:
                tag = self._town.checkpoints[code].tag
                if tag:
                    scans.append(Scan(course.ends_s + 5, tag))
                course.stand(course.ends_s + pause_s * chance.uniform(0.75, 1.25))
        return scans


_Stop = tuple[Point, str | None]


def _while_away(course: Course, way: Sequence[_Stop], until_s: float) -> None:
    """Stay until a moment; with much time, go back along the way that was walked now and then, and come again."""
    back = [course.point]
    for point, _ in reversed(way):
        if length_m(back) >= STROLL_M:
            break
        back.append(point)
    stroll = [*back, *reversed(back)]
    takes_s = length_m(stroll) / TRANSIT_MPS
    while until_s - course.ends_s > PATIENCE_S + takes_s > PATIENCE_S:
        course.stand(course.ends_s + PATIENCE_S)
        course.go(stroll, speed_mps=TRANSIT_MPS)
    course.stand(until_s)


def _way(route: Route, checkpoints: Mapping[str, Checkpoint], plane: Plane) -> list[_Stop]:
    """The route in short steps, with each checkpoint where the line comes nearest to it; out to it if that is far."""
    line = [plane.point(lat, lon) for lat, lon in route.line]
    steps: list[_Stop] = [(point, None) for point in _fine(line)]
    known = [(code, checkpoints[code]) for code in route.checkpoints if code in checkpoints]
    nearest: dict[int, list[_Stop]] = {}
    for code, checkpoint in known:
        middle = plane.point(checkpoint.lat, checkpoint.lon)
        index = min(range(len(steps)), key=lambda it: math.dist(steps[it][0], middle))
        point = steps[index][0]
        off_m = math.dist(point, middle)
        near = point if off_m <= checkpoint.radius_m / 2 else middle
        nearest.setdefault(index, []).append((near, code))
    way: list[_Stop] = []
    for index, step in enumerate(steps):
        way.append(step)
        for stop in nearest.get(index, ()):
            way += [stop, step]
    return way


def _fine(line: list[Point]) -> list[Point]:
    points = line[:1]
    for a, b in itertools.pairwise(line):
        parts = max(1, math.ceil(math.dist(a, b) / _GRAIN_M))
        points += [(a[0] + (b[0] - a[0]) * k / parts, a[1] + (b[1] - a[1]) * k / parts) for k in range(1, parts)]
        points.append(b)  # exactly: stops are found again by their point
    return points


def _around(way: list[_Stop], closed: list[Circle]) -> list[_Stop]:
    """The same way, led round the circles; what lies in them is left out, checkpoints too."""
    for circle in closed:
        if not any(math.dist(point, circle.middle) < circle.radius_m for point, _ in way):
            continue
        stops = {point: code for point, code in way if code}
        fine: list[_Stop] = [(point, stops.pop(point, None)) for point in _fine([point for point, _ in way])]
        outside: list[_Stop] = []
        within = False
        for point, code in fine:
            if math.dist(point, circle.middle) < circle.radius_m:
                within = True
                continue
            if within and outside:
                outside += [(it, None) for it in _arc(outside[-1][0], point, circle)]
            within = False
            outside.append((point, code))
        way = outside or fine[:1]
    return way


def _arc(start: Point, end: Point, circle: Circle) -> list[Point]:
    """From start to end along the circle, the shorter way round."""
    cx, cy = circle.middle
    first = math.atan2(start[1] - cy, start[0] - cx)
    turn = (math.atan2(end[1] - cy, end[0] - cx) - first + math.pi) % (2 * math.pi) - math.pi
    steps = max(2, math.ceil(abs(turn) / _ARC_RAD))
    radius = circle.radius_m / math.cos(turn / steps / 2)  # so that the straight pieces stay outside too
    return [
        (cx + radius * math.cos(first + turn * k / steps), cy + radius * math.sin(first + turn * k / steps))
        for k in range(steps + 1)
    ]
