"""Which checkpoints a unit leaves out: told by the scenario, chosen by the seed."""

import math
from functools import lru_cache

from gateway.simulation.course import Plane, Point
from gateway.simulation.dice import dice
from gateway.simulation.scenario import Skip
from gateway.simulation.spells import Round, Spell
from gateway.simulation.town import Town
from gateway.simulation.walks import KEEP_OFF_M


class Skipping:
    """Call it with a shift and one of its rounds; it answers with the codes that are left out."""

    def __init__(self, town: Town, *, plane: Plane, skips: list[Skip], seed: int) -> None:
        self._town = town
        self._skips = skips
        self._seed = seed
        self._points = {code: plane.point(it.lat, it.lon) for code, it in town.checkpoints.items()}
        self._chosen = lru_cache(maxsize=4096)(self._choose)

    def __call__(self, spell: Spell, its_round: Round) -> frozenset[str]:
        """The codes that are left out of a round."""
        return self._chosen(spell, its_round)

    def _choose(self, spell: Spell, its_round: Round) -> frozenset[str]:
        route = self._town.routes.get(its_round.route)
        out: set[str] = set()
        for number, skip in enumerate(self._skips):
            if route is None or skip.unit not in (None, spell.unit) or skip.route not in (None, route.code):
                continue
            chance = dice(self._seed, "skip", number, spell.key, route.code, its_round.number)
            if chance.random() >= skip.chance:
                continue
            if skip.checkpoints:
                out.update(code for code in skip.checkpoints if code in route.checkpoints and code in self._points)
            else:
                apart = [code for code in route.checkpoints if self._apart(code, spell)]
                out.update(chance.sample(apart, min(skip.points, len(apart))))
        return frozenset(out)

    def _apart(self, code: str, spell: Spell) -> bool:
        """Whether a point can be kept off without missing another of the same unit."""
        point = self._town.checkpoints.get(code)
        if point is None:
            return False
        others = {
            other
            for its_round in spell.rounds
            if its_round.route in self._town.routes
            for other in self._town.routes[its_round.route].checkpoints
            if other != code and other in self._points
        }
        here = self._points[code]
        return all(self._far(here, other, point.radius_m + KEEP_OFF_M) for other in others)

    def _far(self, here: Point, other: str, radius_m: float) -> bool:
        return math.dist(here, self._points[other]) > radius_m + self._town.checkpoints[other].radius_m / 2
