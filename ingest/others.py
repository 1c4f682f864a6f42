"""Readings that are not positions, as rows of the table `reading`."""

import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from devices.datum import to_wgs84
from devices.plausibility import Flag
from devices.readings import Position
from ingest.columns import Checked


@dataclass
class Other:
    """A reading that is not a position, as a row of the table `reading`."""

    device: int
    time: datetime
    digest: int
    type: str
    lat: int | None
    lon: int | None
    flags: int
    grid: int | None
    boot: int | None
    seq: int | None
    received_at: datetime
    body: dict[str, Any]

    def row(self) -> tuple[Any, ...]:
        """In the order of the table's columns."""
        values = (self.device, self.time, self.digest, self.type, self.lat, self.lon, self.flags, self.grid)
        return (*values, self.boot, self.seq, self.received_at, self.body)


_ELSEWHERE = {"t", "boot", "seq", "type", "lat", "lon", "datum"}  # these have columns, or were used up on the way in


def others_of(checked: Sequence[Checked]) -> list[Other]:
    """The readings among `checked` that are not fixes, devices and times rising."""
    others = [_other(one) for one in checked if not isinstance(one.reading, Position)]
    return sorted(others, key=lambda other: (other.device, other.time, other.digest))


def _other(one: Checked) -> Other:
    reading = one.reading
    body = reading.model_dump(mode="json", exclude=_ELSEWHERE, exclude_none=True)
    lat, lon = getattr(reading, "lat", None), getattr(reading, "lon", None)
    if lat is not None and lon is not None:
        degrees = to_wgs84(lat, lon, one.datum)
        lat, lon = (round(value * 10_000_000) for value in degrees)
    # A button without a usable time is told apart by its count, else a redelivery would look like a second press.
    told_apart = (reading.boot, reading.seq) if Flag.RECEIPT_TIME in one.flags else None
    content = json.dumps([reading.type, lat, lon, body, told_apart], sort_keys=True).encode()
    return Other(
        device=one.device,
        time=one.time,
        digest=zlib.crc32(content) - 2**31,
        type=reading.type,
        lat=lat,
        lon=lon,
        flags=int(one.flags),
        grid=None,
        boot=reading.boot,
        seq=reading.seq,
        received_at=one.received_at,
        body=body,
    )
