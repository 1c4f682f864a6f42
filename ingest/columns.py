"""Positions as columns: in units as decoded, then scaled to integers and digested as the table keeps them."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Self

import numpy as np
from numpy.typing import NDArray

from devices.datum import to_wgs84
from devices.fixes import NO_COUNT
from devices.plausibility import Flag
from devices.readings import Position, Reading
from devices.times import EPOCH

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
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
        source: index of its message in the batch.
    """

    device: int
    time: datetime
    reading: Reading
    datum: str
    flags: Flag
    received_at: datetime
    source: int = 0


@dataclass
class _Columns:
    """Numpy arrays of one length, one entry per row."""

    def __len__(self) -> int:
        columns = vars(self)
        return len(next(iter(columns.values())))

    def take(self, rows: NDArray[np.int64] | NDArray[np.bool_]) -> Self:
        """The rows with these numbers, or where a mask is true."""
        return type(self)(**{field.name: getattr(self, field.name)[rows] for field in fields(self)})

    def __add__(self, other: Self) -> Self:
        names = [field.name for field in fields(self)]
        return type(self)(**{n: np.concatenate((getattr(self, n), getattr(other, n))) for n in names})


@dataclass
class Fixes(_Columns):
    """Accepted positions in the units of the wire; an absent value is NaN."""

    device: Ints
    time_us: Ints  # microseconds since 1970, UTC
    lat: Floats  # degrees WGS-84
    lon: Floats
    accuracy_m: Floats
    speed_mps: Floats
    heading_deg: Floats
    altitude_m: Floats
    battery_pct: Floats
    flags: Ints
    boot: Ints  # NO_COUNT when absent
    seq: Ints
    received_us: Ints
    source: Ints  # index of the message in the batch


def fixes_of(checked: Sequence[Checked]) -> Fixes:
    """The positions among `checked`, in their order; coordinates become WGS-84."""
    pairs = [(one, one.reading) for one in checked if isinstance(one.reading, Position)]
    points = [to_wgs84(fix.lat, fix.lon, one.datum) for one, fix in pairs]
    return Fixes(
        device=np.array([one.device for one, _ in pairs], np.int64),
        time_us=np.array([microseconds(one.time) for one, _ in pairs], np.int64),
        lat=np.array([lat for lat, _ in points], float),
        lon=np.array([lon for _, lon in points], float),
        accuracy_m=np.array([fix.accuracy_m for _, fix in pairs], float),
        speed_mps=np.array([fix.speed_mps for _, fix in pairs], float),
        heading_deg=np.array([fix.heading_deg for _, fix in pairs], float),
        altitude_m=np.array([fix.altitude_m for _, fix in pairs], float),
        battery_pct=np.array([fix.battery_pct for _, fix in pairs], float),
        flags=np.array([int(one.flags) for one, _ in pairs], np.int64),
        boot=counts_of([fix.boot for _, fix in pairs]),
        seq=counts_of([fix.seq for _, fix in pairs]),
        received_us=np.array([microseconds(one.received_at) for one, _ in pairs], np.int64),
        source=np.array([one.source for one, _ in pairs], np.int64),
    )


def counts_of(values: Sequence[int | None]) -> Ints:
    """Values of `boot` or `seq` as a column, NO_COUNT where there is none."""
    if None not in values:
        return np.array(values, np.int64)
    return np.array([NO_COUNT if value is None else value for value in values], np.int64)


@dataclass
class Positions(_Columns):
    """A batch of fixes as the table `position` keeps them, all scaled to integers."""

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
    boot: Ints  # NO_COUNT when absent
    seq: Ints
    received_us: Ints

    def ordered(self) -> Self:
        """Devices, times and digests rising: the order in which every worker writes."""
        return self.take(np.lexsort((self.digest, self.time_us, self.device)))

    def without_twins(self) -> Self:
        """Each key once; the rows are in order.

        Of two receipts the earlier stays, whatever came first in the batch, so that the row does not depend on it.
        """
        if len(self) < 2:
            return self
        same = (np.diff(self.device) == 0) & (np.diff(self.time_us) == 0) & (np.diff(self.digest) == 0)
        return self if not same.any() else self.take(np.concatenate(([True], ~same)))


def positions_of(fixes: Fixes) -> Positions:
    """Scale and digest fixes; the grid is still nought."""
    flags = fixes.flags.copy()
    scaled = {
        "accuracy": _scaled(fixes.accuracy_m, 10, flags),
        "speed": _scaled(fixes.speed_mps, 100, flags),
        "heading": _scaled(fixes.heading_deg, 10, flags),
        "altitude": _scaled(fixes.altitude_m, 1, flags),
        "battery": _scaled(fixes.battery_pct, 1, flags),
    }
    lat = np.rint(fixes.lat * 1e7).astype(np.int64)
    lon = np.rint(fixes.lon * 1e7).astype(np.int64)
    flags |= np.where((lat == 0) & (lon == 0), int(Flag.NULL_ISLAND), 0)
    return Positions(
        device=fixes.device,
        time_us=fixes.time_us,
        digest=digest_of((lat, lon, *scaled.values(), flags & int(Flag.MOCK))),
        lat=lat,
        lon=lon,
        flags=flags,
        grid=np.zeros(len(fixes), np.int64),
        boot=fixes.boot,
        seq=fixes.seq,
        received_us=fixes.received_us,
        **scaled,
    )


def microseconds(moment: datetime) -> int:
    """Whole microseconds since 1970; exact, unlike a float timestamp."""
    return (moment - EPOCH) // _MICROSECOND


def moment_of(time_us: int) -> datetime:
    """The aware UTC datetime of microseconds since 1970."""
    return EPOCH + timedelta(microseconds=time_us)


def _scaled(values: Floats, factor: int, flags: Ints) -> Ints:
    absent = np.isnan(values)
    whole = np.rint(np.where(absent, 0, values * factor)).astype(np.int64)
    flags |= np.where(np.abs(whole) > INT2_MAX, int(Flag.SATURATED), 0)
    return np.where(absent, NONE, np.clip(whole, -INT2_MAX, INT2_MAX))


def digest_of(columns: Sequence[Ints]) -> Ints:
    """32 bits over scaled columns, as signed int4: the third part of a row's key.

    A multiply-and-shift mix per column and MurmurHash3's finaliser: two fixes of one device at one moment that
    differ in any column meet with a chance of 1 in 4 billion.
    """
    # All in 32 bits: numpy's uint32 wraps as the mask of a wider word would.
    mixed = np.full(len(columns[0]), 0x9747B28C, np.uint32)
    for column in columns:
        part = column.astype(np.uint32) * np.uint32(0xCC9E2D51)
        part = part << np.uint32(15) | part >> np.uint32(17)
        mixed ^= part * np.uint32(0x1B873593)
        mixed = (mixed << np.uint32(13) | mixed >> np.uint32(19)) * np.uint32(5) + np.uint32(0xE6546B64)
    mixed ^= mixed >> np.uint32(16)
    mixed *= np.uint32(0x85EBCA6B)
    mixed ^= mixed >> np.uint32(13)
    mixed *= np.uint32(0xC2B2AE35)
    mixed ^= mixed >> np.uint32(16)
    return mixed.view(np.int32).astype(np.int64)
