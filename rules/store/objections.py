"""Objections in the database: what a carrier says against a verdict, and the answer."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from ingest.database import Connection
from ingest.queries import load_queries
from rules.core.duties import Verdict
from rules.core.service import OpenObjection
from rules.errors import NotThere
from rules.settings import SettingRow, SettingsBook

_SQL = load_queries("rules.store", "objections.sql")

ObjectionState = Literal["open", "upheld", "rejected", "withdrawn"]
Remedy = Literal["waived", "corrected"]


@dataclass(frozen=True, kw_only=True)
class Objection:
    """One row of `objection`; times are aware UTC."""

    id: int
    duty: int
    account: str
    unit: str
    text: str
    verdict: str
    made_at: datetime
    state: ObjectionState
    remedy: Remedy | None
    answer: str | None
    answered_by: str | None
    answered_at: datetime | None
    seen_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class DutyFacts:
    """What acts on a duty must know of it."""

    id: int
    key: str
    rule: str
    unit: str | None
    state: str
    verdict: Verdict | None
    opens_at: datetime
    final_at: datetime
    waiver: int | None
    waived_at: datetime | None


async def duty_facts(connection: Connection, duty: int) -> DutyFacts:
    """One duty, its row locked until the transaction ends.

    Raises:
        NotThere: no duty has this number.
    """
    row = await (await connection.execute(_SQL["duty"], {"id": duty})).fetchone()
    if row is None:
        raise NotThere(f"there is no duty {duty}; GET /api/duties lists those there are")
    return DutyFacts(**{**row, "verdict": Verdict(row["verdict"]) if row["verdict"] else None})


async def by_id(connection: Connection, objection: int) -> Objection:
    """One objection, its row locked until the transaction ends.

    Raises:
        NotThere: no objection has this number.
    """
    row = await (await connection.execute(_SQL["by_id"], {"id": objection})).fetchone()
    if row is None:
        raise NotThere(f"there is no objection {objection}; GET /api/objections lists those there are")
    return Objection(**row)


async def insert(connection: Connection, **values: Any) -> Objection | None:
    """Make an objection; None when one is open against the same duty."""
    row = await (await connection.execute(_SQL["insert"], values)).fetchone()
    return Objection(**row) if row else None


async def close(
    connection: Connection,
    objection: int,
    *,
    state: ObjectionState,
    remedy: Remedy | None,
    answer: str | None,
    actor: str,
    at: datetime,
) -> Objection:
    """Give an objection its answer, or withdraw it."""
    values = {"id": objection, "state": state, "remedy": remedy, "answer": answer, "actor": actor, "at": at}
    row = await (await connection.execute(_SQL["close"], values)).fetchone()
    assert row is not None  # noqa: S101  its row is locked
    return Objection(**row)


async def note_seen(connection: Connection, objection: int, *, account: str, at: datetime) -> None:
    """Note that the objector has seen the answer; the first time counts."""
    await connection.execute(_SQL["seen"], {"id": objection, "account": account, "at": at})


async def open_objections(connection: Connection) -> tuple[OpenObjection, ...]:
    """All that wait for an answer, the oldest first."""
    rows = await (await connection.execute(_SQL["open"])).fetchall()
    return tuple(OpenObjection(**row) for row in rows)


async def settings_of(connection: Connection, rule: str) -> SettingsBook:
    """The dated settings of one rule, without the rest of the world."""
    rows = await (await connection.execute(_SQL["settings"], {"rule": rule})).fetchall()
    return SettingsBook(SettingRow(**row) for row in rows)
