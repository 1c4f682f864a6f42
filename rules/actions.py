"""What people do to alerts and incidents; each call is a part of the caller's transaction.

Every function takes a connection inside a transaction and wakes whoever waits for the change when that commits.
"""

from datetime import datetime

from ingest.database import Connection
from rules.core.alerts import Alert, acknowledge, resolve
from rules.errors import NotNow, NotThere, StillTrue
from rules.store import incidents
from rules.store.alerts import alert_by_id, store_change
from rules.store.incidents import Incident
from rules.store.telling import note_seen

HELD_BY_CONDITION = frozenset(
    {"silent_device", "equipment_expiry", "ingest_silent", "device_flood", "broker_disk"}
    | {"both_away", "low_charge", "objection_unanswered"}
    | {"left_area", "standing_still", "over_speed", "position_suspect", "battery_low", "app_asleep"}
)  # closing these by hand would only open them again
DEFAULT_RADIUS_M = 50.0  # metres; a building and the street before it


async def acknowledge_alert(connection: Connection, alert_id: int, *, actor: str, at: datetime) -> Alert:
    """Note that a person has seen an alert; harmless to repeat, the first one counts.

    Args:
        connection: in a transaction.
        alert_id: the alert's number.
        actor: the account's name.
        at: now, aware UTC.

    Raises:
        NotThere: no alert has this number.
        NotNow: it is resolved already.
    """
    alert = await alert_by_id(connection, alert_id)
    if not alert.live:
        raise NotNow(f"alert {alert_id} was resolved at {alert.resolved_at:%Y-%m-%d %H:%M:%SZ}; nothing is left to do")
    change = acknowledge(alert, actor=actor, at=at)
    if change is not None:
        await _tell_changed(connection)
        alert = await store_change(connection, change)
    await note_seen(connection, alert_id, account=actor, at=at)
    return alert


async def note_opened(connection: Connection, alert_id: int, *, actor: str, at: datetime) -> None:
    """Note that a person has opened an alert and seen it as it is now; harmless to repeat."""
    await note_seen(connection, alert_id, account=actor, at=at)


async def resolve_alert(connection: Connection, alert_id: int, *, actor: str, note: str, at: datetime) -> Alert:
    """Close an alert by hand, with a word why; an alert closed already stays as it is.

    Args:
        connection: in a transaction.
        alert_id: the alert's number.
        actor: the account's name.
        note: why, for the record; not empty.
        at: now, aware UTC.

    Raises:
        NotThere: no alert has this number.
        StillTrue: its condition still holds, so it would open again at once.
        NotNow: the note is empty.
    """
    if not note.strip():
        raise NotNow(f"alert {alert_id} is not closed without a word why; send a note")
    alert = await alert_by_id(connection, alert_id)
    if alert.live and alert.rule in HELD_BY_CONDITION:
        raise StillTrue(
            f"alert {alert_id} ({alert.title}) resolves by itself when that is no longer so; acknowledge it meanwhile"
        )
    change = resolve(alert, actor=actor, note=note.strip(), at=at)
    if change is not None:
        await _tell_changed(connection)
        alert = await store_change(connection, change)
    await note_seen(connection, alert_id, account=actor, at=at)
    return alert


async def open_incident(
    connection: Connection,
    *,
    kind: str,
    source: str,
    zone: str,
    occurred_at: datetime,
    reported_at: datetime,
    text: str = "",
    grade: str | None = None,
    lat: float | None = None,
    lon: float | None = None,
    radius_m: float = DEFAULT_RADIUS_M,
    grid: str | None = None,
    source_key: str | None = None,
) -> Incident:
    """Make an incident, or return the one that the same source made before.

    Args:
        connection: in a transaction.
        kind: what it is, such as fire_hazard.
        source: who says so: `api:<account>` or `device:<name>`.
        zone: the site's IANA zone, whose day its number bears.
        occurred_at: when it happened, aware UTC.
        reported_at: when it became known, aware UTC.
        text: in words.
        grade: ordinary, coordination, urgent or major.
        lat: degrees WGS-84, with lon, or neither.
        lon: degrees WGS-84.
        radius_m: being this near counts as being there.
        grid: code of its grid; found from the place when left out.
        source_key: makes a repeated call harmless.

    Returns:
        The incident, not dispatched yet.
    """
    if grid is None and lat is not None and lon is not None:
        grid = await incidents.grid_at(connection, lat=lat, lon=lon, at=occurred_at)
    incident = await incidents.insert_incident(
        connection,
        zone=zone,
        source_key=source_key,
        kind=kind,
        grade=grade,
        text=text,
        lat=lat,
        lon=lon,
        radius_m=radius_m,
        grid=grid,
        source=source,
        unit=None,
        occurred_at=occurred_at,
        reported_at=reported_at,
        dispatched_at=None,
    )
    await _tell_changed(connection)
    return incident


async def dispatch_incident(connection: Connection, incident_id: int, *, unit: str | None, at: datetime) -> Incident:
    """Send a unit, or with None call on any unit; a unit's devices get a message, and the clock runs.

    A second dispatch replaces the first, whose duty is waived.

    Raises:
        NotThere: no such incident, or no such unit in force.
        NotNow: the incident is closed.
    """
    incident = await incidents.incident_by_id(connection, incident_id)
    if incident.closed_at is not None:
        raise NotNow(f"incident {incident.number} is closed; open a new one")
    if unit is not None and not await incidents.unit_exists(connection, unit, at=at):
        raise NotThere(f"there is no unit {unit!r} in force; GET /api/units lists those there are")
    incident = await incidents.set_dispatched(connection, incident_id, unit=unit, at=at)
    if unit is not None and await incidents.tell_unit(connection, incident):
        await connection.execute("NOTIFY gengfu_outbox")
    await _wake(connection, incident, at)
    return incident


async def close_incident(connection: Connection, incident_id: int, *, at: datetime) -> Incident:
    """Note that an incident is over; harmless to repeat, the first time counts.

    Raises:
        NotThere: no such incident.
    """
    incident = await incidents.incident_by_id(connection, incident_id)
    if incident.closed_at is not None:
        return incident
    incident = await incidents.set_closed(connection, incident_id, at=at)
    await _wake(connection, incident, at)
    return incident


async def _wake(connection: Connection, incident: Incident, at: datetime) -> None:
    await incidents.mark_incident(connection, incident.id, at=at)
    await connection.execute("NOTIFY gengfu_dirty")
    await _tell_changed(connection)


async def _tell_changed(connection: Connection) -> None:
    await connection.execute("NOTIFY gengfu_changes")
