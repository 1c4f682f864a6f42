"""Duties beside the rounds of the made-up town: lines on its routes, visits to its communities, two static posts."""

import itertools
import math
from collections.abc import Sequence

from ops.town.synthesis.mesh import Point
from ops.town.synthesis.roster import Rows
from ops.town.synthesis.walks import Walk

LINES_ON = (0, 6, 10, 15)  # walks with a line on them, by number
_LINE_M = 600.0


def line_on(walk: Walk) -> list[Point]:
    """The first stretch of a walk, to the corner after 600 m."""
    found, far = [walk.path[0]], 0.0
    for a, b in itertools.pairwise(walk.path):
        found.append(b)
        far += math.dist(a, b)
        if far >= _LINE_M:
            break
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
