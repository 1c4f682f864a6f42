"""What the duties of the made-up town ask for: lines on its routes, legs, stays, visits to its communities, posts."""

import itertools
import math
from collections.abc import Sequence

from ops.town.synthesis.mesh import Point
from ops.town.synthesis.roster import Rows
from ops.town.synthesis.walks import Walk

LINES_ON = (0, 6, 10, 15)  # walks with a line on them, by number
LOOKED_AT = ("液化气站", "变电所", "加油站")  # where a round stays to look
LOOK_S = 120
_LINE_M = 600.0
_LEG_MPS, _LEG_STOP_MIN, _LEG_TOLERANCE_MIN = 1.3, 2, 4  # a walk, a stop at its end, and as much again


def line_on(walk: Walk) -> list[Point]:
    """The first stretch of a walk, to the corner after 600 m."""
    found, far = [walk.path[0]], 0.0
    for a, b in itertools.pairwise(walk.path):
        found.append(b)
        far += math.dist(a, b)
        if far >= _LINE_M:
            break
    return found


def legs(walk: Walk) -> list[dict[str, int]]:
    """For each way from a stop to the next how many minutes it takes, by its length, and by how many it may differ."""
    along = [_along_m(walk, stop.point) for stop in walk.stops]
    return [
        {"minutes": math.ceil((b - a) / _LEG_MPS / 60) + _LEG_STOP_MIN, "tolerance_min": _LEG_TOLERANCE_MIN}
        for a, b in itertools.pairwise(along)
    ]


def _along_m(walk: Walk, point: Point) -> float:
    """How far along a walk it comes nearest to a point."""
    found, best, done = 0.0, math.inf, 0.0
    for a, b in itertools.pairwise(walk.path):
        length = math.dist(a, b)
        dx, dy = (b[0] - a[0]) / length, (b[1] - a[1]) / length
        far = min(length, max(0.0, (point[0] - a[0]) * dx + (point[1] - a[1]) * dy))
        off = math.dist(point, (a[0] + dx * far, a[1] + dy * far))
        if off < best:
            found, best = done + far, off
        done += length
    return found


def line_plans(shifts: Rows) -> Rows:
    """Whoever walks the route of a line walks the line once in that shift."""
    routes = {f"R-{number + 1:02d}": f"L-{index + 1:02d}" for index, number in enumerate(LINES_ON)}
    header, *rows = shifts
    shift, unit, route = (header.index(name) for name in ("shift", "unit", "route"))
    its = [(routes[row[route]], row[unit], row[shift]) for row in rows if row[route] in routes]
    return [
        ["code", "line", "unit", "shift", "times"],
        *([f"LP-{number:02d}", *one, "1"] for number, one in enumerate(sorted(its), start=1)),
    ]


def visit_plans() -> Rows:
    """Patrols are half an hour a week in each community that they answer for."""
    return [
        ["code", "name", "role", "every", "level", "times", "minutes"],
        ["V-01", "社区走访", "patrol", "week", "2", "1", "30"],
    ]


def square(middle: Point, half_m: float) -> Sequence[Point]:
    """A ring around a place, counter-clockwise."""
    x, y = middle
    corners = [(x - half_m, y - half_m), (x + half_m, y - half_m), (x + half_m, y + half_m), (x - half_m, y + half_m)]
    return [*corners, corners[0]]
