"""Stored readings that press, with where they were made; the worker and a back-test read them alike."""

from typing import Any

from ingest.database import Connection
from rules.core.equipment import Device
from rules.facts import SignalReading
from rules.store import readings
from rules.store.incidents import grid_at


async def reading_of(connection: Connection, device: Device, row: dict[str, Any]) -> SignalReading:
    """A row of `readings.signals` with its own place, else with the newest one before it."""
    lat, lon, grid, age_s = row["lat"], row["lon"], row["grid"], 0.0
    if lat is None:
        last = await readings.newest_fix(connection, device.number, at=row["time"])
        if last is not None:
            lat, lon, grid = last.lat, last.lon, last.grid
            age_s = (row["time"] - last.time).total_seconds()
    if grid is None and lat is not None:
        grid = await grid_at(connection, lat=lat, lon=lon, at=row["time"])
    return SignalReading(
        device=device,
        time=row["time"],
        digest=row["digest"],
        received_at=row["received_at"],
        flags=row["flags"],
        body=row["body"],
        lat=lat,
        lon=lon,
        place_age_s=age_s if lat is not None else None,
        grid=grid,
        type=row["type"],
    )
