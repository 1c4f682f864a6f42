"""Which circles lie near which points: cells with lists of circles, so that far pairs are never compared."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from devices.geometry import M_PER_DEG
from ingest.columns import Floats, Ints

# Reach plus accuracy in metres, by class: on foot with an ordinary fix; in a vehicle; the worst accuracy that the
# column holds (3.3 km). A point is looked up in the smallest class that covers it.
CLASSES_M = (400.0, 1200.0, 4400.0)
_SPAN = 1 << 20  # cells of one row; more than there are at the smallest class
_AT_ONCE = 4_000_000  # pairs compared in one go, some 200 MB at the worst of numpy's temporaries


@dataclass(frozen=True)
class _Cells:
    """Circles by cell, compressed: the circles of `keys[i]` are `circles[starts[i]:starts[i + 1]]`."""

    size_deg: float
    keys: Ints
    starts: Ints
    circles: Ints

    def pairs(self, lat: Floats, lon: Floats) -> tuple[Ints, Ints]:
        """Point and circle of every pair that may be near."""
        key = _key(np.floor(lat / self.size_deg).astype(np.int64), np.floor(lon / self.size_deg).astype(np.int64))
        at = np.searchsorted(self.keys, key).clip(max=len(self.keys) - 1)
        counts = np.where(self.keys[at] == key, self.starts[at + 1] - self.starts[at], 0)
        point = np.repeat(np.arange(len(lat)), counts)
        step = np.arange(len(point)) - np.repeat(np.cumsum(counts) - counts, counts)
        return point, self.circles[np.repeat(self.starts[at], counts) + step]


@dataclass(frozen=True)
class Nearness:
    """Circles on the ground, to be asked which points touch them.

    Attributes:
        lat: degrees.
        lon: degrees.
        radius_m: metres.
    """

    lat: Floats
    lon: Floats
    radius_m: Floats

    def near(self, lat: Floats, lon: Floats, reach_m: Floats) -> tuple[Ints, Ints]:
        """Point and circle of every pair no further apart than the point's reach plus the circle's radius."""
        found = [(np.empty(0, np.int64), np.empty(0, np.int64))]
        lower = -np.inf
        for cells, upper in zip(self._classes, CLASSES_M, strict=True):
            points = np.flatnonzero((reach_m > lower) & (reach_m <= upper))
            step = max(1, _AT_ONCE // max(1, len(self.lat)))
            for start in range(0, len(points), step):
                some = points[start : start + step]
                point, circle = cells.pairs(lat[some], lon[some])
                point = some[point]
                north = (lat[point] - self.lat[circle]) * M_PER_DEG
                east = (lon[point] - self.lon[circle]) * self._m_per_deg_lon[circle]
                near = north * north + east * east <= (reach_m[point] + self.radius_m[circle]) ** 2
                found.append((point[near], circle[near]))
            lower = upper
        return np.concatenate([point for point, _ in found]), np.concatenate([circle for _, circle in found])

    @cached_property
    def _m_per_deg_lon(self) -> Floats:
        return M_PER_DEG * np.cos(np.radians(self.lat))

    @cached_property
    def _classes(self) -> list[_Cells]:
        return [self._cells(reach_m) for reach_m in CLASSES_M]

    def _cells(self, reach_m: float) -> _Cells:
        """Each circle in every cell that its bounding box, widened by the reach, touches."""
        size = 2 * reach_m / M_PER_DEG
        high = (self.radius_m + reach_m) / M_PER_DEG
        wide = np.minimum((self.radius_m + reach_m) / np.maximum(self._m_per_deg_lon, 1.0), 360.0)
        first_row, last_row = (np.floor((self.lat + side * high) / size).astype(np.int64) for side in (-1, 1))
        first_column, last_column = (np.floor((self.lon + side * wide) / size).astype(np.int64) for side in (-1, 1))
        rows, columns = last_row - first_row + 1, last_column - first_column + 1
        counts = rows * columns
        circle = np.repeat(np.arange(len(self.lat)), counts)
        step = np.arange(len(circle)) - np.repeat(np.cumsum(counts) - counts, counts)
        key = _key(first_row[circle] + step // columns[circle], first_column[circle] + step % columns[circle])
        order = np.argsort(key, kind="stable")
        keys, starts = np.unique(key[order], return_index=True)
        return _Cells(size, keys, np.append(starts, len(order)).astype(np.int64), circle[order])


def _key(row: Ints, column: Ints) -> Ints:
    return row * _SPAN + column


def extremes(group: Ints, values: Ints) -> tuple[Ints, Ints, Ints]:
    """The groups that occur, rising, with the least and the greatest value of each."""
    if not len(group):
        return group, values, values
    order = np.argsort(group, kind="stable")
    group, values = group[order], values[order]
    starts = np.flatnonzero(np.concatenate(([True], np.diff(group) != 0)))
    return group[starts], np.minimum.reduceat(values, starts), np.maximum.reduceat(values, starts)
