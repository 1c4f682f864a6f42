"""Blocks into communities and base grids: connected, of like size, with borders along the larger roads."""

import math
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from ops.town.synthesis.layout import Layout
from ops.town.synthesis.mesh import area, centre

COMMUNITIES = 9
GRIDS_EACH = 6

_BORDER_COST = {"trunk": 0.25, "main": 0.35, "street": 0.8, "lane": 1.0, "track": 1.0}  # per metre, of a border
_UNEVEN_COST = 60.0  # per (block too many) squared


@dataclass
class Quarter:
    """A community: its base grids, each a list of faces, ordered from north-west to south-east."""

    grids: list[list[int]]

    @property
    def faces(self) -> list[int]:
        """All blocks of the community."""
        return [face for grid in self.grids for face in grid]


def divide(layout: Layout, dice: random.Random) -> list[Quarter]:
    """Nine communities of six base grids; none crosses the river."""
    blocks = _Blocks(layout)
    banks = blocks.components(sorted(blocks.centres))
    total = sum(len(bank) for bank in banks)
    shares = [max(1, round(COMMUNITIES * len(bank) / total)) for bank in banks]
    shares[0] += COMMUNITIES - sum(shares)
    quarters = []
    for bank, share in zip(banks, shares, strict=True):
        communities = blocks.partition(bank, share, dice)
        quarters += [blocks.partition(community, GRIDS_EACH, dice) for community in communities]
    _flood(layout, [grid for grids in quarters for grid in grids])
    mesh = layout.mesh

    def place(faces: list[int]) -> float:
        """How far to the south-east the middle of some blocks lies."""
        weight = sum(area(mesh.corners(face)) for face in faces)
        middles = [(area(mesh.corners(face)), centre(mesh.corners(face))) for face in faces]
        return sum(size * (0.5 * middle[0] - middle[1]) for size, middle in middles) / weight

    ordered = [Quarter(sorted(grids, key=place)) for grids in quarters]
    return sorted(ordered, key=lambda quarter: place(quarter.faces))


def _flood(layout: Layout, grids: list[list[int]]) -> None:
    """Add each piece of water to the grid on its shore, the one with the longest bank; the river stays a border."""
    mesh = layout.mesh
    home = {face: index for index, grid in enumerate(grids) for face in grid}
    left = sorted(layout.water)
    while left:
        for face in left:
            banks = Counter[int]()
            for key in mesh.edges():
                beside = mesh.faces_of(key)
                if face in beside and len(beside) == 2 and mesh.line_of(key).kind != "river":
                    other = beside[0] if beside[1] == face else beside[1]
                    if other in home:
                        banks[home[other]] += round(math.dist(mesh.points[key[0]], mesh.points[key[1]]))
            if banks:
                home[face] = min(banks, key=lambda grid: (-banks[grid], grid))
                grids[home[face]].append(face)
        left = [face for face in left if face not in home]


class _Blocks:
    """The dry blocks, who borders on whom and at what cost."""

    def __init__(self, layout: Layout) -> None:
        mesh = layout.mesh
        dry = sorted(set(mesh.faces) - layout.water)
        self.centres = {face: centre(mesh.corners(face)) for face in dry}
        self.borders: dict[int, dict[int, float]] = {face: {} for face in dry}
        for key in mesh.edges():
            beside = [face for face in mesh.faces_of(key) if face not in layout.water]
            if len(beside) == 2:
                one, other = beside
                cost = math.dist(mesh.points[key[0]], mesh.points[key[1]]) * _BORDER_COST[mesh.line_of(key).kind]
                self.borders[one][other] = self.borders[one].get(other, 0.0) + cost
                self.borders[other][one] = self.borders[one][other]

    def components(self, faces: Sequence[int]) -> list[list[int]]:
        """Faces in connected groups, the largest first."""
        left, groups = set(faces), []
        while left:
            group, edge_of_it = set(), [min(left)]
            while edge_of_it:
                face = edge_of_it.pop()
                if face in left:
                    left.remove(face)
                    group.add(face)
                    edge_of_it.extend(sorted(self.borders[face].keys() & left))
            groups.append(sorted(group))
        return sorted(groups, key=lambda group: (-len(group), group))

    def partition(self, faces: Sequence[int], parts: int, dice: random.Random) -> list[list[int]]:
        """Connected parts of like numbers of blocks: the best of several grown and smoothed attempts."""
        attempts = [self._smoothed(self._grown(faces, parts, dice), parts) for _ in range(12)]
        best = min(attempts, key=lambda region_of: self._cost(region_of, parts))
        return [sorted(face for face in faces if best[face] == part) for part in range(parts)]

    def _grown(self, faces: Sequence[int], parts: int, dice: random.Random) -> dict[int, int]:
        seeds = [dice.choice(faces)]
        while len(seeds) < parts:  # each far from the others
            seeds.append(
                max(faces, key=lambda face: min(self._away(face, seed) for seed in seeds) * dice.uniform(0.6, 1))
            )
        region_of = {seed: part for part, seed in enumerate(seeds)}
        sizes = [1] * parts
        inside = set(faces)
        while len(region_of) < len(inside):
            for part in sorted(range(parts), key=lambda part: sizes[part]):
                reach = {
                    other
                    for face, of in region_of.items()
                    if of == part
                    for other in self.borders[face]
                    if other in inside and other not in region_of
                }
                if reach:
                    region_of[min(reach, key=lambda face: (self._away(face, seeds[part]), face))] = part
                    sizes[part] += 1
                    break
            else:
                break
        return region_of

    def _away(self, face: int, seed: int) -> float:
        return math.dist(self.centres[face], self.centres[seed])

    def _smoothed(self, region_of: dict[int, int], parts: int) -> dict[int, int]:
        """Move blocks over borders while that makes regions evener or borders shorter and along larger roads."""
        wanted = len(region_of) / parts
        sizes = Counter(region_of.values())
        moved = True
        for _ in range(40):
            if not moved:
                break
            moved = False
            for face in sorted(region_of):
                old = region_of[face]
                ties: Counter[int] = Counter()
                for other, cost in self.borders[face].items():
                    if other in region_of:
                        ties[region_of[other]] += cost  # type: ignore[assignment]
                for new in sorted(ties):
                    if new == old or sizes[old] == 1:
                        continue
                    evener = (sizes[old] - wanted) ** 2 + (sizes[new] - wanted) ** 2
                    evener -= (sizes[old] - 1 - wanted) ** 2 + (sizes[new] + 1 - wanted) ** 2
                    if ties[new] - ties[old] + _UNEVEN_COST * evener <= 1e-6:
                        continue
                    rest = [other for other, of in region_of.items() if of == old and other != face]
                    if len(self.components(rest)) == 1:
                        region_of[face] = new
                        sizes[old] -= 1
                        sizes[new] += 1
                        moved = True
                        break
        return region_of

    def _cost(self, region_of: dict[int, int], parts: int) -> float:
        sizes = Counter(region_of.values())
        wanted = len(region_of) / parts
        cost = sum(_UNEVEN_COST * (sizes[part] - wanted) ** 2 for part in range(parts))
        for face, others in sorted(self.borders.items()):
            for other, border in sorted(others.items()):
                if face < other and region_of.get(face, -1) != region_of.get(other, -1):
                    cost += border
        return cost
