"""A route as steps on the plane, with a stop at each checkpoint, and led round what is to be kept off."""

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gateway.simulation.course import Plane, Point, length_m
from gateway.simulation.town import Checkpoint, Route

_GRAIN_M = 10.0
_ARC_RAD = math.radians(15)

Stop = tuple[Point, str | None]
"""A step of a way, and the checkpoint at which one stops there."""


@dataclass(frozen=True)
class Circle:
    """Ground to keep off, in metres."""

    middle: Point
    radius_m: float


def way_of(route: Route, checkpoints: Mapping[str, Checkpoint], plane: Plane) -> list[Stop]:
    """The route in short steps, with each checkpoint where the line comes nearest to it; out to it if that is far."""
    line = [plane.point(lat, lon) for lat, lon in route.line]
    steps: list[Stop] = [(point, None) for point in _fine(line)]
    known = [(code, checkpoints[code]) for code in route.checkpoints if code in checkpoints]
    nearest: dict[int, list[Stop]] = {}
    for code, checkpoint in known:
        middle = plane.point(checkpoint.lat, checkpoint.lon)
        index = min(range(len(steps)), key=lambda it: math.dist(steps[it][0], middle))
        point = steps[index][0]
        off_m = math.dist(point, middle)
        near = point if off_m <= checkpoint.radius_m / 2 else middle
        nearest.setdefault(index, []).append((near, code))
    way: list[Stop] = []
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


def around(way: list[Stop], closed: list[Circle]) -> list[Stop]:
    """The same way, led round the circles; what lies in them is left out, checkpoints too."""
    for circle in closed:
        if not any(math.dist(point, circle.middle) < circle.radius_m for point, _ in way):
            continue
        stops = {point: code for point, code in way if code}
        fine: list[Stop] = [(point, stops.pop(point, None)) for point in _fine([point for point, _ in way])]
        outside: list[Stop] = []
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


def to_next_m(way: Sequence[Stop]) -> float:
    """How far it is from the first stop of a way to the next one."""
    far = next((index for index, (_, code) in enumerate(way) if index and code is not None), 0)
    return length_m([point for point, _ in way[: far + 1]])
