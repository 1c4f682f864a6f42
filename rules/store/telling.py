"""Who is told of an alert, and told again when it changes: devices by notices, people when they open or acknowledge."""

from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb

from ingest.database import Connection
from ingest.queries import load_queries
from rules.core.alerts import UNPROVEN, WITHDRAWN, Alert, Entry
from rules.core.notices import KEPT_FOR, MISSED, TOLD_FIRST, About, Voice, sentence

_SQL = load_queries("rules.store", "telling.sql")
_REPROACHES = frozenset({MISSED, UNPROVEN})
_NOT_IN_TIME = ("early", "late")
_FIRST = frozenset({"opened", "reopened", "changed"})  # what those are told of who knew nothing


async def tell_devices(connection: Connection, alert: Alert, entry: Entry, *, history: int, voice: Voice) -> int:
    """Put notices into the outbox for those whose duty an alert is about.

    Whoever was told of the alert before is told of every change; whoever was not is told when it opens or becomes one
    of the classes of `voice.notices`.

    Args:
        connection: in the transaction that wrote the line.
        alert: as it is now, with its number.
        entry: the line of history.
        history: the line's number.
        voice: zone, language, and who is told unasked.

    Returns:
        How many devices there are.
    """
    before = await (await connection.execute(_SQL["told_devices"], {"alert": alert.id})).fetchall()
    names = {row["who"]: True for row in before}
    about = None
    if alert.unit is not None and entry.event in _FIRST and alert.class_ in TOLD_FIRST[voice.notices]:
        about = await about_alert(connection, alert)
        for name in await _carriers(connection, alert.unit, about, at=entry.at):
            names.setdefault(name, False)
    if not names:
        return 0
    about = about or await about_alert(connection, alert)
    for name, corrects in sorted(names.items()):
        said = entry.event if entry.event == "superseded" else alert.class_
        if not alert.live and said in _REPROACHES:
            said = "resolved"  # closed without having been shown to be wrong
        if said == WITHDRAWN and about.verdict in _NOT_IN_TIME:
            said = about.verdict  # nobody is told that all is well who finds himself late in the figures
        text = sentence(voice, about, said, correction=corrects, note=entry.note)
        outbox = await _send(
            connection,
            name,
            key=f"notice:{history}:{name}",
            payload={
                "alert": alert.id,
                "duty": alert.duty,
                "event": entry.event,
                "class": alert.class_,
                "text": text,
            },
            at=entry.at,
        )
        values = {"alert": alert.id, "history": history, "who": name, "class": alert.class_, "at": entry.at}
        await connection.execute(_SQL["tell_device"], {**values, "outbox": outbox})
    return len(names)


async def tell_answer(
    connection: Connection, *, objection: int, duty: int, state: str, answer: str, at: datetime, voice: Voice
) -> int:
    """Put notices into the outbox that an objection was answered, for the devices that carried the duty.

    Returns:
        How many devices there are.
    """
    row = await (await connection.execute(_SQL["about_duty"], {"duty": duty})).fetchone()
    if row is None or row["unit"] is None:
        return 0
    about = About(**row)
    names = await _carriers(connection, about.unit or "", about, at=at)
    for name in names:
        text = sentence(voice, about, state, correction=False, note=answer)
        payload = {"objection": objection, "duty": duty, "event": "answered", "class": state, "text": text}
        await _send(connection, name, key=f"objection:{objection}:{name}", payload=payload, at=at)
    if names:
        await connection.execute("NOTIFY gengfu_outbox")
    return len(names)


async def note_seen(connection: Connection, alert: int, *, account: str, at: datetime) -> None:
    """Note that an account has seen an alert as it is now; harmless to repeat."""
    await connection.execute(_SQL["tell_account"], {"alert": alert, "who": account, "at": at})


async def about_alert(connection: Connection, alert: Alert) -> About:
    """What an alert is about, in words: its duty's, its round's, else its own subject."""
    if alert.duty is not None:
        row = await (await connection.execute(_SQL["about_duty"], {"duty": alert.duty})).fetchone()
    else:
        row = await (await connection.execute(_SQL["about_round"], {"key": alert.subject})).fetchone()
    if row is not None:
        return About(**{**row, "unit": alert.unit, "rule": alert.rule})
    return About(
        rule=alert.rule,
        unit=alert.unit,
        what=alert.subject,
        whole=False,
        opens_at=alert.opened_at,
        due_at=alert.opened_at,
    )


async def _carriers(connection: Connection, unit: str, about: About, *, at: datetime) -> list[str]:
    values = {"unit": unit, "since": about.opens_at, "until": about.due_at, "at": at}
    rows = await (await connection.execute(_SQL["carriers"], values)).fetchall()
    return [row["name"] for row in rows]


async def _send(connection: Connection, name: str, *, key: str, payload: dict[str, Any], at: datetime) -> int | None:
    full = {"type": "notice", **payload, "at": at.isoformat(), "expires_at": (at + KEPT_FOR).isoformat()}
    values = {"key": key, "target": name, "payload": Jsonb(full), "at": at}
    row = await (await connection.execute(_SQL["send"], values)).fetchone()
    return row["id"] if row else None
