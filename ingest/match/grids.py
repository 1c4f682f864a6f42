"""The grid of each fix, in the world as it was dated at the fix's time."""

import numpy as np

from ingest.columns import Ints
from ingest.raster import ASK
from ingest.world import World


def locate(world: World, lat: Ints, lon: Ints, time_us: Ints) -> Ints:
    """The id of the deepest grid around each point, 0 where there is none.

    Args:
        world: grids with their dates.
        lat: degrees x 1e7.
        lon: degrees x 1e7.
        time_us: microseconds since 1970.
    """
    if world.raster is None:
        return np.zeros(len(lat), np.int64)
    degrees = lat / 1e7, lon / 1e7
    found = world.raster.lookup(*degrees, time_us)
    asked = np.flatnonzero(found == ASK)
    if len(asked):
        found[asked] = world.polygons.deepest(degrees[0][asked], degrees[1][asked], time_us[asked])
    return found
