"""The plan of the made-up town: a river, its embankments, the old town's ring, avenues, and blocks between them."""

import itertools
import math
import random
from collections.abc import Sequence

from ops.town.synthesis.mesh import Edge, Mesh, Point, area, centre

OLD_TOWN: Point = (40.0, 300.0)
NEW_TOWN: Point = (150.0, -1000.0)
_BANK_M = 42.0  # from the river's middle to the roads on its embankments
_STEP_M = 110.0  # between the corners of a drawn curve

_RIVER: list[Point] = [
    (-3900, 900), (-2900, 560), (-2150, 60), (-1350, -420), (-520, -380),
    (150, -480), (800, -330), (1450, -520), (2150, -1020), (2900, -1080), (3900, -820),
]  # fmt: skip

_ROADS: list[tuple[str, str, list[Point]]] = [
    ("环城路", "main", [
        (-640, -560), (-610, 60), (-500, 560), (-170, 890), (260, 880), (610, 560), (700, 80), (680, -520),
    ]),
    ("省道", "trunk", [
        (-3700, 1650), (-2300, 1330), (-900, 1190), (500, 1260), (1500, 1600), (2300, 1660), (3700, 2150),
    ]),
    ("人民路", "main", [
        (-3700, 840), (-2500, 760), (-1400, 380), (-600, 240), (40, 300), (700, 270), (1500, 330),
        (2400, -60), (3700, -260),
    ]),
    ("中山路", "main", [
        (-260, 3000), (-130, 1900), (-20, 1200), (40, 300), (20, -480), (-80, -1300), (80, -2000),
        (0, -3000),
    ]),
    ("西门大道", "main", [
        (-1750, 3000), (-1480, 1900), (-1400, 1180), (-1300, 380), (-1180, -450), (-1280, -1350),
        (-1500, -3000),
    ]),
    ("东门大道", "main", [
        (1100, 3000), (1250, 2100), (1400, 1450), (1330, 350), (1420, -520), (1350, -1350), (1700, -3000),
    ]),
    ("迎宾路", "main", [
        (-3700, -1500), (-2300, -1180), (-1280, -1300), (-80, -1330), (1350, -1380), (2300, -1750),
        (3700, -1600),
    ]),
    ("钟楼斜街", "street", [
        (330, 560), (800, 980), (1450, 1640),
    ]),
    ("车站路", "street", [
        (-20, -430), (560, -1000), (1440, -1460),
    ]),
    ("茶园路", "street", [
        (-1320, 420), (-1850, 930), (-2350, 1700), (-3000, 3000),
    ]),
]  # fmt: skip


class Layout:
    """The mesh of the whole town and the names of its drawn roads, by line number."""

    def __init__(self, dice: random.Random) -> None:
        self.mesh = Mesh(_boundary(dice))
        self.names: dict[int, str] = {}
        river = smooth(_RIVER)
        self.river = self.mesh.draw(river, kind="river")
        for name, side in (("北河堤", 1.0), ("南河堤", -1.0)):
            self.names[self.mesh.draw(_beside(river, side * _BANK_M), kind="main")] = name
        for name, kind, path in _ROADS:
            self.names[self.mesh.draw(smooth(path), kind=kind)] = name
        wet = {face for key in self.mesh.edges() if self._is_river(key) for face in self.mesh.faces_of(key)}
        slivers = {  # cut off a strip of water where a bridge's corners were joined
            face
            for face in self.mesh.faces
            if min(math.dist(centre(self.mesh.corners(face)), bend) for bend in _fine(river)) < _BANK_M
        }
        self.water = wet | slivers
        _cut_into_blocks(self.mesh, self.water, dice)

    def _is_river(self, key: Edge) -> bool:
        return self.mesh.line_of(key).kind == "river"


def density(place: Point) -> float:
    """How built-up a place is: 1 in the middle of the old town, towards 0 outside."""
    old = math.dist(place, OLD_TOWN) / 1000
    new = math.dist(place, NEW_TOWN) / 760
    return max(1 / (1 + math.pow(old, 2.6)), 0.74 / (1 + math.pow(new, 3.2)))


