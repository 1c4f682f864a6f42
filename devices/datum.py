"""Shifted datums of Chinese maps: GCJ-02 and BD-09 to WGS-84 on the way in.

The formulas are the publicly known ones (as in gcoord and eviltransform); the inverse is found by fixed-point
iteration, two rounds of which come within 3 cm.
"""

import math

_A = 6_378_245.0  # Krasovsky 1940 semi-major axis, metres, as the shift was defined on
_EE = 0.006_693_421_622_965_94
_BD = math.pi * 3000.0 / 180.0
_ROUNDS = 2


def _shifted(lat: float, lon: float) -> bool:
    return 0.8293 <= lat <= 55.8271 and 72.004 <= lon <= 137.8347


def wgs84_to_gcj02(lat: float, lon: float) -> tuple[float, float]:
    """Degrees in, degrees out; outside China's box the point stays where it is."""
    if not _shifted(lat, lon):
        return lat, lon
    x, y = lon - 105.0, lat - 35.0
    waves = (20 * math.sin(6 * x * math.pi) + 20 * math.sin(2 * x * math.pi)) * 2 / 3
    dlat = -100 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * math.sqrt(abs(x)) + waves
    dlat += (20 * math.sin(y * math.pi) + 40 * math.sin(y / 3 * math.pi)) * 2 / 3
    dlat += (160 * math.sin(y / 12 * math.pi) + 320 * math.sin(y * math.pi / 30)) * 2 / 3
    dlon = 300 + x + 2 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * math.sqrt(abs(x)) + waves
    dlon += (20 * math.sin(x * math.pi) + 40 * math.sin(x / 3 * math.pi)) * 2 / 3
    dlon += (150 * math.sin(x / 12 * math.pi) + 300 * math.sin(x / 30 * math.pi)) * 2 / 3
    phi = math.radians(lat)
    magic = 1 - _EE * math.sin(phi) ** 2
    dlat = math.degrees(dlat / (_A * (1 - _EE) / (magic * math.sqrt(magic))))
    dlon = math.degrees(dlon / (_A / math.sqrt(magic) * math.cos(phi)))
    return lat + dlat, lon + dlon


def gcj02_to_wgs84(lat: float, lon: float) -> tuple[float, float]:
    """Undo the shift; degrees in and out, within 3 cm."""
    guess_lat, guess_lon = lat, lon
    for _ in range(_ROUNDS + 1):
        shifted_lat, shifted_lon = wgs84_to_gcj02(guess_lat, guess_lon)
        guess_lat, guess_lon = guess_lat - (shifted_lat - lat), guess_lon - (shifted_lon - lon)
    return guess_lat, guess_lon


def bd09_to_gcj02(lat: float, lon: float) -> tuple[float, float]:
    """Baidu's second shift undone; degrees in and out, within 20 cm of the way there."""
    x, y = lon - 0.0065, lat - 0.006
    z = math.hypot(x, y) - 0.00002 * math.sin(y * _BD)
    theta = math.atan2(y, x) - 0.000003 * math.cos(x * _BD)
    return z * math.sin(theta), z * math.cos(theta)


def to_wgs84(lat: float, lon: float, datum: str) -> tuple[float, float]:
    """Degrees of `datum` (wgs84, gcj02 or bd09) to degrees of WGS-84."""
    if datum == "bd09":
        lat, lon = bd09_to_gcj02(lat, lon)
        datum = "gcj02"
    return gcj02_to_wgs84(lat, lon) if datum == "gcj02" else (lat, lon)
