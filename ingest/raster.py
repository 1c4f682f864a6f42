"""A raster of grid ids over the territory: where a whole cell has one answer, no polygon need be asked."""

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from ingest.columns import Floats, Ints

ASK = -1  # a border runs through the cell, so its polygons must be asked
CELLS = 512  # a side; 1 MB of ids, and some five cells in a hundred ask in a town of fifty grids
_SLACK = 1e-6  # of a cell; what the rounding of a coordinate may move it by, and more


@dataclass(frozen=True)
class Polygons:
    """All versions of all grids."""

    ids: Ints
    levels: Ints
    since: Ints  # microseconds since 1970, inclusive
    until: Ints  # exclusive
    shapes: list[shapely.Geometry]
    tree: shapely.STRtree

    def deepest(self, lat: Floats, lon: Floats, time_us: Ints) -> Ints:
        """The id of the deepest grid in force around each point (degrees), 0 where there is none."""
        found = np.zeros(len(lat), np.int64)
        if not len(lat) or not len(self.ids):
            return found
        point, grid = self.tree.query(shapely.points(lon, lat), predicate="intersects")
        in_force = (self.since[grid] <= time_us[point]) & (time_us[point] < self.until[grid])
        point, grid = point[in_force], grid[in_force]
        # The last write wins: rising level, and falling id, so that on a shared border the elder grid has the point.
        order = np.lexsort((-self.ids[grid], self.levels[grid]))
        found[point[order]] = self.ids[grid[order]]
        return found

    def same_as(self, other: "Polygons") -> bool:
        """Whether both are the same versions; a version is never edited but for its end."""
        return (
            np.array_equal(self.ids, other.ids)
            and np.array_equal(self.since, other.since)
            and np.array_equal(self.until, other.until)
            and bool(shapely.equals_identical(self.shapes, other.shapes).all())
        )


@dataclass(frozen=True)
class Raster:
    """Ids by cell, for the time between the last change of the territory and the next one.

    Attributes:
        ids: cells x cells, south to north and west to east; ASK on borders.
        west: degrees of the raster's edge; a point outside it lies in no grid.
        south: likewise.
        cell_lon: degrees of one cell.
        cell_lat: likewise.
        since_us: from when it holds, microseconds since 1970.
        until_us: until when, exclusive.
    """

    ids: NDArray[np.int32]
    west: float
    south: float
    cell_lon: float
    cell_lat: float
    since_us: int
    until_us: int

    def lookup(self, lat: Floats, lon: Floats, time_us: Ints) -> Ints:
        """The grid id of each point, ASK where only the polygons know."""
        size = len(self.ids)
        row = np.floor((lat - self.south) / self.cell_lat).astype(np.int64)
        column = np.floor((lon - self.west) / self.cell_lon).astype(np.int64)
        inside = (row >= 0) & (row < size) & (column >= 0) & (column < size)
        found = np.where(inside, self.ids[np.where(inside, row, 0), np.where(inside, column, 0)], 0).astype(np.int64)
        return np.where((time_us >= self.since_us) & (time_us < self.until_us), found, ASK)


def raster_of(polygons: Polygons, *, now_us: int, cells: int = CELLS) -> Raster:
    """Draw the borders, then ask the polygons once for each run of cells between two borders of a row.

    Args:
        polygons: at least one.
        now_us: the raster holds for the time around this moment.
        cells: on a side.
    """
    changes = np.concatenate((polygons.since, polygons.until))
    since = int(changes[changes <= now_us].max(initial=-(2**62)))
    until = int(changes[changes > now_us].min(initial=2**62))
    west, south, east, north = shapely.total_bounds(polygons.shapes)
    # One cell of margin all round, so that the outermost border lies inside.
    cell_lon = max(east - west, 1e-6) / (cells - 2)
    cell_lat = max(north - south, 1e-6) / (cells - 2)
    west, south = west - cell_lon, south - cell_lat
    border = np.zeros((cells, cells), bool)
    for shape in polygons.shapes:
        _draw(border, shape, west, south, cell_lon, cell_lat)
    ids = np.full((cells, cells), ASK, np.int32)
    begins = ~border
    begins[:, 1:] &= border[:, :-1]
    rows, columns = np.nonzero(begins)
    lat, lon = south + (rows + 0.5) * cell_lat, west + (columns + 0.5) * cell_lon
    answers = polygons.deepest(lat, lon, np.full(len(lat), now_us, np.int64))
    # Cells in reading order: each one that is no border belongs to the run that began last, in its own row.
    run = np.cumsum(begins.ravel()) - 1
    plain = ~border.ravel()
    ids.ravel()[plain] = answers[run[plain]]
    return Raster(ids, float(west), float(south), float(cell_lon), float(cell_lat), since, until)


def _draw(
    border: NDArray[np.bool_], shape: shapely.Geometry, west: float, south: float, cell_lon: float, cell_lat: float
) -> None:
    """Mark every cell that the outline of `shape` may touch."""
    size = len(border)
    scaled = shapely.transform(shapely.boundary(shape), lambda xy: (xy - (west, south)) / (cell_lon, cell_lat))
    # Pieces of at most half a cell span two cells each way, so the cells of their corners are all they can touch.
    for line in shapely.get_parts(shapely.segmentize(scaled, 0.5)):
        xy = shapely.get_coordinates(line)
        low = np.floor(np.minimum(xy[:-1], xy[1:]) - _SLACK).astype(np.int64).clip(0, size - 1)
        high = np.floor(np.maximum(xy[:-1], xy[1:]) + _SLACK).astype(np.int64).clip(0, size - 1)
        for x in (low[:, 0], high[:, 0]):
            for y in (low[:, 1], high[:, 1]):
                border[y, x] = True
