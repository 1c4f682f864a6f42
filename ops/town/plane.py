"""A flat picture of one town in metres, and the way back to degrees."""

import math
from collections.abc import Iterable

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from ops.town.geometry import METRES_PER_DEGREE, in_metres


class Plane:
    """Equirectangular around the middle of some shapes: true to 1 % within some ten kilometres."""

    def __init__(self, shapes: Iterable[BaseGeometry]) -> None:
        """Lay the plane.

        Args:
            shapes: in degrees; their middle is where it touches.
        """
        bounds = [shape.bounds for shape in shapes if not shape.is_empty]
        lats = [(south + north) / 2 for _, south, _, north in bounds]
        self.around_lat = math.fsum(lats) / len(lats) if lats else 0.0

    def metres(self, shape: BaseGeometry) -> BaseGeometry:
        """A shape in degrees as one in metres."""
        return in_metres(shape, around_lat=self.around_lat)

    def degrees(self, shape: BaseGeometry) -> BaseGeometry:
        """A shape in metres as one in degrees, to a centimetre."""
        east = METRES_PER_DEGREE * max(math.cos(math.radians(self.around_lat)), 1e-6)
        scale: NDArray[np.float64] = np.array([east, METRES_PER_DEGREE])

        def shrink(points: NDArray[np.float64]) -> NDArray[np.float64]:
            return np.asarray(np.round(np.divide(points, scale), 7), np.float64)

        return shapely.transform(shape, shrink)
