"""Patrol routes: walks through the streets of one community, and the checkpoints along them."""

import heapq
import itertools
import math
import random
from collections.abc import Sequence
from dataclasses import dataclass

from ops.town.synthesis.layout import Layout, density
from ops.town.synthesis.mesh import Edge, Point, edge
from ops.town.synthesis.quarters import Quarter

SHORTEST_M, LONGEST_M = 1700.0, 3100.0
_APART_M = 90.0  # between checkpoints, so that no fix is within two radii of 40 m
_TRIALS = 150
_USED_AGAIN = 4.0  # a stretch that was walked already counts as so many times its length


@dataclass
class Stop:
    """A checkpoint: where it is, and the edge of the street beside it."""

    point: Point
    edge: Edge


@dataclass
class Walk:
    """A route: its corners and its stops in order."""

    path: list[Point]
    stops: list[Stop]

    @property
    def length_m(self) -> float:
        """How far it is."""
        return sum(math.dist(a, b) for a, b in zip(self.path, self.path[1:], strict=False))


def plan_walks(layout: Layout, quarters: Sequence[Quarter], dice: random.Random) -> list[Walk]:
    """Two walks for each community, in their order; 120 stops on 18 walks."""
    counts = [7, 6] * len(quarters)
    for index in (0, 4, 10):
        counts[index] += 1
    taken: list[Point] = []
    walks = []
    for number, quarter in enumerate(quarters):
        used: set[Edge] = set()
        for half in (0, 1):
            streets = _Streets(layout, quarter)
            home = [face for grid in quarter.grids[half * 3 : half * 3 + 3] for face in grid]
            corners = streets.corners_of([face for face in home if face not in layout.water])
            trail = _best_trail(streets, corners, used, dice)
            used.update(edge(a, b) for a, b in itertools.pairwise(trail))
            stops = _place_stops(layout, trail, counts[number * 2 + half], taken, dice)
            walks.append(Walk([layout.mesh.points[vertex] for vertex in trail], stops))
    return walks


class _Streets:
    """The street net of one community."""

    def __init__(self, layout: Layout, quarter: Quarter) -> None:
        self.mesh = layout.mesh
        self.next: dict[int, list[tuple[int, float]]] = {}
        faces = set(quarter.faces) - layout.water
        for key in self.mesh.edges():
            if self.mesh.line_of(key).kind not in {"river", "boundary"} and faces & set(self.mesh.faces_of(key)):
                length = math.dist(self.mesh.points[key[0]], self.mesh.points[key[1]])
                self.next.setdefault(key[0], []).append((key[1], length))
                self.next.setdefault(key[1], []).append((key[0], length))

    def corners_of(self, faces: Sequence[int]) -> list[int]:
        """The street corners around some blocks."""
        return sorted({vertex for face in faces for vertex in self.mesh.faces[face].ring if vertex in self.next})

    def way(self, start: int, goal: int, used: set[Edge]) -> list[int]:
        """The shortest way, with stretches that were used already counted longer; empty when there is none."""
        heap = [(0.0, start, -1)]
        before: dict[int, int] = {}
        while heap:
            far, here, came = heapq.heappop(heap)
            if here in before:
                continue
            before[here] = came
            if here == goal:
                way = [here]
                while before[way[-1]] >= 0:
                    way.append(before[way[-1]])
                return way[::-1]
            for there, length in self.next[here]:
                if there not in before:
                    cost = length * (_USED_AGAIN if edge(here, there) in used else 1)
                    heapq.heappush(heap, (far + cost, there, here))
        return []


def _best_trail(streets: _Streets, corners: list[int], used: set[Edge], dice: random.Random) -> list[int]:
    """Of many round trips by way of random corners, the one that repeats itself least and is in the thick of it."""
    points = streets.mesh.points
    best: tuple[float, list[int]] | None = None
    for _ in range(_TRIALS):
        start = dice.choice(corners)
        reach = dice.uniform(250, 750)
        near = [corner for corner in corners if math.dist(points[corner], points[start]) < reach]
        if len(near) < 4:
            continue
        marks = dice.sample(near, min(len(near), dice.randint(4, 6)))
        middle = mean([points[mark] for mark in marks])
        marks.sort(key=lambda mark: math.atan2(points[mark][1] - middle[1], points[mark][0] - middle[0]))
        trail, walked = [marks[0]], set(used)
        for goal in [*marks[1:], marks[0]]:
            way = streets.way(trail[-1], goal, walked)
            trail += way[1:]
            walked.update(edge(a, b) for a, b in itertools.pairwise(way))
        steps = [(edge(a, b), math.dist(points[a], points[b])) for a, b in itertools.pairwise(trail)]
        length = sum(step for _, step in steps)
        if not SHORTEST_M <= length <= LONGEST_M:
            continue
        fresh = sum(dict(steps).values()) / length
        fresh -= sum(step for key, step in dict(steps).items() if key in used) / length
        score = 2 * fresh + sum(density(points[corner]) for corner in trail) / len(trail)
        if best is None or score > best[0]:
            best = score, trail
    if best is None:
        raise ValueError("no walk of the wanted length; try another seed")
    return best[1]


def mean(points: Sequence[Point]) -> Point:
    """The mean of some points."""
    return (sum(x for x, _ in points) / len(points), sum(y for _, y in points) / len(points))


def _place_stops(layout: Layout, trail: list[int], count: int, taken: list[Point], dice: random.Random) -> list[Stop]:
    """Stops at about equal distances along a trail, a few metres off the street's middle, apart from all others."""
    points = layout.mesh.points
    length = sum(math.dist(points[a], points[b]) for a, b in itertools.pairwise(trail))
    stops = []
    for number in range(count):
        for attempt in range(200):
            shift = dice.uniform(-0.3, 0.3) * min(1 + attempt / 50, 1.6)
            stop = _stop_at(layout, trail, (number + 0.5 + shift) / count * length, dice.uniform(-7, 7))
            if all(math.dist(stop.point, other) > _APART_M for other in taken):
                break
        else:
            raise ValueError("no room for a checkpoint; try another seed")
        taken.append(stop.point)
        stops.append(stop)
    return stops


def _stop_at(layout: Layout, trail: list[int], far: float, aside_m: float) -> Stop:
    points = layout.mesh.points
    for a, b in itertools.pairwise(trail):
        step = math.dist(points[a], points[b])
        if far <= step:
            return Stop(beside(points[a], points[b], along_m=far, aside_m=aside_m), edge(a, b))
        far -= step
    raise ValueError("beyond the end of the trail")


def beside(a: Point, b: Point, *, along_m: float, aside_m: float) -> Point:
    """The point so far along a-b and so far to its left."""
    length = math.dist(a, b)
    dx, dy = (b[0] - a[0]) / length, (b[1] - a[1]) / length
    return (a[0] + dx * along_m - dy * aside_m, a[1] + dy * along_m + dx * aside_m)
