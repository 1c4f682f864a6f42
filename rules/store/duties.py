"""Duties, their rounds and their evidence."""

from collections.abc import Iterable, Sequence
from dataclasses import fields, replace
from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb

from ingest.database import Connection
from ingest.queries import load_queries
from rules.core.duties import Duty, Judgement, Standing, State, Verdict
from rules.core.rounds import Round
from rules.metrics import PLANNED
from rules.rule import Planned
from rules.store import waivers

_SQL = load_queries("rules.store", "duties.sql")
_FIELDS = [field.name for field in fields(Duty)]


def duty_of(row: dict[str, Any]) -> Duty:
    """The value of a row of `duty`."""
    values = {name: row[name] for name in _FIELDS}
    values["state"] = State(values["state"])
    values["verdict"] = Verdict(values["verdict"]) if values["verdict"] else None
    values["reasons"] = tuple(values["reasons"])
    return Duty(**values)


async def store_plan(connection: Connection, planned: Sequence[Planned]) -> int:
    """Make the rounds and duties that are not there yet.

    Returns:
        How many duties are new.
    """
    if not planned:
        return 0
    rounds = {it.round.key: it.round for it in planned if it.round}
    await connection.execute(_SQL["insert_rounds"], {"rows": Jsonb([_round_row(it) for it in rounds.values()])})
    rows = [_duty_row(it) for it in planned]
    made = await (await connection.execute(_SQL["insert_duties"], {"rows": Jsonb(rows)})).fetchall()
    await waivers.cover(connection, [row["id"] for row in made])
    for row in made:
        PLANNED.labels(row["rule"]).inc()
    return len(made)


async def retract_plan(connection: Connection, rule: str, planned: Sequence[Planned], *, now: datetime) -> None:
    """Drop the duties of a rule, and their rounds, that have not begun and are not planned like this any more."""
    rows = [_duty_row(it) for it in planned]
    await connection.execute(_SQL["retract_duties"], {"rule": rule, "rows": Jsonb(rows), "now": now})
    await connection.execute(_SQL["retract_rounds"], {"now": now})


async def planned_until(connection: Connection) -> datetime | None:
    """Up to when everything that ended has its duties; None before the first plan."""
    row = await (await connection.execute(_SQL["planned_until"])).fetchone()
    return row["planned_until"] if row else None


async def set_planned_until(connection: Connection, at: datetime) -> None:
    """Note that everything that ended before `at` has its duties."""
    await connection.execute(_SQL["set_planned_until"], {"at": at})


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


async def of_round(connection: Connection, round_id: int | None) -> tuple[Round | None, list[Duty]]:
    """A round and all its duties; nothing for a duty of no round."""
    if round_id is None:
        return None, []
    its_round = await (await connection.execute(_SQL["round"], {"round": round_id})).fetchone()
    rows = await (await connection.execute(_SQL["of_round"], {"round": round_id})).fetchall()
    if its_round is None:
        return None, [duty_of(row) for row in rows]
    its_round.pop("id")
    return Round(**its_round), [duty_of(row) for row in rows]


async def overdue(connection: Connection, rule: str) -> list[Duty]:
    """The live duties of a rule that are missed so far."""
    return [duty_of(row) for row in await (await connection.execute(_SQL["overdue"], {"rule": rule})).fetchall()]


async def write(connection: Connection, duty: Duty, standing: Standing, judgement: Judgement, *, now: datetime) -> Duty:
    """Store what was found about a duty, and its evidence.

    Returns:
        The duty as it now is.
    """
    evidence = duty.evidence
    if standing.verdict is not None and judgement.evidence is not None:
        body = Jsonb(judgement.evidence)
        if evidence is not None and duty.verdict is standing.verdict:
            await connection.execute(_SQL["update_evidence"], {"id": evidence, "at": now, "body": body})
        else:
            # A verdict that changed leaves the old evidence to the alert that was raised on it.
            row = await (await connection.execute(_SQL["insert_evidence"], {"at": now, "body": body})).fetchone()
            evidence = row["id"] if row else None
    judged = replace(
        duty,
        state=standing.state,
        verdict=standing.verdict,
        reasons=standing.reasons,
        met_at=standing.met_at,
        judge_at=standing.judge_at,
        judged_at=now,
        evidence=evidence,
    )
    values = {name: getattr(judged, name) for name in _FIELDS}
    values["reasons"] = Jsonb([dict(reason) for reason in judged.reasons])
    values["context"] = None
    await connection.execute(_SQL["write"], values)
    return judged


async def put_off(connection: Connection, ids: Sequence[int], *, until: datetime) -> None:
    """Try again later what could not be judged."""
    await connection.execute(_SQL["put_off"], {"ids": list(ids), "at": until})


def _round_row(its_round: Round) -> dict[str, Any]:
    return {
        "key": its_round.key,
        "shift": its_round.shift,
        "route": its_round.route,
        "unit": its_round.unit,
        "grid": its_round.grid,
        "starts_at": its_round.starts_at.isoformat(),
        "ends_at": its_round.ends_at.isoformat(),
    }


def _duty_row(planned: Planned) -> dict[str, Any]:
    duty = planned.duty
    return {
        "rule": duty.rule,
        "key": duty.key,
        "subject": duty.subject,
        "unit": duty.unit,
        "round": planned.round.key if planned.round else None,
        "grid": duty.grid,
        "opens_at": duty.opens_at.isoformat(),
        "due_at": duty.due_at.isoformat(),
        "settles_at": duty.settles_at.isoformat(),
        "final_at": duty.final_at.isoformat(),
        "judge_at": duty.judge_at.isoformat() if duty.judge_at else None,
        "context": dict(duty.context),
    }