def smooth(path: Sequence[Point]) -> list[Point]:
    """A curve through all points of a path (Catmull-Rom), with a corner each hundred metres or so."""
    ends = [path[0], *path, path[-1]]
    curve: list[Point] = []
    for before, one, other, after in zip(ends, ends[1:], ends[2:], ends[3:], strict=False):
        steps = max(1, round(math.dist(one, other) / _STEP_M))
        for step in range(steps):
            t = step / steps
            curve.append(
                (_spline(before[0], one[0], other[0], after[0], t), _spline(before[1], one[1], other[1], after[1], t))
            )
    return [*curve, path[-1]]


def _fine(path: Sequence[Point]) -> list[Point]:
    return [
        (a[0] + (b[0] - a[0]) * part / 10, a[1] + (b[1] - a[1]) * part / 10)
        for a, b in itertools.pairwise(path)
        for part in range(10)
    ]


def _spline(before: float, one: float, other: float, after: float, t: float) -> float:
    cubic = 3 * (one - other) + after - before
    square = 2 * before - 5 * one + 4 * other - after
    return one + 0.5 * t * (other - before + t * (square + t * cubic))


def _beside(path: Sequence[Point], offset_m: float) -> list[Point]:
    beside = []
    for index, (x, y) in enumerate(path):
        before, after = path[max(index - 1, 0)], path[min(index + 1, len(path) - 1)]
        length = math.dist(before, after)
        dx, dy = (after[0] - before[0]) / length, (after[1] - before[1]) / length
        beside.append((x - dy * offset_m, y + dx * offset_m))
    return beside


def _boundary(dice: random.Random) -> list[Point]:
    phases = [dice.uniform(0, 2 * math.pi) for _ in range(5)]
    ring = []
    for step in range(64):
        angle = 2 * math.pi * step / 64
        wave = sum(math.sin((n + 2) * angle + phase) / (n + 2) for n, phase in enumerate(phases))
        reach = 1 + 0.11 * wave + dice.uniform(-0.012, 0.012)
        power = math.pow(abs(math.cos(angle)) ** 3 + abs(math.sin(angle)) ** 3, -1 / 3)  # between an ellipse and a box
        ring.append((2900 * reach * power * math.cos(angle), 2420 * reach * power * math.sin(angle)))
    return ring


def _cut_into_blocks(mesh: Mesh, water: set[int], dice: random.Random) -> None:
    waiting = sorted(set(mesh.faces) - water)
    while waiting:
        face = waiting.pop(0)
        ring = mesh.corners(face)
        size, middle = area(ring), centre(ring)
        built = density(middle)
        wanted = 11_000 + 170_000 * (1 - built) ** 2.2
        if size < wanted * dice.uniform(1.2, 2.0):
            continue
        kind = "street" if size > 4 * wanted else ("lane" if built > 0.12 else "track")
        for _ in range(4):
            angle = _across(ring) + dice.gauss(0, 0.13)
            anchor = (
                middle[0] + dice.gauss(0, 0.08) * math.sqrt(size),
                middle[1] + dice.gauss(0, 0.08) * math.sqrt(size),
            )
            made = mesh.cut(face, anchor=anchor, angle=angle, kind=kind, bend_m=dice.gauss(0, 0.035) * math.sqrt(size))
            if made:
                waiting.extend(made)
                break


def _across(ring: Sequence[Point]) -> float:
    """The direction across the longer axis of a ring: of its moments, so that one long side does not decide."""
    x0, y0 = centre(ring)
    xx = xy = yy = 0.0
    for a, b in zip(ring, [*ring[1:], ring[0]], strict=True):
        weight = math.dist(a, b)
        dx, dy = (a[0] + b[0]) / 2 - x0, (a[1] + b[1]) / 2 - y0
        xx, xy, yy = xx + weight * dx * dx, xy + weight * dx * dy, yy + weight * dy * dy
    return 0.5 * math.atan2(2 * xy, xx - yy) + math.pi / 2
