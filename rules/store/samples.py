"""What single devices said over time, and what else lasting conditions are judged by."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.rows import tuple_row

from ingest.database import Connection
from ingest.queries import load_queries
from rules.core.equipment import Device
from rules.core.fixes import Span
from rules.core.tours import ERRAND_LASTS, ERRAND_RETURN, LONGEST, Errand
from rules.facts import Sample, SignalReading

_SQL = load_queries("rules.store", "samples.sql")
_E7 = 1e7  # stored degrees are integers of 1e-7


@dataclass(frozen=True)
class LiveAlert:
    """A live alert about a device."""

    fingerprint: str
    rule: str
    device: str | None
    class_: str
    severity: str


async def samples(
    connection: Connection, after: Mapping[int, datetime], *, until: datetime, grids: Mapping[int, str]
) -> dict[int, list[Sample]]:
    """The positions of devices, each from its moment (excluded) to a common one, in order.

    Args:
        connection: any.
        after: from when, by device number.
        until: to when, included.
        grids: codes by number.
    """
    found: dict[int, list[Sample]] = {}
    for device, time, digest, lat, lon, accuracy, speed, battery, flags, grid in await _rows(
        connection, "samples", after, until
    ):
        sample = Sample(
            time=time,
            digest=digest,
            lat=lat / _E7,
            lon=lon / _E7,
            accuracy_m=None if accuracy is None else accuracy / 10,
            speed_mps=None if speed is None else speed / 100,
            battery_pct=battery,
            flags=flags,
            grid=grids.get(grid),
        )
        found.setdefault(device, []).append(sample)
    return found


async def others(
    connection: Connection,
    after: Mapping[int, datetime],
    *,
    until: datetime,
    grids: Mapping[int, str],
    devices: Mapping[int, Device],
) -> dict[int, list[SignalReading]]:
    """Buttons, scans, statuses, reports and answers of the same time."""
    found: dict[int, list[SignalReading]] = {}
    for number, time, digest, type_, lat, lon, flags, grid, received_at, body in await _rows(
        connection, "others", after, until
    ):
        reading = SignalReading(
            device=devices[number],
            time=time,
            digest=digest,
            received_at=received_at,
            flags=flags,
            body=body,
            lat=None if lat is None else lat / _E7,
            lon=None if lon is None else lon / _E7,
            grid=grids.get(grid),
            type=type_,
        )
        found.setdefault(number, []).append(reading)
    return found


async def grid_codes(connection: Connection) -> dict[int, str]:
    """The code of each version of each grid, by the number that readings bear."""
    rows = await (await connection.execute(_SQL["grids"])).fetchall()
    return {row["id"]: row["code"] for row in rows}


async def heard_at(connection: Connection) -> dict[int, datetime]:
    """When each device was last heard, by number."""
    async with connection.cursor(row_factory=tuple_row) as cursor:
        await cursor.execute(_SQL["heard"])
        return dict(await cursor.fetchall())


async def errands(connection: Connection, *, at: datetime) -> tuple[Errand, ...]:
    """The errands of units that may matter to what is judged at a moment."""
    rows = await (await connection.execute(_SQL["errands"], {"since": at - LONGEST - ERRAND_LASTS})).fetchall()
    return tuple(_errand(row["unit"], row["dispatched_at"], row["closed_at"]) for row in rows)


async def live_alerts(connection: Connection, rules: Sequence[str]) -> dict[str, dict[str, LiveAlert]]:
    """The live alerts of some rules, by device and fingerprint."""
    rows = await (await connection.execute(_SQL["live"], {"rules": list(rules)})).fetchall()
    found: dict[str, dict[str, LiveAlert]] = {}
    for row in rows:
        alert = LiveAlert(row["fingerprint"], row["rule"], row["device"], row["class"], row["severity"])
        found.setdefault(alert.device or "", {})[alert.fingerprint] = alert
    return found


async def closed_by_hand(connection: Connection, fingerprint: str, *, began_at: datetime) -> bool:
    """Whether a person has closed an alert about what began then."""
    values = {"fingerprint": fingerprint, "began_at": began_at}
    row = await (await connection.execute(_SQL["closed_by_hand"], values)).fetchone()
    return bool(row and row["it"])


def _errand(unit: str, since: datetime, closed_at: datetime | None) -> Errand:
    end = since + ERRAND_LASTS
    return Errand(unit, Span(since, min(end, closed_at + ERRAND_RETURN) if closed_at else end))


async def _rows(
    connection: Connection, query: str, after: Mapping[int, datetime], until: datetime
) -> Iterable[tuple[Any, ...]]:
    if not after:
        return ()
    values = {"devices": list(after), "after": list(after.values()), "until": until, "least": min(after.values())}
    async with connection.cursor(row_factory=tuple_row, binary=True) as cursor:
        await cursor.execute(_SQL[query], values)
        return await cursor.fetchall()
