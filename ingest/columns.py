"""Readings as columns: scaled integers, digests and the rows that COPY writes."""

import json
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from devices.datum import to_wgs84
from devices.plausibility import Flag
from devices.readings import Position, Reading
from devices.times import EPOCH

Ints = NDArray[np.int64]
NONE = -32_768  # stands for an absent int2 inside numpy; no scaled value may be it
INT2_MAX = 32_767
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True)
class Checked:
    """A reading that will be stored: who, when, what is odd about it.

    Attributes:
        device: register number.
        time: aware UTC; the reading's own, or the time of receipt when it has none that can be used.
        reading: as decoded.
        datum: of its coordinates, from the reading or else the device's record.
        flags: see `devices.plausibility.Flag`.
        received_at: aware UTC.
    """

    device: int
    time: datetime
    reading: Reading
    datum: str
    flags: Flag
    received_at: datetime


@dataclass
class Positions:
    """A batch of fixes, one numpy array per column of the table `position`, all of one length."""

    device: Ints
    time_us: Ints  # microseconds since 1970, UTC
    digest: Ints  # signed 32 bits
    lat: Ints  # degrees x 1e7, WGS-84
    lon: Ints
    accuracy: Ints  # 0.1 m; NONE when absent, as in the next four
    speed: Ints  # 0.01 m/s
    heading: Ints  # 0.1 degree
    altitude: Ints  # m
    battery: Ints  # percent
    flags: Ints
    grid: Ints  # grid.id, 0 outside every grid
    boot: list[int | None]
    seq: list[int | None]
    received_at: list[datetime]

    def __len__(self) -> int:
        return len(self.device)

    def rows(self) -> Iterator[tuple[Any, ...]]:
        """Rows in the order of the table's columns, devices and times rising."""
        optional = [_nullable(c, NONE) for c in (self.accuracy, self.speed, self.heading, self.altitude, self.battery)]
        columns = [
            self.device.tolist(),
            [EPOCH + timedelta(microseconds=us) for us in self.time_us.tolist()],
            self.digest.tolist(),
            self.lat.tolist(),
            self.lon.tolist(),
            *optional,
            self.flags.tolist(),
            _nullable(self.grid, 0),
            self.boot,
            self.seq,
            self.received_at,
        ]
        rows = list(zip(*columns, strict=True))
        return (rows[i] for i in np.lexsort((self.time_us, self.device)).tolist())


def _nullable(column: Ints, none: int) -> list[int | None]:
    return [None if value == none else value for value in column.tolist()]


def positions_of(checked: Sequence[Checked]) -> Positions:
    """Scale and digest the fixes among `checked`; coordinates become WGS-84."""
    fixes = [(one, one.reading) for one in checked if isinstance(one.reading, Position)]
    points = [to_wgs84(fix.lat, fix.lon, one.datum) for one, fix in fixes]
    flags = np.array([int(one.flags) for one, _ in fixes], np.int64)
    scaled = {
        "accuracy": _scaled([fix.accuracy_m for _, fix in fixes], 10, flags),
        "speed": _scaled([fix.speed_mps for _, fix in fixes], 100, flags),
        "heading": _scaled([fix.heading_deg for _, fix in fixes], 10, flags),
        "altitude": _scaled([fix.altitude_m for _, fix in fixes], 1, flags),
        "battery": _scaled([fix.battery_pct for _, fix in fixes], 1, flags),
    }
    lat = np.rint(np.array([p[0] for p in points], float) * 1e7).astype(np.int64)
    lon = np.rint(np.array([p[1] for p in points], float) * 1e7).astype(np.int64)
    flags |= np.where((lat == 0) & (lon == 0), int(Flag.NULL_ISLAND), 0)
    return Positions(
        device=np.array([one.device for one, _ in fixes], np.int64),
        time_us=np.array([microseconds(one.time) for one, _ in fixes], np.int64),
        digest=digest_of((lat, lon, *scaled.values(), flags & int(Flag.MOCK))),
        lat=lat,
        lon=lon,
        flags=flags,
        grid=np.zeros(len(fixes), np.int64),
        boot=[fix.boot for _, fix in fixes],
        seq=[fix.seq for _, fix in fixes],
        received_at=[one.received_at for one, _ in fixes],
        **scaled,
    )


def microseconds(moment: datetime) -> int:
    """Whole microseconds since 1970; exact, unlike a float timestamp."""
    return (moment - EPOCH) // _MICROSECOND


def _scaled(values: list[float | None], factor: int, flags: Ints) -> Ints:
    raw = np.array([np.nan if value is None else value * factor for value in values], float)
    absent = np.isnan(raw)
    whole = np.rint(np.where(absent, 0, raw)).astype(np.int64)
    flags |= np.where(np.abs(whole) > INT2_MAX, int(Flag.SATURATED), 0)
    return np.where(absent, NONE, np.clip(whole, -INT2_MAX, INT2_MAX))


def digest_of(columns: Sequence[Ints]) -> Ints:
    """32 bits over scaled columns, as signed int4: the third part of a row's key.

    A multiply-and-shift mix per column and MurmurHash3's finaliser: two fixes of one device at one moment that
    differ in any column meet with a chance of 1 in 4 billion.
    """
    mixed = np.full(len(columns[0]), 0x9747B28C, np.uint64)
    mask = np.uint64(0xFFFFFFFF)
    for column in columns:
        part = (column.astype(np.uint64) & mask) * np.uint64(0xCC9E2D51) & mask
        part = (part << np.uint64(15) | part >> np.uint64(17)) & mask
        mixed ^= part * np.uint64(0x1B873593) & mask
        mixed = (mixed << np.uint64(13) | mixed >> np.uint64(19)) & mask
        mixed = (mixed * np.uint64(5) + np.uint64(0xE6546B64)) & mask
    mixed ^= mixed >> np.uint64(16)
    mixed = mixed * np.uint64(0x85EBCA6B) & mask
    mixed ^= mixed >> np.uint64(13)
    mixed = mixed * np.uint64(0xC2B2AE35) & mask
    mixed ^= mixed >> np.uint64(16)
    return mixed.astype(np.uint32).view(np.int32).astype(np.int64)


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
