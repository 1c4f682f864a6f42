"""Duties, their rounds and their evidence."""

from collections.abc import Iterable, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb

from ingest.database import Connection
from ingest.queries import load_queries
from rules.core.duties import Duty, State, Verdict
from rules.core.rounds import Round
from rules.judging import Outcome

_SQL = load_queries("rules.store", "duties.sql")
_FIELDS = [field.name for field in fields(Duty)]


def duty_of(row: dict[str, Any]) -> Duty:
    """The value of a row of `duty`."""
    values = {name: row[name] for name in _FIELDS}
    values["state"] = State(values["state"])
    values["verdict"] = Verdict(values["verdict"]) if values["verdict"] else None
    values["reasons"] = tuple(values["reasons"])
    return Duty(**values)


async def wake_unplanned(connection: Connection, rule: str, *, keys: Iterable[str], now: datetime) -> None:
    """Judge at once the live duties of a rule that are not among `keys`."""
    await connection.execute(_SQL["wake_unplanned"], {"rule": rule, "keys": list(keys), "now": now})


async def wake(
    connection: Connection,
    rules: Sequence[str],
    *,
    subjects: Sequence[str],
    windows: Sequence[tuple[datetime, datetime]],
    open_ended: bool,
    now: datetime,
) -> None:
    """Judge at once the live duties of these rules and subjects whose time meets the windows.

    Args:
        connection: in a transaction.
        rules: names.
        subjects: one for each window.
        windows: from, to.
        open_ended: whether a duty is touched by anything up to its final verdict, not only until it settles.
        now: the time to judge them at.
    """
    values = {
        "rules": list(rules),
        "subjects": list(subjects),
        "froms": [start for start, _ in windows],
        "tos": [end for _, end in windows],
        "open_ended": open_ended,
        "now": now,
    }
    await connection.execute(_SQL["wake"], values)


async def advance(connection: Connection, *, now: datetime) -> None:
    """Let time pass: planned duties open, open ones wait."""
    await connection.execute(_SQL["open"], {"now": now})
    await connection.execute(_SQL["wait"], {"now": now})


async def due(connection: Connection, *, now: datetime, limit: int) -> list[Duty]:
    """Duties that must be judged now, about `limit`, those of a round together."""
    rows = await (await connection.execute(_SQL["due"], {"now": now, "limit": limit})).fetchall()
    return [duty_of(row) for row in rows]


async def next_due(connection: Connection) -> datetime | None:
    """When the next duty must be judged, or None."""
    row = await (await connection.execute(_SQL["next_due"])).fetchone()
    return row["at"] if row else None


async def of_rounds(connection: Connection, rounds: Sequence[int]) -> dict[int, tuple[Round, list[Duty]]]:
    """Rounds by number, each with all its duties."""
    if not rounds:
        return {}
    values = {"rounds": list(rounds)}
    found: dict[int, tuple[Round, list[Duty]]] = {}
    for row in await (await connection.execute(_SQL["rounds"], values)).fetchall():
        number = row.pop("id")
        found[number] = Round(**row), []
    for row in await (await connection.execute(_SQL["of_rounds"], values)).fetchall():
        found[row["round"]][1].append(duty_of(row))
    return found


async def overdue(connection: Connection, rule: str) -> list[Duty]:
    """The live duties of a rule that are missed so far."""
    return [duty_of(row) for row in await (await connection.execute(_SQL["overdue"], {"rule": rule})).fetchall()]


async def new_evidence(connection: Connection, count: int) -> list[int]:
    """So many numbers for rows of evidence that are to be written."""
    if not count:
        return []
    return [row["id"] for row in await (await connection.execute(_SQL["new_evidence"], {"count": count})).fetchall()]


async def write(connection: Connection, outcomes: Sequence[Outcome], *, now: datetime) -> None:
    """Store what was found about some duties, and the evidence; each outcome bears the number of its evidence."""
    bodies = [(it.number, it.judgement.evidence) for it in outcomes if it.says_why]
    if bodies:
        rows = [{"id": number, "body": body} for number, body in bodies]
        await connection.execute(_SQL["write_evidence"], {"rows": Jsonb(rows), "at": now})
    rows = [_judged_row(it.after(now=now)) for it in outcomes]
    await connection.execute(_SQL["write"], {"rows": Jsonb(rows), "at": now})


async def put_off(connection: Connection, ids: Sequence[int], *, until: datetime) -> None:
    """Try again later what could not be judged."""
    await connection.execute(_SQL["put_off"], {"ids": list(ids), "at": until})


def _judged_row(duty: Duty) -> dict[str, Any]:
    return {
        "id": duty.id,
        "state": duty.state,
        "verdict": duty.verdict,
        "reasons": [dict(reason) for reason in duty.reasons],
        "met_at": duty.met_at.isoformat() if duty.met_at else None,
        "judge_at": duty.judge_at.isoformat() if duty.judge_at else None,
        "evidence": duty.evidence,
    }
