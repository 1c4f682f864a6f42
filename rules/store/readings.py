"""Stored readings as the core wants them: fixes of a span, readings that press, when each device was heard."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from math import ceil, cos, floor, radians
from typing import Any

from psycopg.rows import tuple_row

from devices.geometry import M_PER_DEG
from ingest.database import Connection
from ingest.queries import load_queries
from rules.core.fixes import Fix, Span
from rules.core.places import Circle
from rules.core.search import AROUND, Glimpse, Look

_SQL = load_queries("rules.store", "readings.sql")
_E7 = 1e7  # stored degrees are integers of 1e-7
_BEAT_LIMIT_S = 15.0  # a lane that has not beaten for so long may be down; it beats every few seconds
_FORGOTTEN_S = 3600.0  # a lane that has not beaten for so long was taken away, not broken


@dataclass(frozen=True)
class LastFix:
    """Where a device was: degrees WGS-84."""

    time: datetime
    lat: float
    lon: float
    grid: str | None


async def fixes_of(
    connection: Connection, spans: Sequence[tuple[int, Span]], *, grids: bool = False
) -> dict[int, tuple[Fix, ...]]:
    """The fixes of devices, each within spans of its own, by device number and in order of (time, digest).

    Args:
        connection: in a transaction.
        spans: device number and span; the spans of one device do not overlap.
        grids: whether each fix is to say in which grid it was made.
    """
    if not spans:
        return {}
    values = {
        "devices": [device for device, _ in spans],
        "starts": [span.start for _, span in spans],
        "stops": [span.end for _, span in spans],
    }
    found: dict[int, list[Fix]] = {}
    # Half of a judgement's time would go into dictionaries and into the text of times.
    async with connection.cursor(binary=True, row_factory=tuple_row) as cursor:
        await cursor.execute(_SQL["located" if grids else "fixes"], values)
        for device, time, digest, lat, lon, accuracy, *rest in await cursor.fetchall():
            accuracy_m = None if accuracy is None else accuracy / 10
            found.setdefault(device, []).append(Fix(time, digest, lat / _E7, lon / _E7, accuracy_m, *rest))
    return {device: tuple(its) for device, its in found.items()}


async def glimpses(connection: Connection, place: Circle, look: Look) -> dict[int, Glimpse]:
    """What each device's fixes say about a place, by device number; the fixes themselves are not handed out."""
    m_east = M_PER_DEG * cos(radians(place.lat))
    south, north = _square(place.lat, look.box_m / M_PER_DEG, 90)
    west, east = _square(place.lon, look.box_m / max(m_east, 1e-9), 180)
    values = {
        "start": look.span.start,
        "stop": look.span.end,
        "around": AROUND,
        "lat": place.lat,
        "lon": place.lon,
        "m_north": M_PER_DEG,
        "m_east": m_east,
        "south": south,
        "north": north,
        "west": west,
        "east": east,
    }
    async with connection.cursor(binary=True, row_factory=tuple_row) as cursor:
        await cursor.execute(_SQL["glimpses"], values)
        return {row[0]: Glimpse(*row[1:]) for row in await cursor.fetchall()}


def _square(middle: float, half: float, most: float) -> tuple[int, int]:
    """From and to in stored degrees; all there are where the world's edge would cut it."""
    if not -most < middle - half <= middle + half < most:
        half, middle = most, 0.0
    return floor((middle - half) * _E7), ceil((middle + half) * _E7)


async def signals(connection: Connection, device: int, span: Span) -> list[dict[str, Any]]:
    """Button, report and task readings of a device in a span; lat and lon in degrees."""
    values = {"device": device, "start": span.start, "stop": span.end}
    rows = await (await connection.execute(_SQL["signals"], values)).fetchall()
    for row in rows:
        row["lat"], row["lon"] = _degrees(row["lat"]), _degrees(row["lon"])
    return rows


async def newest_fix(connection: Connection, device: int, *, at: datetime) -> LastFix | None:
    """Where a device was last before a moment, at most a day ago."""
    row = await (await connection.execute(_SQL["newest_fix"], {"device": device, "at": at})).fetchone()
    return LastFix(row["time"], row["lat"] / _E7, row["lon"] / _E7, row["grid"]) if row else None


async def heard(connection: Connection) -> list[dict[str, Any]]:
    """Device number, `heard_at`, and lat and lon in degrees, of every device ever heard."""
    rows = await (await connection.execute(_SQL["heard"])).fetchall()
    for row in rows:
        row["lat"], row["lon"] = _degrees(row["lat"]), _degrees(row["lon"])
    return rows


async def listening_since(connection: Connection) -> datetime | None:
    """Since when every lane of ingest has been up; None when one of them may be down, or none ever ran."""
    rows = await (await connection.execute(_SQL["listening"])).fetchall()
    present = [row for row in rows if row["silent_s"] <= _FORGOTTEN_S]
    if not present or any(row["silent_s"] > _BEAT_LIMIT_S for row in present):
        return None
    since: datetime = max(row["up_since"] for row in present)
    return since


def _degrees(scaled: int | None) -> float | None:
    return None if scaled is None else scaled / _E7
