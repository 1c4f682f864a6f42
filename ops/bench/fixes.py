"""Distinct, moving fixes as payloads of the native contract, made by the thousand with numpy.

A generator that formats each number by itself would need more CPU than ingest does, on a machine that both share. Each
payload is the same text with other digits in it; numbers are padded with spaces in front, which JSON allows.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bytes = NDArray[np.uint8]

STEP_S = 10.0  # how far a device gets from one report to the next, whatever the real time between them
M_PER_DEG = 111_320.0
WALK_MPS, DRIVE_MPS = 1.3, 8.0
DRIVERS = 10  # each tenth device is a vehicle
ZERO, SPACE = ord("0"), ord(" ")


@dataclass(frozen=True)
class Box:
    """Where the devices move, in degrees."""

    south: float
    west: float
    north: float
    east: float


class Fixes:
    """So many devices that walk and drive about in a box, and report one fix each in turn."""

    def __init__(self, box: Box, *, devices: int, seq: bool, seed: int = 1, boot: int = 1) -> None:
        """Place them.

        Args:
            box: they turn round at its borders.
            devices: how many.
            seq: whether the fixes carry `boot` and `seq`.
            seed: the same gives the same courses again.
            boot: counts up from run to run.
        """
        self._dice = np.random.default_rng(seed)
        self._box = box
        self._lat = self._dice.uniform(box.south, box.north, devices)
        self._lon = self._dice.uniform(box.west, box.east, devices)
        self._heading = self._dice.uniform(0, 360, devices)
        self._speed = np.where(np.arange(devices) % DRIVERS == 0, DRIVE_MPS, WALK_MPS)
        self._count = np.zeros(devices, np.int64)
        self._turn = 0
        self._order = self._dice.permutation(devices)
        self._template, self._places = _template(boot if seq else None)

    def take(self, count: int, *, at_us: int) -> tuple[list[int], list[bytes]]:
        """The next fixes.

        Args:
            count: how many at the most; no device twice.
            at_us: their time, microseconds since 1970; must rise from call to call.

        Returns:
            Number of the device, from 0, and payload of each.
        """
        who = self._order[self._turn : self._turn + count]
        self._turn += len(who)
        if self._turn >= len(self._order):
            self._order, self._turn = self._dice.permutation(len(self._order)), 0
        self._move(who)
        rows = self._rows(who, at_us)
        width, text = rows.shape[1], rows.tobytes()
        return who.tolist(), [text[at : at + width] for at in range(0, len(text), width)]

    def _move(self, who: Ints) -> None:
        box, dice = self._box, self._dice
        heading = (self._heading[who] + dice.normal(0, 12, len(who))) % 360
        metres = self._speed[who] * STEP_S
        lat = self._lat[who] + metres * np.cos(np.radians(heading)) / M_PER_DEG
        lon = self._lon[who] + metres * np.sin(np.radians(heading)) / (M_PER_DEG * np.cos(np.radians(lat)))
        outside = (lat < box.south) | (lat > box.north) | (lon < box.west) | (lon > box.east)
        self._heading[who] = np.where(outside, (heading + 180) % 360, heading)
        self._lat[who] = np.clip(lat, box.south, box.north)
        self._lon[who] = np.clip(lon, box.west, box.east)
        self._count[who] += 1

    def _rows(self, who: Ints, at_us: int) -> Bytes:
        dice, count = self._dice, len(who)
        rows = np.tile(self._template, (count, 1))
        moment = datetime.fromtimestamp(at_us // 1_000_000, UTC)
        seconds = np.frombuffer(f"{moment:%Y-%m-%dT%H:%M:%S}".encode(), np.uint8)
        rows[:, self._places["t"][0] : self._places["t"][0] + len(seconds)] = seconds
        self._put(rows, "us", np.full(count, at_us % 1_000_000))
        self._put_degrees(rows, "lat", self._lat[who])
        self._put_degrees(rows, "lon", self._lon[who])
        tenths = dice.integers(30, 99, count)
        self._put(rows, "accuracy", tenths // 10)
        self._put(rows, "accuracy_tenth", tenths % 10)
        hundredths = np.minimum(np.abs(self._speed[who] * 100 * dice.uniform(0.8, 1.2, count)), 999).astype(np.int64)
        self._put(rows, "speed", hundredths // 100)
        self._put(rows, "speed_hundredth", hundredths % 100)
        self._put(rows, "heading", self._heading[who].astype(np.int64), pad=SPACE)
        self._put(rows, "altitude", dice.integers(40, 80, count), pad=SPACE)
        self._put(rows, "battery", 99 - self._count[who] // 200 % 80, pad=SPACE)
        if "seq" in self._places:
            self._put(rows, "seq", self._count[who], pad=SPACE)
        return rows

    def _put_degrees(self, rows: Bytes, name: str, degrees: Floats) -> None:
        scaled = np.rint(degrees * 1e7).astype(np.int64)
        self._put(rows, name, scaled // 10_000_000, pad=SPACE)
        self._put(rows, f"{name}_fraction", scaled % 10_000_000)

    def _put(self, rows: Bytes, name: str, values: Ints, *, pad: int = ZERO) -> None:
        start, width = self._places[name]
        left = values
        for place in range(start + width - 1, start - 1, -1):
            digit = left % 10 + ZERO
            rows[:, place] = digit if pad == ZERO else np.where((left > 0) | (place == start + width - 1), digit, pad)
            left = left // 10


_FIELDS = (
    ('{"type":"position","t":"', "t", 19),
    (".", "us", 6),
    ('Z","lat":', "lat", 3),
    (".", "lat_fraction", 7),
    (',"lon":', "lon", 3),
    (".", "lon_fraction", 7),
    (',"accuracy_m":', "accuracy", 1),
    (".", "accuracy_tenth", 1),
    (',"speed_mps":', "speed", 1),
    (".", "speed_hundredth", 2),
    (',"heading_deg":', "heading", 3),
    (',"altitude_m":', "altitude", 2),
    (',"battery_pct":', "battery", 2),
)


def _template(boot: int | None) -> tuple[Bytes, dict[str, tuple[int, int]]]:
    """The text with noughts where digits belong, and where each number begins and how wide it is."""
    fields = [*_FIELDS, *([(f',"boot":{boot},"seq":', "seq", 8)] if boot is not None else [])]
    text, places = "", {}
    for before, name, width in fields:
        text += before
        places[name] = (len(text), width)
        text += "0" * width
    return np.frombuffer((text + "}").encode(), np.uint8), places
