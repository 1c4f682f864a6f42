"""How a unit does its duty: along the routes with a stop at each checkpoint, round those left out, to its posts."""

import itertools
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from random import Random

from gateway.simulation.course import Course, Plane, Point, length_m
from gateway.simulation.dice import dice
from gateway.simulation.roads import RoadNet
from gateway.simulation.spells import Hold, Round, Spell
from gateway.simulation.town import Town
from gateway.simulation.ways import Circle, Stop, around, to_next_m, way_of

READY_S = 120.0  # so long before its shift a unit stands at its first route
KEEP_OFF_M = 35.0  # beyond a left-out checkpoint's radius: more than a fix ever errs
AROUND_S = 600.0  # before and after its round's window a left-out checkpoint is kept off too: it could count as early
PATIENCE_S = 1200.0  # nobody stands about for longer: who has time goes back a stretch of the way, and comes again
STROLL_M = 250.0
ABOUT_S = 150.0  # at its far end: two reports of a radio, so that it shows
SPARE_S = 30.0  # at the end of a window
SHORTEST_PAUSE_S, LONGEST_PAUSE_S = 20.0, 420.0
DWELT_S = 75.0  # beyond the stay that a checkpoint asks for: two reports of a handset, and the way in
REST_S = 3000.0  # at a kiosk, where standing still is allowed, at the most
RESTED = 0.5  # of the time to spare
HELD_S = 120.0  # before and after its hours a unit stands at its static post
USED = 0.75  # share of the time for a walk that is walked in; the rest is slack

Skips = Callable[[Spell, Round], Iterable[Circle]]
"""The ground that is kept off on a round, because something of it is left out."""


@dataclass(frozen=True)
class Gait:
    """How fast a kind of unit moves, in m/s: between routes, on them, and at the very most; whether it may rest."""

    transit_mps: float
    slowest_mps: float
    usual_mps: float
    fastest_mps: float
    rests: bool


FOOT = Gait(1.4, 1.15, 1.45, 1.5, rests=True)  # who is in a hurry still walks; what cannot be reached so is missed
WHEELS = Gait(8.5, 5.0, 7.0, 10.0, rests=False)


@dataclass(frozen=True)
class Scan:
    """A tag that is read on the way, in seconds since 1970."""

    at_s: float
    tag: str


@dataclass(frozen=True)
class _Slot:
    """The time for one walk: from when, in seconds since 1970, and how long; `legs_s` as the route has them."""

    from_s: float
    length_s: float
    legs_s: tuple[float, ...]


