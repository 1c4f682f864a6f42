"""Columns as PostgreSQL's binary formats: rows for COPY, and arrays for parameters (COPY, array_send)."""

import struct
from typing import ClassVar

import numpy as np
import psycopg
from numpy.typing import NDArray
from psycopg import pq
from psycopg.abc import Buffer
from psycopg.adapt import Dumper
from typing_extensions import override

from devices.fixes import NO_COUNT
from ingest.columns import NONE, Ints, Positions

_HEADER = b"PGCOPY\n\xff\r\n\x00" + bytes(8)
_END = b"\xff\xff"
_TO_2000_US = 946_684_800_000_000  # PostgreSQL counts from 2000-01-01

# In the order of the table's columns: name, type of the value, what stands for NULL.
_COLUMNS: tuple[tuple[str, str, int | None], ...] = (
    ("device", ">i4", None),
    ("time_us", ">i8", None),
    ("digest", ">i4", None),
    ("lat", ">i4", None),
    ("lon", ">i4", None),
    ("accuracy", ">i2", NONE),
    ("speed", ">i2", NONE),
    ("heading", ">i2", NONE),
    ("altitude", ">i2", NONE),
    ("battery", ">i2", NONE),
    ("flags", ">i2", None),
    ("grid", ">i4", 0),
    ("boot", ">i4", NO_COUNT),
    ("seq", ">i4", NO_COUNT),
    ("received_us", ">i8", None),
)
_TIMES = {"time_us", "received_us"}


def copy_rows(positions: Positions) -> bytes:
    """A whole COPY BINARY stream of the rows, in their order and in the order of the table's columns."""
    pattern = np.zeros(len(positions), np.int64)
    for bit, (name, _, none) in enumerate(_COLUMNS):
        if none is not None:
            pattern |= (getattr(positions, name) == none).astype(np.int64) << bit
    patterns = np.unique(pattern)
    if len(patterns) == 1:
        return _HEADER + _rows(positions, int(patterns[0])).tobytes() + _END
    # Rows differ in length by what is absent: packed by pattern, then laid where the order wants them.
    parts = [(np.flatnonzero(pattern == one), int(one)) for one in patterns]
    packed = [(rows, _rows(positions.take(rows), one)) for rows, one in parts]
    lengths = np.zeros(len(positions), np.int64)
    for rows, bodies in packed:
        lengths[rows] = bodies.dtype.itemsize
    starts = np.cumsum(lengths) - lengths
    stream = np.empty(int(lengths.sum()), np.uint8)
    for rows, bodies in packed:
        width = bodies.dtype.itemsize
        stream[starts[rows][:, None] + np.arange(width)] = bodies.view(np.uint8).reshape(-1, width)
    return _HEADER + stream.tobytes() + _END


def _rows(positions: Positions, pattern: int) -> NDArray[np.void]:
    """Rows that all lack the columns whose bits are set, as one structured array."""
    kinds: list[tuple[str, str]] = [("fields", ">i2")]
    for bit, (name, kind, _) in enumerate(_COLUMNS):
        kinds.append((f"{name} length", ">i4"))
        if not pattern >> bit & 1:
            kinds.append((name, kind))
    rows = np.empty(len(positions), np.dtype(kinds))
    rows["fields"] = len(_COLUMNS)
    for bit, (name, kind, _) in enumerate(_COLUMNS):
        if pattern >> bit & 1:
            rows[f"{name} length"] = -1
        else:
            rows[f"{name} length"] = np.dtype(kind).itemsize
            values = getattr(positions, name)
            rows[name] = values - _TO_2000_US if name in _TIMES else values
    return rows


class Array(bytes):
    """A one-dimensional array of PostgreSQL in binary form, ready to be a parameter."""

    OID: ClassVar[int]


class Int4Array(Array):
    """`int4[]`."""

    OID = 1007


class TimeArray(Array):
    """`timestamptz[]`."""

    OID = 1185


def int4_array(values: Ints) -> Int4Array:
    """Integers that fit 32 bits; no NULLs, so what is absent is sent as the number that stands for it."""
    return Int4Array(_array(values, element=23, kind=">i4"))


def time_array(microseconds: Ints) -> TimeArray:
    """Microseconds since 1970 as `timestamptz`."""
    return TimeArray(_array(microseconds - _TO_2000_US, element=1184, kind=">i8"))


def _array(values: Ints, *, element: int, kind: str) -> bytes:
    if not len(values):
        return struct.pack(">iii", 0, 0, element)
    items = np.empty(len(values), np.dtype([("length", ">i4"), ("value", kind)]))
    items["length"] = np.dtype(kind).itemsize
    items["value"] = values
    return struct.pack(">iiiii", 1, 0, element, len(values), 1) + items.tobytes()


class _Int4ArrayDumper(Dumper):
    format = pq.Format.BINARY
    oid = Int4Array.OID

    @override
    def dump(self, obj: Array) -> Buffer:
        return bytes(obj)


class _TimeArrayDumper(_Int4ArrayDumper):
    oid = TimeArray.OID


psycopg.adapters.register_dumper(Int4Array, _Int4ArrayDumper)
psycopg.adapters.register_dumper(TimeArray, _TimeArrayDumper)
