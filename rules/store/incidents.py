"""Incidents: where someone is needed, who was sent, who came."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import shapely
from psycopg.types.json import Jsonb
from shapely.geometry import shape

from ingest.database import Connection
from ingest.queries import load_queries
from rules.errors import NotThere
from rules.facts import IncidentFacts

_SQL = load_queries("rules.store", "incidents.sql")


@dataclass(frozen=True, kw_only=True)
class Incident:
    """One row of `incident`. Degrees WGS-84, metres, aware UTC; None where it is not known or has not happened."""

    id: int
    number: str
    kind: str
    grade: str | None
    text: str
    lat: float | None
    lon: float | None
    radius_m: float
    grid: str | None
    source: str
    source_key: str | None
    unit: str | None
    occurred_at: datetime
    reported_at: datetime
    dispatched_at: datetime | None
    accepted_at: datetime | None
    arrived_at: datetime | None
    closed_at: datetime | None


async def next_number(connection: Connection, letter: str, *, at: datetime, zone: str) -> str:
    """The next running number, such as I-20261121-0007; the day is the site's."""
    day = at.astimezone(ZoneInfo(zone)).date()
    row = await (await connection.execute(_SQL["next_number"], {"name": letter, "day": day})).fetchone()
    assert row is not None  # noqa: S101  RETURNING gives one row
    return f"{letter}-{day:%Y%m%d}-{row['last']:04d}"


async def incident_by_id(connection: Connection, incident_id: int) -> Incident:
    """One incident, its row locked until the transaction ends.

    Raises:
        NotThere: no incident has this number.
    """
    row = await (await connection.execute(_SQL["by_id"], {"id": incident_id})).fetchone()
    if row is None:
        raise NotThere(f"there is no incident {incident_id}; GET /api/incidents lists those there are")
    return Incident(**row)


async def incident_by_number(connection: Connection, number: str) -> Incident | None:
    """One incident by the number that people and devices call it, or None."""
    row = await (await connection.execute(_SQL["by_number"], {"number": number})).fetchone()
    return Incident(**row) if row else None


async def insert_incident(connection: Connection, *, zone: str, source_key: str | None, **values: Any) -> Incident:
    """Make an incident, or find the one that the same source made before."""
    if source_key is not None:
        known = await (await connection.execute(_SQL["known"], {"source_key": source_key})).fetchone()
        if known:
            return Incident(**known)
    number = await next_number(connection, "I", at=values["reported_at"], zone=zone)
    row = await (
        await connection.execute(_SQL["insert"], {**values, "number": number, "source_key": source_key})
    ).fetchone()
    if row is None:  # another transaction made it meanwhile
        row = await (await connection.execute(_SQL["known"], {"source_key": source_key})).fetchone()
    assert row is not None  # noqa: S101  either inserted or known
    return Incident(**row)


async def grid_at(connection: Connection, *, lat: float, lon: float, at: datetime) -> str | None:
    """The code of the lowest grid that held the point then, or None."""
    point = shapely.Point(lon, lat)
    rows = await (await connection.execute(_SQL["grid_at"], {"at": at})).fetchall()
    return next((row["code"] for row in rows if shape(row["geometry"]).covers(point)), None)


async def set_dispatched(connection: Connection, incident_id: int, *, unit: str | None, at: datetime) -> Incident:
    """Note who was sent and when; acceptance and arrival begin anew."""
    values = {"id": incident_id, "unit": unit, "at": at}
    row = await (await connection.execute(_SQL["dispatch"], values)).fetchone()
    if row is None:
        raise NotThere(f"there is no incident {incident_id}; GET /api/incidents lists those there are")
    return Incident(**row)


async def set_closed(connection: Connection, incident_id: int, *, at: datetime) -> Incident:
    """Note that it is over."""
    row = await (await connection.execute(_SQL["close"], {"id": incident_id, "at": at})).fetchone()
    if row is None:
        raise NotThere(f"there is no incident {incident_id}; GET /api/incidents lists those there are")
    return Incident(**row)


async def set_accepted(connection: Connection, incident_id: int, *, at: datetime) -> None:
    """Note the first acceptance."""
    await connection.execute(_SQL["accept"], {"id": incident_id, "at": at})


async def set_arrived(connection: Connection, incident_id: int, *, at: datetime | None) -> None:
    """Note the arrival that the verdict found, or that there is none."""
    await connection.execute(_SQL["arrive"], {"id": incident_id, "at": at})


async def unit_exists(connection: Connection, unit: str, *, at: datetime) -> bool:
    """Whether a unit of this code was in force then."""
    row = await (await connection.execute(_SQL["unit_exists"], {"unit": unit, "at": at})).fetchone()
    return bool(row and row["it"])


async def tell_unit(connection: Connection, incident: Incident) -> int:
    """Put the dispatch into the outbox for each device of the unit that can show it.

    Returns:
        How many devices there are.
    """
    rows = await (
        await connection.execute(_SQL["devices_of_unit"], {"unit": incident.unit, "at": incident.dispatched_at})
    ).fetchall()
    assert incident.dispatched_at is not None  # noqa: S101  the caller has just dispatched it
    payload = {
        "type": "dispatch",
        "incident": incident.number,
        "kind": incident.kind,
        "grade": incident.grade,
        "text": incident.text,
        "lat": incident.lat,
        "lon": incident.lon,
        "radius_m": incident.radius_m,
        "dispatched_at": incident.dispatched_at.isoformat(),
    }
    for row in rows:
        key = f"dispatch:{incident.number}:{incident.dispatched_at.timestamp():.6f}:{row['name']}"
        await connection.execute(
            _SQL["tell_device"],
            {"key": key, "target": row["name"], "payload": Jsonb(payload), "at": incident.dispatched_at},
        )
    return len(rows)


async def incident_facts(connection: Connection, ids: Iterable[int]) -> dict[int, IncidentFacts]:
    """What rules may know about some incidents, by id."""
    rows = await (await connection.execute(_SQL["facts"], {"ids": sorted(set(ids))})).fetchall()
    return {row["id"]: IncidentFacts(**row) for row in rows}


async def mark_incident(connection: Connection, incident_id: int, *, at: datetime) -> None:
    """Wake the judgement of this incident."""
    await connection.execute(_SQL["mark"], {"subject": str(incident_id), "at": at})
