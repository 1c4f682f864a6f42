"""What a unit leaves out of its rounds: told by the scenario, chosen by the seed."""

import itertools
import math
from collections.abc import Iterator
from functools import lru_cache

from gateway.simulation.course import Plane, Point, length_m
from gateway.simulation.dice import dice
from gateway.simulation.scenario import Skip
from gateway.simulation.spells import Round, Spell
from gateway.simulation.town import Town
from gateway.simulation.walks import KEEP_OFF_M
from gateway.simulation.ways import Circle

_CLEAR_M = 10.0  # between ground that is kept off for a line's sake and the nearest checkpoint
_WIDEST_M = 120.0
_STEP_M = 20.0
_LEFT = 0.5  # share of a line that is left out, where its checkpoints leave room for that


class Skipping:
    """Call it with a stretch of duty and one of its rounds; it answers with the ground that is kept off."""

    def __init__(self, town: Town, *, plane: Plane, skips: list[Skip], seed: int) -> None:
        self._town = town
        self._skips = skips
        self._seed = seed
        self._points = {code: plane.point(it.lat, it.lon) for code, it in town.checkpoints.items()}
        self._lines = {code: [plane.point(*place) for place in line] for code, line in town.lines.items()}
        self._chosen = lru_cache(maxsize=4096)(self._choose)

    def __call__(self, spell: Spell, its_round: Round) -> tuple[Circle, ...]:
        """The ground that is kept off on a round: what is left out of it."""
        return self._chosen(spell, its_round)

    def _choose(self, spell: Spell, its_round: Round) -> tuple[Circle, ...]:
        route = self._town.routes.get(its_round.route)
        out: set[str] = set()
        found: list[Circle] = []
        for number, skip in enumerate(self._skips):
            if route is None or skip.unit not in (None, spell.unit) or skip.route not in (None, route.code):
                continue
            chance = dice(self._seed, "skip", number, spell.key, route.code, its_round.number)
            if chance.random() >= skip.chance:
                continue
            if skip.checkpoints:
                out.update(code for code in skip.checkpoints if code in route.checkpoints and code in self._points)
            elif skip.points:
                apart = [code for code in route.checkpoints if self._apart(code, spell)]
                out.update(chance.sample(apart, min(skip.points, len(apart))))
            for code in skip.lines:
                found += self._beside(self._lines[code], spell)
        points = (self._circle(self._points[code], self._town.checkpoints[code].radius_m) for code in sorted(out))
        return (*points, *found)

    def _circle(self, middle: Point, radius_m: float) -> Circle:
        return Circle(middle, radius_m + KEEP_OFF_M)

    def _beside(self, line: list[Point], spell: Spell) -> Iterator[Circle]:
        """Ground along a line, clear of all checkpoints of the unit, the widest first."""
        others = [(self._points[code], self._town.checkpoints[code].radius_m) for code in self._of(spell)]
        found: list[Circle] = []
        rooms = []
        for point in _along(line):
            room_m = min((math.dist(point, other) - radius_m for other, radius_m in others), default=math.inf)
            rooms.append((min(_WIDEST_M, room_m - _CLEAR_M), point))
        left_m = _LEFT * length_m(line)
        for radius_m, point in sorted(rooms, reverse=True):
            if left_m <= 0 or radius_m < KEEP_OFF_M:
                return
            if all(math.dist(point, it.middle) > radius_m + it.radius_m for it in found):
                found.append(Circle(point, radius_m))
                left_m -= 2 * (radius_m - KEEP_OFF_M / 2)
                yield found[-1]

    def _of(self, spell: Spell) -> set[str]:
        """The checkpoints of all rounds of a stretch of duty."""
        return {
            code
            for its_round in spell.rounds
            if its_round.route in self._town.routes
            for code in self._town.routes[its_round.route].checkpoints
            if code in self._points
        }

    def _apart(self, code: str, spell: Spell) -> bool:
        """Whether a point can be kept off without missing another of the same unit."""
        point = self._town.checkpoints.get(code)
        if point is None:
            return False
        others = self._of(spell) - {code}
        here = self._points[code]
        return all(self._far(here, other, point.radius_m + KEEP_OFF_M) for other in others)

    def _far(self, here: Point, other: str, radius_m: float) -> bool:
        return math.dist(here, self._points[other]) > radius_m + self._town.checkpoints[other].radius_m / 2


def _along(line: list[Point]) -> Iterator[Point]:
    """Points along a line, some metres apart."""
    for a, b in itertools.pairwise(line):
        parts = max(1, math.ceil(math.dist(a, b) / _STEP_M))
        for part in range(parts):
            yield a[0] + (b[0] - a[0]) * part / parts, a[1] + (b[1] - a[1]) * part / parts
