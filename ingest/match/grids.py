"""The grid of each fix, in the world as it was dated at the fix's time."""

import numpy as np
import shapely

from ingest.columns import Ints
from ingest.world import World


def locate(world: World, lat: Ints, lon: Ints, time_us: Ints) -> Ints:
    """The id of the deepest grid around each point, 0 where there is none.

    Args:
        world: grids with their dates.
        lat: degrees x 1e7.
        lon: degrees x 1e7.
        time_us: microseconds since 1970.
    """
    found = np.zeros(len(lat), np.int64)
    if not len(lat) or not len(world.grid_ids):
        return found
    points = shapely.points(lon / 1e7, lat / 1e7)
    point, grid = world.grid_tree.query(points, predicate="intersects")
    in_force = (world.grid_from[grid] <= time_us[point]) & (time_us[point] < world.grid_to[grid])
    point, grid = point[in_force], grid[in_force]
    # The last write wins: rising level, and falling id, so that on a shared border the elder grid has the point.
    order = np.lexsort((-world.grid_ids[grid], world.grid_levels[grid]))
    found[point[order]] = world.grid_ids[grid[order]]
    return found
