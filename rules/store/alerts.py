"""Alerts, their history, and whom to tell of it."""

from collections.abc import Sequence
from dataclasses import asdict, fields
from datetime import datetime, timedelta
from typing import Any

from psycopg.types.json import Jsonb

from ingest.database import Connection
from ingest.queries import load_queries
from rules.core.alerts import Alert, AlertState, Change, Entry, Intent, Note, Raise, Severity, apply
from rules.core.notices import Voice
from rules.errors import NotThere
from rules.metrics import ALERTS
from rules.store.telling import tell_devices

_SQL = load_queries("rules.store", "alerts.sql")
_FIELDS = [field.name for field in fields(Alert)]


def alert_of(row: dict[str, Any]) -> Alert:
    """The value of a row of `alert`."""
    named = {("class_" if name == "class" else name): value for name, value in row.items()}
    named["severity"] = Severity(named["severity"])
    named["state"] = AlertState(named["state"])
    named["reasons"] = tuple(named["reasons"])
    return Alert(**{name: named[name] for name in _FIELDS})


async def alert_by_id(connection: Connection, alert_id: int) -> Alert:
    """One alert, its row locked until the transaction ends.

    Raises:
        NotThere: no alert has this number.
    """
    row = await (await connection.execute(_SQL["by_id"], {"id": alert_id})).fetchone()
    if row is None:
        raise NotThere(f"there is no alert {alert_id}; GET /api/alerts lists those there are")
    return alert_of(row)


async def live_alerts(connection: Connection, rule: str) -> dict[str, dict[str, Any]]:
    """The live alerts of a rule by fingerprint: class, reasons, device, subject."""
    rows = await (await connection.execute(_SQL["live_of_rule"], {"rule": rule})).fetchall()
    return {row["fingerprint"]: row for row in rows}


async def raised_before(connection: Connection, fingerprints: Sequence[str]) -> set[str]:
    """Those of some fingerprints that ever had an alert."""
    rows = await (await connection.execute(_SQL["raised_before"], {"fingerprints": list(fingerprints)})).fetchall()
    return {row["fingerprint"] for row in rows}


async def apply_intent(
    connection: Connection, intent: Intent, *, at: datetime, keep_open: timedelta | None, voice: Voice
) -> Alert | None:
    """Carry out what a rule says about one fingerprint, and tell those out there whose duty it is.

    Returns:
        The alert when something changed, else None.
    """
    if isinstance(intent, Raise | Note) and intent.key is not None:
        told = await (await connection.execute(_SQL["told_before"], {"key": intent.key})).fetchone()
        if told and told["it"]:
            return None
    row = await (await connection.execute(_SQL["newest"], {"fingerprint": intent.fingerprint})).fetchone()
    change = apply(alert_of(row) if row else None, intent, at=at, keep_open=keep_open)
    return await store_change(connection, change, voice=voice) if change else None


async def store_change(connection: Connection, change: Change, *, voice: Voice | None = None) -> Alert:
    """Write an alert and its new history; with a voice, tell those out there whom it concerns."""
    alert = change.alert
    values = {**asdict(alert), "reasons": Jsonb([dict(reason) for reason in alert.reasons])}
    if alert.id is None:
        row = await (await connection.execute(_SQL["insert"], values)).fetchone()
        assert row is not None  # noqa: S101  RETURNING gives one row
        values["id"] = row["id"]
        alert = alert_of({**asdict(alert), "id": row["id"]})
    else:
        await connection.execute(_SQL["update"], values)
    for entry in change.entries:
        history = await _remember(connection, alert, entry)
        if entry.tell and voice is not None:
            await tell_devices(connection, alert, entry, history=history, voice=voice)
    return alert


async def _remember(connection: Connection, alert: Alert, entry: Entry) -> int:
    line = {
        "alert": alert.id,
        "at": entry.at,
        "event": entry.event,
        "actor": entry.actor,
        "note": entry.note,
        "key": entry.key,
    }
    written = await (await connection.execute(_SQL["remember"], line)).fetchone()
    assert written is not None  # noqa: S101  RETURNING gives one row
    ALERTS.labels(alert.rule, entry.event).inc()
    return int(written["id"])
