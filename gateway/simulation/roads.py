"""The roads as a net, and the shortest way along them."""

import heapq
import itertools
import math
from collections.abc import Iterable
from functools import lru_cache

from gateway.simulation.course import Plane, Point
from gateway.simulation.town import Line


class RoadNet:
    """Roads that share a point are joined there; only the largest net of joined roads is used."""

    def __init__(self, roads: Iterable[Line], plane: Plane) -> None:
        joined: dict[Point, dict[Point, float]] = {}
        for road in roads:
            points = [plane.point(lat, lon) for lat, lon in road]
            for a, b in itertools.pairwise(points):
                if a != b:
                    joined.setdefault(a, {})[b] = joined.setdefault(b, {})[a] = math.dist(a, b)
        self._joined = {point: joined[point] for point in _largest(joined)}
        self.points = sorted(self._joined)
        self._between = lru_cache(maxsize=4096)(self._search)

    def way(self, start: Point, end: Point) -> tuple[Point, ...]:
        """The points to pass from start to end, both included; a straight line when there are no roads."""
        if not self.points or math.dist(start, end) < 1:
            return (start, end)
        between = self._between(self.nearest(start), self.nearest(end))
        return (start, *between, end)

    def nearest(self, point: Point) -> Point:
        """The nearest point of the net."""
        return min(self.points, key=lambda it: math.dist(it, point))

    def distances(self, start: Point) -> dict[Point, float]:
        """How far each point of the net is by road, in metres."""
        if not self.points:
            return {}
        first = self.nearest(start)
        found: dict[Point, float] = {}
        waiting = [(0.0, first)]
        while waiting:
            way_m, point = heapq.heappop(waiting)
            if point in found:
                continue
            found[point] = way_m
            for following, length in self._joined[point].items():
                if following not in found:
                    heapq.heappush(waiting, (way_m + length, following))
        return found

    def _search(self, start: Point, end: Point) -> tuple[Point, ...]:
        before: dict[Point, Point] = {}
        best = {start: 0.0}
        waiting = [(math.dist(start, end), start)]
        done: set[Point] = set()
        while waiting:
            _, point = heapq.heappop(waiting)
            if point == end:
                break
            if point in done:
                continue
            done.add(point)
            for following, length in self._joined[point].items():
                way_m = best[point] + length
                if way_m < best.get(following, math.inf):
                    best[following], before[following] = way_m, point
                    heapq.heappush(waiting, (way_m + math.dist(following, end), following))
        points = [end]
        while points[-1] != start:
            points.append(before[points[-1]])
        return tuple(reversed(points))


def _largest(joined: dict[Point, dict[Point, float]]) -> list[Point]:
    best: list[Point] = []
    seen: set[Point] = set()
    for start in joined:
        if start in seen:
            continue
        seen.add(start)
        net, waiting = [start], [start]
        while waiting:
            for following in joined[waiting.pop()]:
                if following not in seen:
                    seen.add(following)
                    net.append(following)
                    waiting.append(following)
        if len(net) > len(best):
            best = net
    return best
