"""What the tag on a hydrant or an extinguisher measures."""

import math
from random import Random
from typing import Any

from gateway.simulation.dice import dice
from gateway.simulation.happenings import Upset
from gateway.simulation.times import wire_time
from gateway.simulation.town import Thing

UPSET_EVERY_S = 600.0  # a tag that feels something wrong reports more often
_MAINS_KPA = {"hydrant": 290.0}
_CYLINDER_KPA = 1200.0
_KNOCK_FELT_S = 60.0  # tamper is said while it is being moved; the tilt stays


def equipment(moment_s: float, thing: Thing, upsets: list[Upset], *, seed: int, chance: Random) -> dict[str, Any]:
    """One reading of a tag at a moment."""
    own = dice(seed, "thing", thing.code)
    usual_kpa = _MAINS_KPA.get(thing.kind, _CYLINDER_KPA) + own.uniform(-25, 25)
    level, tilt_deg, born_pct = usual_kpa, own.uniform(0, 1.5), own.uniform(60, 98)
    hour = (moment_s / 3600 + 8) % 24
    if thing.kind == "hydrant":
        level -= 18 * math.exp(-(((hour - 19) / 2.5) ** 2))  # the evening's draw on the mains
    felt = False
    for upset in upsets:
        if upset.since_s <= moment_s < upset.until_s:
            level = upset.pressure_kpa if upset.pressure_kpa is not None else level
            tilt_deg = upset.tilt_deg if upset.tilt_deg is not None else tilt_deg
            felt |= upset.tilt_deg is not None and moment_s - upset.since_s < _KNOCK_FELT_S
    return {
        "type": "equipment",
        "t": wire_time(moment_s),
        "pressure_kpa": round(max(0.0, level + chance.gauss(0, 1.5)), 1),
        "temperature_c": round(12 - 6 * math.cos((hour - 3) / 24 * 2 * math.pi) + chance.gauss(0, 0.3), 1),
        "tilt_deg": round(max(0.0, tilt_deg + chance.gauss(0, 0.2)), 1),
        "cap_open": False,
        "flowing": False,
        "tamper": felt,
        "battery_pct": round(born_pct),
    }


def extra_times(upsets: list[Upset], *, since_s: float, until_s: float) -> list[float]:
    """When a tag reports besides its rhythm: at the beginning of what it feels, every ten minutes, and at the end."""
    found = set()
    for upset in upsets:
        moment_s = upset.since_s
        while moment_s < upset.until_s:
            found.add(moment_s)
            moment_s += UPSET_EVERY_S
        found.add(upset.until_s)
    return sorted(it for it in found if since_s <= it < until_s)
