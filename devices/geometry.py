"""Distances on the ground, good to a millimetre per kilometre at the sizes of a town."""

import math

EARTH_RADIUS_M = 6_371_008.8  # mean radius of WGS-84
M_PER_DEG = math.radians(1) * EARTH_RADIUS_M


def distance_m(lat1: float, lon1: float, lat2: float, lon2: float) -> float:
    """Great-circle distance in metres between two points in degrees."""
    phi1, phi2 = math.radians(lat1), math.radians(lat2)
    a = (
        math.sin((phi2 - phi1) / 2) ** 2
        + math.cos(phi1) * math.cos(phi2) * math.sin(math.radians(lon2 - lon1) / 2) ** 2
    )
    return 2 * EARTH_RADIUS_M * math.asin(min(1.0, math.sqrt(a)))


def to_local_m(lat: float, lon: float, origin_lat: float, origin_lon: float) -> tuple[float, float]:
    """Metres east and north of an origin, on a plane that touches there; for spans of a few kilometres."""
    dlon = (lon - origin_lon + 540) % 360 - 180  # the shorter way round
    return dlon * M_PER_DEG * math.cos(math.radians(origin_lat)), (lat - origin_lat) * M_PER_DEG


def segment_distance_m(
    lat: float, lon: float, from_lat: float, from_lon: float, to_lat: float, to_lon: float
) -> tuple[float, float]:
    """How near a straight movement comes to a point.

    Returns:
        The distance in metres, and the share of the way (0 at `from`, 1 at `to`) at which it is reached.
    """
    ax, ay = to_local_m(from_lat, from_lon, lat, lon)
    bx, by = to_local_m(to_lat, to_lon, lat, lon)
    dx, dy = bx - ax, by - ay
    length2 = dx * dx + dy * dy
    share = 0.0 if length2 == 0 else min(1.0, max(0.0, -(ax * dx + ay * dy) / length2))
    return math.hypot(ax + share * dx, ay + share * dy), share
