"""How far a place lies outside an area, in metres."""

import math
from collections.abc import Sequence
from functools import lru_cache

import shapely

from devices.geometry import M_PER_DEG


class Area:
    """Ground in pieces, on a plane that touches the earth in its middle; good for a town.

    Args:
        ground: GeoJSON geometries in degrees WGS-84; those that cannot be read as an area are left out.
    """

    def __init__(self, ground: Sequence[str]) -> None:
        pieces = shapely.make_valid(shapely.from_geojson(list(ground), on_invalid="ignore"))
        whole = shapely.union_all([it for it in pieces if it is not None and it.area > 0])
        self._lon, self._lat = (0.0, 0.0) if whole.is_empty else (whole.centroid.x, whole.centroid.y)
        self._m_per_deg_lon = M_PER_DEG * math.cos(math.radians(self._lat))
        origin, scale = (self._lon, self._lat), (self._m_per_deg_lon, M_PER_DEG)
        self._whole = shapely.transform(whole, lambda points: (points - origin) * scale)
        shapely.prepare(self._whole)

    @property
    def known(self) -> bool:
        """Whether there is any ground at all."""
        return not self._whole.is_empty

    def beyond_m(self, lat: float, lon: float) -> float:
        """Metres from the border for a place outside, 0 inside; degrees WGS-84."""
        point = shapely.Point((lon - self._lon) * self._m_per_deg_lon, (lat - self._lat) * M_PER_DEG)
        return 0.0 if self._whole.contains(point) else float(self._whole.distance(point))


@lru_cache(maxsize=1024)
def area_of(ground: tuple[str, ...]) -> Area:
    """The area of some geometries; the same one for the same ground."""
    return Area(ground)
