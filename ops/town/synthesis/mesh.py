"""A plane cut into blocks by streets: faces that share their vertices exactly, so that unions leave no seams."""

import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

Point = tuple[float, float]
"""Metres east and north of the town's middle."""
Edge = tuple[int, int]
"""Two vertex numbers, the lower first."""

_SNAP_M = 28.0  # a street that would end this close to a corner ends in it: crossroads beside T-junctions
_TINY = 1e-9


@dataclass
class Line:
    """What an edge is part of: the boundary, the river, or a road of some class."""

    number: int
    kind: str


@dataclass
class Face:
    """One block: its ring of vertices, counter-clockwise, first not repeated."""

    number: int
    ring: list[int]


class Mesh:
    """Vertices, edges that know their line, and faces. It only ever gets finer."""

    def __init__(self, boundary: Sequence[Point]) -> None:
        self.points: list[Point] = list(boundary)
        self.lines: list[Line] = [Line(0, "boundary")]
        self.faces: dict[int, Face] = {0: Face(0, list(range(len(boundary))))}
        self._line_of: dict[Edge, int] = {edge(one, other): 0 for one, other in _pairs(range(len(boundary)))}
        self._faces_of: dict[Edge, set[int]] = {key: {0} for key in self._line_of}
        self._next_face = 1

    def line_of(self, key: Edge) -> Line:
        """The line that an edge is part of."""
        return self.lines[self._line_of[key]]

    def edges(self) -> Iterable[Edge]:
        """All edges, in a fixed order."""
        return sorted(self._line_of)

    def faces_of(self, key: Edge) -> list[int]:
        """The one or two faces beside an edge."""
        return sorted(self._faces_of[key])

    def corners(self, face: int) -> list[Point]:
        """The ring of a face as points."""
        return [self.points[vertex] for vertex in self.faces[face].ring]

    def path_of(self, line: int) -> list[list[int]]:
        """The vertices of a line, in order; several pieces when it is broken."""
        follow: dict[int, list[int]] = {}
        for one, other in self.edges():
            if self._line_of[one, other] == line:
                follow.setdefault(one, []).append(other)
                follow.setdefault(other, []).append(one)
        pieces = []
        while follow:
            start = min((vertex for vertex in follow if len(follow[vertex]) == 1), default=min(follow))
            piece = [start]
            while follow.get(piece[-1]):
                here, there = piece[-1], follow[piece[-1]].pop(0)
                follow[there].remove(here)
                piece.append(there)
            follow = {vertex: others for vertex, others in follow.items() if others}
            pieces.append(piece)
        return pieces

    def draw(self, path: Sequence[Point], *, kind: str) -> int:
        """Draw a line through all faces that it crosses, and return its number; what dangles is dropped."""
        number = self._new_line(kind)
        run: list[int | Point] = []
        for one, other in itertools.pairwise(path):
            hits = sorted(
                (t, key)
                for key in self.edges()
                if (t := _crossing(one, other, self.points[key[0]], self.points[key[1]])) is not None
            )
            if not run:
                run.append(one)
            for t, key in hits:
                run.append(self._vertex_on(key, _between(one, other, t)))
            run.append(other)
        piece: list[int | Point] = []
        for stop in run:
            piece.append(stop)
            if isinstance(stop, int):
                if isinstance(piece[0], int) and len(piece) > 1 and piece[0] != stop:
                    self._split(piece, number)
                piece = [stop]
        return number

    def cut(self, face: int, *, anchor: Point, angle: float, kind: str, bend_m: float = 0.0) -> list[int]:
        """Cut one face in two by a street through an anchor, and return the two faces; none if it cannot be."""
        ahead = self._shoot(face, anchor, angle)
        back = self._shoot(face, anchor, angle + math.pi)
        if ahead is None or back is None:
            return []
        ends = [self._vertex_on(key, point) for key, point in (back, ahead)]
        if ends[0] == ends[1] or edge(*ends) in self._line_of:
            return []
        middle = _between(self.points[ends[0]], self.points[ends[1]], 0.5)
        bent = (middle[0] - bend_m * math.sin(angle), middle[1] + bend_m * math.cos(angle))
        return self._split([ends[0], bent, ends[1]], self._new_line(kind), face=face)

    def outline(self, faces: Iterable[int]) -> list[list[int]]:
        """The rings of a union of faces: outer ones counter-clockwise, holes clockwise, each from its lowest vertex.

        Where rings touch in a vertex they part there, as a valid polygon asks: always the rightmost turn.
        """
        sides = {side for face in faces for side in _pairs(self.faces[face].ring)}
        leaving: dict[int, list[int]] = {}
        for one, other in sorted(side for side in sides if side[::-1] not in sides):
            leaving.setdefault(one, []).append(other)
        rings = []
        while leaving:
            start = min(leaving)
            ring, here = [start], leaving[start].pop(0)
            while here != start:
                back = self._bearing(here, ring[-1])
                turns = [(self._bearing(here, there) - back) % (2 * math.pi) for there in leaving[here]]
                ring.append(here)
                here = leaving[here].pop(turns.index(min(turns)))
            leaving = {vertex: others for vertex, others in leaving.items() if others}
            rings.append(ring)
        return rings

    def _bearing(self, one: int, other: int) -> float:
        (x0, y0), (x1, y1) = self.points[one], self.points[other]
        return math.atan2(y1 - y0, x1 - x0)

    def _new_line(self, kind: str) -> int:
        self.lines.append(Line(len(self.lines), kind))
        return len(self.lines) - 1

    def _shoot(self, face: int, origin: Point, angle: float) -> tuple[Edge, Point] | None:
        far = (origin[0] + 1e5 * math.cos(angle), origin[1] + 1e5 * math.sin(angle))
        best: tuple[float, Edge] | None = None
        for one, other in _pairs(self.faces[face].ring):
            key = edge(one, other)
            t = _crossing(origin, far, self.points[key[0]], self.points[key[1]])
            if t is not None and (best is None or t < best[0]):
                best = t, key
        return None if best is None else (best[1], _between(origin, far, best[0]))

    def _vertex_on(self, key: Edge, point: Point) -> int:
        """The vertex at a point of an edge: one of its ends when that is near, else a new one that splits it."""
        if key not in self._line_of:  # split by an earlier hit of the same drawing
            key = min(
                (k for k in self._line_of if _beside(point, self.points[k[0]], self.points[k[1]]) < 1e-6),
                default=key,
            )
        for end in key:
            if math.dist(self.points[end], point) < _SNAP_M:
                return end
        vertex = len(self.points)
        self.points.append(point)
        line, faces = self._line_of.pop(key), self._faces_of.pop(key)
        for half in (edge(key[0], vertex), edge(vertex, key[1])):
            self._line_of[half], self._faces_of[half] = line, set(faces)
        for face in faces:
            ring = self.faces[face].ring
            place = next(i for i, (one, other) in enumerate(_pairs(ring)) if edge(one, other) == key)
            ring.insert(place + 1, vertex)
        return vertex

    def _split(self, piece: Sequence[int | Point], line: int, *, face: int | None = None) -> list[int]:
        first, last = (stop for stop in (piece[0], piece[-1]) if isinstance(stop, int))
        inner = [stop for stop in piece[1:-1] if not isinstance(stop, int)]
        here, there = self.points[first], self.points[last]
        probe = inner[len(inner) // 2] if inner else _between(here, there, 0.5)
        if face is None:
            homes = [f for f in self.faces.values() if first in f.ring and last in f.ring]
            face = next((f.number for f in homes if inside(probe, self.corners(f.number))), None)
        if face is None or (not inner and edge(first, last) in self._line_of):
            return []
        vertices = [first]
        for point in inner:
            vertices.append(len(self.points))
            self.points.append(point)
        vertices.append(last)
        ring = self.faces[face].ring
        start, end = ring.index(first), ring.index(last)
        forth = ring[start:end] if start < end else ring[start:] + ring[:end]  # first … before last
        back = ring[end:start] if end < start else ring[end:] + ring[:start]  # last … before first
        rings = [forth + vertices[:0:-1], back + vertices[:-1]]
        for one, other in _pairs(ring):
            self._faces_of[edge(one, other)].discard(face)
        del self.faces[face]
        for one, other in itertools.pairwise(vertices):
            self._line_of[edge(one, other)] = line
        made = []
        for new in rings:
            self.faces[self._next_face] = Face(self._next_face, new)
            for one, other in _pairs(new):
                self._faces_of.setdefault(edge(one, other), set()).add(self._next_face)
            made.append(self._next_face)
            self._next_face += 1
        return made


def edge(one: int, other: int) -> Edge:
    """The edge between two vertices."""
    return (one, other) if one < other else (other, one)


def area(ring: Sequence[Point]) -> float:
    """The area of a ring, positive when counter-clockwise, in square metres."""
    return sum(a[0] * b[1] - b[0] * a[1] for a, b in zip(ring, [*ring[1:], ring[0]], strict=True)) / 2


def centre(ring: Sequence[Point]) -> Point:
    """The centroid of a ring."""
    twice = 0.0
    x = y = 0.0
    for a, b in zip(ring, [*ring[1:], ring[0]], strict=True):
        cross = a[0] * b[1] - b[0] * a[1]
        twice += cross
        x += (a[0] + b[0]) * cross
        y += (a[1] + b[1]) * cross
    return (x / (3 * twice), y / (3 * twice))


def inside(point: Point, ring: Sequence[Point]) -> bool:
    """Whether a ring surrounds a point."""
    within = False
    for a, b in zip(ring, [*ring[1:], ring[0]], strict=True):
        if (a[1] > point[1]) != (b[1] > point[1]) and point[0] < (b[0] - a[0]) * (point[1] - a[1]) / (b[1] - a[1]) + a[
            0
        ]:
            within = not within
    return within


def _pairs(ring: Iterable[int]) -> Iterable[tuple[int, int]]:
    vertices = list(ring)
    return zip(vertices, [*vertices[1:], vertices[0]], strict=True)


def _between(one: Point, other: Point, t: float) -> Point:
    return (one[0] + t * (other[0] - one[0]), one[1] + t * (other[1] - one[1]))


def _crossing(one: Point, other: Point, a: Point, b: Point) -> float | None:
    """How far along one-other (0 to 1) it crosses a-b; None when it does not."""
    dx, dy = other[0] - one[0], other[1] - one[1]
    ex, ey = b[0] - a[0], b[1] - a[1]
    cross = dx * ey - dy * ex
    if abs(cross) < _TINY:
        return None
    t = ((a[0] - one[0]) * ey - (a[1] - one[1]) * ex) / cross
    u = ((a[0] - one[0]) * dy - (a[1] - one[1]) * dx) / cross
    return t if _TINY < t <= 1 and 0 <= u <= 1 else None


def _beside(point: Point, a: Point, b: Point) -> float:
    """The distance of a point from a stretch of line."""
    length = math.dist(a, b) ** 2
    t = 0.0 if length == 0 else ((point[0] - a[0]) * (b[0] - a[0]) + (point[1] - a[1]) * (b[1] - a[1])) / length
    return math.dist(point, _between(a, b, min(1.0, max(0.0, t))))
