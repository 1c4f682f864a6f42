"""Where devices were by grid: hours, fixes of a day, tags that were read."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ingest.database import Connection
from ingest.queries import load_queries
from rules.core.fixes import Fix, Span
from rules.core.stays import Hour

_SQL = load_queries("rules.store", "stays.sql")
_E7 = 1e7  # stored degrees are integers of 1e-7


async def hours(connection: Connection, devices: Mapping[int, str], span: Span) -> tuple[Hour, ...]:
    """Every hour of a span in which devices (names by number) reported, by device, hour and time."""
    rows = await _rows(connection, "hours", devices, span)
    return tuple(Hour(**{**row, "device": devices[row["device"]]}) for row in rows)


async def scans(
    connection: Connection, devices: Sequence[int], span: Span, *, grids: Iterable[str]
) -> list[tuple[int, str, Fix]]:
    """Device number, tag, and the reading as a fix (0, 0 when it did not say where), by time."""
    rows = await _rows(connection, "scans", devices, span, grids=sorted(grids))
    return [(row["device"], row["tag"], _fix(row)) for row in rows]


async def _rows(
    connection: Connection, name: str, devices: Iterable[int], span: Span, **more: Any
) -> list[dict[str, Any]]:
    values = {"devices": sorted(devices), "start": span.start, "stop": span.end, **more}
    return await (await connection.execute(_SQL[name], values)).fetchall()


def _fix(row: dict[str, Any]) -> Fix:
    return Fix(
        time=row["time"],
        digest=row["digest"],
        lat=(row["lat"] or 0) / _E7,
        lon=(row["lon"] or 0) / _E7,
        flags=row["flags"],
        received_at=row["received_at"],
    )
