"""What a satellite receiver and a battery make of a movement: fixes that wander, and a charge that falls."""

import math
from collections.abc import Iterator
from random import Random
from typing import Any

from gateway.simulation.course import Moment, Plane
from gateway.simulation.times import wire_time

DRAIN_PCT_PER_HOUR = {"handset": 4.5, "radio": 3.0}
STATUS_EVERY_S = 600.0


class Wander:
    """An error that changes slowly, east and north in metres, of a given standard deviation on each axis."""

    def __init__(self, chance: Random, *, sigma_m: float, over_s: float) -> None:
        self._chance = chance
        self._sigma_m = sigma_m
        self._over_s = over_s
        self._east = chance.gauss(0, sigma_m)
        self._north = chance.gauss(0, sigma_m)
        self._at_s: float | None = None

    def at(self, moment_s: float) -> tuple[float, float]:
        """The error at a moment; moments must not go back."""
        if self._at_s is not None:
            keep = math.exp(-(moment_s - self._at_s) / self._over_s)
            fresh = self._sigma_m * math.sqrt(1 - keep * keep)
            self._east = keep * self._east + self._chance.gauss(0, fresh)
            self._north = keep * self._north + self._chance.gauss(0, fresh)
        self._at_s = moment_s
        return self._east, self._north


def grid_times(*, since_s: float, until_s: float, every_s: float, phase_s: float) -> Iterator[float]:
    """The moments at which something that reports in a fixed rhythm does so: from since (included) to until."""
    number = math.ceil((since_s - phase_s) / every_s)
    while (moment_s := round(number * every_s + phase_s)) < until_s:
        if moment_s >= since_s:
            yield moment_s
        number += 1


def position(
    moment_s: float, moment: Moment, error: tuple[float, float], *, plane: Plane, accuracy_m: float, chance: Random
) -> dict[str, Any]:
    """A reading of where the receiver believes to be."""
    lat, lon = plane.place(moment.x + error[0], moment.y + error[1])
    reading: dict[str, Any] = {
        "type": "position",
        "t": wire_time(moment_s),
        "lat": round(lat, 6),
        "lon": round(lon, 6),
        "accuracy_m": round(accuracy_m, 1),
        "speed_mps": round(max(0.0, moment.speed_mps + chance.gauss(0, 0.08)), 2),
    }
    if moment.heading_deg is not None:
        reading["heading_deg"] = round(moment.heading_deg + chance.gauss(0, 4)) % 360
    return reading


def battery_pct(kind: str, *, on_for_s: float) -> int | None:
    """The charge after so long on duty; None for what hangs on a vehicle's own supply."""
    drain = DRAIN_PCT_PER_HOUR.get(kind)
    return None if drain is None else max(5, round(98 - drain * max(0.0, on_for_s) / 3600))