class Walks:
    """Walks in one town."""

    def __init__(self, town: Town, *, plane: Plane, roads: RoadNet, seed: int, skips: Skips) -> None:
        self._town = town
        self._plane = plane
        self._roads = roads
        self._seed = seed
        self._skips = skips
        self._ways = {code: way_of(route, town.checkpoints, plane) for code, route in town.routes.items()}

    def course(self, spell: Spell) -> tuple[Course, tuple[Scan, ...]]:
        """The way of a whole stretch of duty, and the tags that are read on it."""
        rounds = [it for it in spell.rounds if self._ways.get(it.route)]
        holds = list(spell.holds)
        if not rounds and not holds:
            return Course(spell.starts_s, (0.0, 0.0)), ()
        chance = dice(self._seed, "walk", spell.key)
        gait = self._gait(spell.unit)
        start = self._ways[rounds[0].route][0][0] if rounds else self._place(holds[0])
        course = Course(spell.starts_s - READY_S, start)
        scans: list[Scan] = []
        last = self._first_stroll(rounds[0].route, start) if rounds else []
        latest = self._latest(rounds, gait)
        for index, its_round in enumerate(rounds):
            closed = self._closed(spell, rounds, its_round)
            way = around(self._ways[its_round.route], closed)
            while holds and self._held_first(course, holds[0], its_round, gait):
                self._hold(course, holds.pop(0), last, gait)
            transit = self._transit(course.point, way[0][0], [*closed, *self._not_yet(its_round)])
            free_from_s = max(course.ends_s + length_m(transit) / gait.transit_mps, its_round.starts_s)
            still = [it for it in rounds[index:] if (it.starts_s, it.ends_s) == (its_round.starts_s, its_round.ends_s)]
            ends_s = latest[index + len(still) - 1]
            length_s = ends_s - free_from_s - self._between_s(still, gait)
            if holds and holds[0].starts_s < ends_s:
                length_s -= holds[0].ends_s - holds[0].starts_s + 2 * HELD_S
                until_s = holds[0].starts_s - HELD_S - self._there_s(way[-1][0], holds[0], gait)
                length_s = min(length_s * self._share(still), until_s - free_from_s)
            else:
                length_s *= self._share(still)
            slot = _Slot(free_from_s, length_s, self._town.routes[its_round.route].legs_s)
            scans += self._walk(course, transit, way, slot, last, chance, gait)
            last = way
        for hold in holds:
            self._hold(course, hold, last, gait)
        _while_away(course, last, spell.ends_s + READY_S, gait)
        return course, tuple(scans)

    def _gait(self, unit: str) -> Gait:
        return FOOT if self._town.units.get(unit, "foot") == "foot" else WHEELS

    # -- places to hold ------------------------------------------------------------------------------------------

    def _place(self, hold: Hold) -> Point:
        return self._plane.point(hold.lat, hold.lon)

    def _there_s(self, start: Point, hold: Hold, gait: Gait) -> float:
        return length_m(self._roads.way(start, self._place(hold))) / gait.transit_mps

    def _held_first(self, course: Course, hold: Hold, its_round: Round, gait: Gait) -> bool:
        """Whether there is no time for a round before a place must be held."""
        way = self._ways[its_round.route]
        there_s = length_m(self._roads.way(course.point, way[0][0])) / gait.transit_mps
        from_s = max(course.ends_s + there_s, its_round.starts_s)
        ready_s = from_s + self._least_s(its_round.route, gait) + self._there_s(way[-1][0], hold, gait)
        return ready_s > hold.starts_s - HELD_S

    def _hold(self, course: Course, hold: Hold, last: list[Stop], gait: Gait) -> None:
        _while_away(course, last, hold.starts_s - HELD_S - self._there_s(course.point, hold, gait), gait)
        course.go(self._roads.way(course.point, self._place(hold)), speed_mps=gait.transit_mps)
        course.stand(hold.ends_s + HELD_S)

    def _first_stroll(self, route: str, start: Point) -> list[Stop]:
        """Where one strolls before the first round: along its beginning, or if that has its order somewhere else."""
        its = self._town.routes[route]
        first = self._town.checkpoints.get(its.checkpoints[0]) if its.ordered and its.checkpoints else None
        if first is None:
            return self._ways[route][::-1]
        spot = self._plane.point(first.lat, first.lon)
        near = [it for it in self._roads.points if math.dist(it, start) <= STROLL_M]
        away = max(near, key=lambda it: (math.dist(it, spot), it), default=start)
        return [(it, None) for it in reversed(self._roads.way(start, away))]

    # -- rounds --------------------------------------------------------------------------------------------------

    def _latest(self, rounds: list[Round], gait: Gait) -> list[float]:
        """Up to when each round must be done, so that those after it can be done in their windows."""
        found: list[float] = []
        next_s = math.inf
        for its_round in reversed(rounds):
            found.append(min(its_round.ends_s, next_s))
            next_s = found[-1] - self._least_s(its_round.route, gait) - SPARE_S
        return found[::-1]

    def _least_s(self, route: str, gait: Gait) -> float:
        """How long a route takes in a hurry."""
        way, legs_s = self._ways[route], self._town.routes[route].legs_s
        pauses_s = 1.25 * sum(self._stop_s(code, SHORTEST_PAUSE_S) for _, code in way if code is not None)
        walk_s = length_m([point for point, _ in way]) / gait.fastest_mps
        return walk_s + max(pauses_s, sum(legs_s))

    def _stop_s(self, code: str, pause_s: float) -> float:
        """How long one stays at a checkpoint at least."""
        dwell_s = self._town.checkpoints[code].dwell_s
        return pause_s if dwell_s is None else max(pause_s, dwell_s + DWELT_S)

    def _not_yet(self, its_round: Round) -> list[Circle]:
        """On the way to an ordered route its first checkpoint is kept off: its time begins when the walk does."""
        route = self._town.routes[its_round.route]
        first = self._town.checkpoints.get(route.checkpoints[0]) if route.ordered and route.checkpoints else None
        if first is None:
            return []
        return [Circle(self._plane.point(first.lat, first.lon), first.radius_m + KEEP_OFF_M)]

    def _transit(self, start: Point, end: Point, closed: list[Circle]) -> list[Point]:
        """From one route to the next by road, round what is to be kept off."""
        return [start, *(point for point, _ in around([(it, None) for it in self._roads.way(start, end)], closed)), end]

    def _between_s(self, still: list[Round], gait: Gait) -> float:
        """How long the ways between some routes take, and a little time to spare."""
        ways = [self._ways[it.route] for it in still]
        return SPARE_S + sum(
            length_m(self._roads.way(a[-1][0], b[0][0])) / gait.transit_mps for a, b in itertools.pairwise(ways)
        )

    def _share(self, still: list[Round]) -> float:
        """The first one's share of the time for all of them, by length."""
        lengths = [length_m([point for point, _ in self._ways[it.route]]) for it in still]
        return lengths[0] / sum(lengths)

    def _closed(self, spell: Spell, rounds: Iterable[Round], now: Round) -> list[Circle]:
        """What is to be kept off while a round is walked: what is left out of all rounds of about that time."""
        found: list[Circle] = []
        for other in rounds:
            if other.starts_s - AROUND_S < now.ends_s and now.starts_s < other.ends_s + AROUND_S:
                found += self._skips(spell, other)
        return found

    def _walk(
        self,
        course: Course,
        transit: list[Point],
        way: list[Stop],
        slot: _Slot,
        last: list[Stop],
        chance: Random,
        gait: Gait,
    ) -> list[Scan]:
        codes = [code for _, code in way if code is not None]
        way_m = length_m([point for point, _ in way])
        least_s = 1.25 * sum(self._stop_s(code, SHORTEST_PAUSE_S) for code in codes)
        hurry_mps = way_m / max(1.0, slot.length_s - max(least_s, sum(slot.legs_s)))
        pace = min(gait.fastest_mps, max(chance.uniform(gait.slowest_mps, gait.usual_mps), hurry_mps))
        walk_s = way_m / pace
        pause_s = (USED * slot.length_s - walk_s) / max(1, len(codes))
        pause_s = min(LONGEST_PAUSE_S, max(SHORTEST_PAUSE_S, pause_s))
        takes_s = walk_s + max(1.25 * sum(self._stop_s(code, pause_s) for code in codes), sum(slot.legs_s))
        slack_s = max(0.0, slot.length_s - takes_s)
        kiosk = next((code for code in codes if self._town.checkpoints[code].kind == "kiosk"), None)
        rest_s = min(REST_S, RESTED * slack_s) if gait.rests and kiosk and not slot.legs_s else 0.0
        waits_s = chance.uniform(0.1, 0.7) * (slack_s - rest_s)
        leaves_s = slot.from_s + waits_s - length_m(transit) / gait.transit_mps
        _while_away(course, last, leaves_s, gait)
        course.go(transit, speed_mps=gait.transit_mps)
        course.stand(slot.from_s)
        scans = []
        legs_s = iter(slot.legs_s)
        for index, (point, code) in enumerate(way):
            course.go([point], speed_mps=pace)
            if code is None:
                continue
            tag = self._town.checkpoints[code].tag
            if tag:
                scans.append(Scan(course.ends_s + 5, tag))
            stays_s = self._stop_s(code, pause_s * chance.uniform(0.75, 1.25)) + (rest_s if code == kiosk else 0.0)
            if (leg_s := next(legs_s, None)) is not None:
                stays_s = leg_s - to_next_m(way[index:]) / pace
            course.stand(course.ends_s + stays_s)
        return scans


def _while_away(course: Course, way: Sequence[Stop], until_s: float, gait: Gait) -> None:
    """Stay until a moment; with much time, go back along the way that was walked now and then, and come again."""
    back = [course.point]
    for point, _ in reversed(way):
        if length_m(back) >= STROLL_M:
            break
        back.append(point)
    takes_s = 2 * length_m(back) / gait.transit_mps + ABOUT_S
    while len(back) > 1 and until_s - course.ends_s > PATIENCE_S + takes_s:
        course.stand(course.ends_s + PATIENCE_S)
        course.go(back, speed_mps=gait.transit_mps)
        course.stand(course.ends_s + ABOUT_S)
        course.go(reversed(back), speed_mps=gait.transit_mps)
    course.stand(until_s)
