"""Plans beside the duties there are: what is made, dropped, superseded, and what must be judged anew."""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb

from ingest.database import Connection
from ingest.queries import load_queries
from rules.core.corrections import Change, Extent
from rules.core.rounds import Round
from rules.metrics import PLANNED
from rules.replies import Planned
from rules.store import waivers

_SQL = load_queries("rules.store", "plans.sql")
_MANY = 1000  # duties; below that no query plan is bad enough to matter


@dataclass(frozen=True)
class Superseded:
    """Duties that were superseded: their numbers, the rounds that lost any, the keys of those that lost all."""

    duties: list[int]
    rounds: list[int]
    whole_rounds: list[str]


async def stage(connection: Connection, planned: Sequence[Planned]) -> None:
    """Lay a rule's plan beside the duties there are; everything below compares with it until the next one."""
    await connection.execute(_SQL["stage"])
    await connection.execute(_SQL["empty"])
    unique = {it.duty.key: it for it in planned}
    async with connection.cursor().copy(_SQL["copy"]) as copy:
        for it in unique.values():
            await copy.write_row(_row(it))
    if len(unique) >= _MANY:
        await connection.execute(_SQL["count"])


async def make(connection: Connection, planned: Sequence[Planned]) -> int:
    """Make the rounds and duties of the staged plan that are not there yet.

    Returns:
        How many duties are new.
    """
    rounds = {it.round.key: it.round for it in planned if it.round}
    if rounds:
        await connection.execute(_SQL["insert_rounds"], {"rows": Jsonb([_round_row(it) for it in rounds.values()])})
    made = await (await connection.execute(_SQL["insert_duties"])).fetchall()
    await waivers.cover(connection, [row["id"] for row in made])
    for row in made:
        PLANNED.labels(row["rule"]).inc()
    return len(made)


async def retract(connection: Connection, rule: str, *, units: Collection[str] | None, now: datetime) -> None:
    """Drop a rule's duties, and their rounds, that have not begun and are not planned like this any more."""
    await connection.execute(_SQL["retract_duties"], {"rule": rule, "units": _list(units), "now": now})
    await connection.execute(_SQL["retract_rounds"], {"now": now})


async def supersede(
    connection: Connection, rule: str, *, since: datetime, units: Collection[str] | None, now: datetime
) -> Superseded:
    """Supersede a rule's duties that end after `since`, have begun and are not planned like this any more.

    What is left of their rounds is judged again.
    """
    values = {"rule": rule, "since": since, "units": _list(units), "now": now}
    gone = await (await connection.execute(_SQL["supersede_duties"], values)).fetchall()
    rounds = sorted({row["round"] for row in gone if row["round"] is not None})
    if not rounds:
        return Superseded([row["id"] for row in gone], [], [])
    its = {"rounds": rounds, "now": now}
    whole = await (await connection.execute(_SQL["supersede_rounds"], its)).fetchall()
    await connection.execute(_SQL["judge_rounds"], its)
    return Superseded([row["id"] for row in gone], rounds, [row["key"] for row in whole])


async def told(connection: Connection, rule: str, gone: Superseded) -> list[str]:
    """The fingerprints of alerts about what was superseded that still stand as they were raised."""
    values = {"rule": rule, "duties": gone.duties, "rounds": gone.whole_rounds}
    rows = await (await connection.execute(_SQL["told"], values)).fetchall()
    return sorted(row["fingerprint"] for row in rows)


async def adjust(connection: Connection, *, now: datetime) -> None:
    """Give the duties that stay the grid, the facts and the settling of the staged plan."""
    await connection.execute(_SQL["adjust"], {"now": now})


async def judge_touched(
    connection: Connection,
    rules: Sequence[str],
    extent: Extent,
    *,
    lasting: Sequence[str],
    floor: datetime,
    now: datetime,
) -> None:
    """Judge at once the duties whose world a correction touched, final ones as well.

    Args:
        connection: in a transaction.
        rules: names.
        extent: what was touched.
        lasting: the names of those for which coming counts for hours after their duties have settled.
        floor: what ended before this stays as it is.
        now: aware UTC.
    """
    values = {
        "rules": list(rules),
        "lasting": list(lasting),
        "floor": floor,
        "since": extent.since,
        "until": extent.until,
        "units": _list(extent.units),
        "subjects": _list(extent.subjects),
        "now": now,
    }
    await connection.execute(_SQL["judge_touched"], values)


async def wake_turns(connection: Connection, rules: Sequence[str], subjects: Sequence[str], *, now: datetime) -> None:
    """Judge at once the other points of the ordered rounds of which some were woken just now."""
    values = {"rules": list(rules), "subjects": list(subjects), "now": now}
    await connection.execute(_SQL["wake_turns"], values)


async def set_apart(connection: Connection, duty: int, *, now: datetime) -> int:
    """Supersede a duty that is final by a copy without a verdict.

    Returns:
        The copy's number.
    """
    row = await (await connection.execute(_SQL["set_apart"], {"id": duty, "now": now})).fetchone()
    assert row is not None  # noqa: S101  the caller holds the duty
    return int(row["id"])


async def planned(connection: Connection) -> tuple[datetime | None, datetime | None]:
    """Up to when everything that ended has its duties, and since when there has been a plan; None before the first."""
    row = await (await connection.execute(_SQL["planned"])).fetchone()
    return (row["planned_until"], row["planned_from"]) if row else (None, None)


async def set_planned(connection: Connection, at: datetime) -> None:
    """Note that everything that ended before `at` has its duties."""
    await connection.execute(_SQL["set_planned"], {"at": at})


async def changes(connection: Connection) -> list[Change]:
    """What changed in the plans since they were last looked at, the oldest first."""
    return [Change(**row) for row in await (await connection.execute(_SQL["changes"])).fetchall()]


async def forget_changes(connection: Connection, done: Sequence[Change]) -> None:
    """Delete exactly these, in the transaction that planned anew."""
    if done:
        await connection.execute(_SQL["forget_changes"], {"ids": [it.id for it in done]})


def _list(values: Collection[str] | None) -> list[str] | None:
    return None if values is None else sorted(values)


def _row(planned: Planned) -> tuple[Any, ...]:
    duty = planned.duty
    its_round = planned.round.key if planned.round else None
    first = (duty.rule, duty.key, duty.subject, duty.unit, its_round, duty.grid)
    times = (duty.opens_at, duty.due_at, duty.settles_at, duty.final_at, duty.judge_at)
    return (*first, *times, json.dumps(dict(duty.context)))


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
