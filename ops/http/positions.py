"""A position as people read it: units in the names, flags in words."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pydantic import Field

from devices.plausibility import Flag
from ops.http.fields import View, age_s


class Fix(View):
    """Where a device was. Degrees WGS-84."""

    time: datetime
    age_s: float
    lat: float
    lon: float
    accuracy_m: float | None
    speed_mps: float | None
    heading_deg: float | None
    altitude_m: float | None
    flags: list[str] = Field(description="what is odd about it, such as mock or clock_ahead")
    grid: str | None


def flag_words(flags: int | None) -> list[str]:
    """The names of the bits that are set, in small letters."""
    return [flag.name.lower() for flag in Flag if flag.name and flag & (flags or 0)]


def fix_of(row: Mapping[str, Any], now: datetime) -> Fix | None:
    """The position in a row of `last_known`, or None when the device has none that may be shown."""
    if row["time"] is None or row["lat"] is None:
        return None
    return Fix(
        time=row["time"],
        age_s=age_s(row["time"], now),
        lat=row["lat"],
        lon=row["lon"],
        accuracy_m=row["accuracy_m"],
        speed_mps=row["speed_mps"],
        heading_deg=row["heading_deg"],
        altitude_m=row["altitude_m"],
        flags=flag_words(row["flags"]),
        grid=row["grid"],
    )
