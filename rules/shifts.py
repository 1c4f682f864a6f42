"""What people do to the shift calendar: a line of it is made, changed or ended from a moment on, in the past as well.

A line is a shift's code with a unit and a route; a change closes its version and opens the next. Every function takes
a connection inside a transaction and wakes the planner when that commits. The caller records who did it.
"""

import re
from dataclasses import asdict, dataclass
from datetime import date, datetime, time
from typing import Any

from ingest.database import Connection
from ingest.queries import load_queries
from rules.errors import NotNow, NotThere

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MAX_ROUNDS = 48  # of one unit in one shift: one each half hour for a whole day

MIN_ROUND_MIN, MAX_ROUND_MIN = 5, 720  # of a random round; what a town's file may say, too
MODES = ("constant", "seasonal", "targeted", "random")
HOLIDAYS = ("as_usual", "skip", "only")

_SQL = load_queries("rules.store", "shifts.sql")
_PERIODS = {"seasonal": (r"\d\d-\d\d", "such as 11-15"), "targeted": (r"\d{4}-\d\d-\d\d", "such as 2026-11-15")}


@dataclass(frozen=True, kw_only=True)
class ShiftKey:
    """Which line of the calendar."""

    code: str
    unit: str
    route: str


@dataclass(frozen=True, kw_only=True)
class ShiftPlan:
    """What a line says: local times of the site, `days` those on which it starts; it may end on the next day."""

    name: str
    days: tuple[str, ...]
    starts: time
    ends: time
    rounds: int
    mode: str = "constant"
    first_day: str | None = None
    last_day: str | None = None
    round_min: int | None = None
    holidays: str = "as_usual"


async def set_shift(connection: Connection, key: ShiftKey, plan: ShiftPlan, *, since: datetime) -> dict[str, object]:
    """Let a line of the calendar say this from a moment on; versions that begin later are replaced.

    Returns:
        What was so before, and what is so now, for the audit record.

    Raises:
        NotThere: there is no such unit or route then.
        NotNow: the plan cannot be.
    """
    _check(key, plan)
    there = await (
        await connection.execute(_SQL["in_force"], {"unit": key.unit, "route": key.route, "at": since})
    ).fetchone()
    for what in ("unit", "route"):
        if there is None or not there[what]:
            raise NotThere(f"there is no {what} {getattr(key, what)} at {since:%Y-%m-%d %H:%MZ}; give the code of one")
    before = await _close(connection, key, at=since)
    values = {**asdict(key), **asdict(plan), "days": list(plan.days), "since": since}
    made = await (await connection.execute(_SQL["insert"], values)).fetchone()
    await connection.execute("NOTIFY gengfu_dirty")
    return {"before": [_plain(it) for it in before], "after": _plain(made or {})}


async def end_shift(connection: Connection, key: ShiftKey, *, at: datetime) -> dict[str, object]:
    """Let a line of the calendar end.

    Raises:
        NotThere: there is none in force or to come.
    """
    before = await _close(connection, key, at=at)
    if not before:
        raise NotThere(
            f"shift {key.code} of {key.unit} on {key.route} does not run after {at:%Y-%m-%d %H:%MZ}; "
            "`gengfu roster shift list` has those that do"
        )
    await connection.execute("NOTIFY gengfu_dirty")
    return {"before": [_plain(it) for it in before], "after": None}


async def shift_list(connection: Connection, *, at: datetime) -> list[dict[str, Any]]:
    """The lines that hold at a moment or later, with all their columns."""
    return await (await connection.execute(_SQL["list"], {"at": at})).fetchall()


async def _close(connection: Connection, key: ShiftKey, *, at: datetime) -> list[dict[str, Any]]:
    """End the version that holds and take away those that would follow; returns them as they were."""
    rows = await (await connection.execute(_SQL["versions"], asdict(key))).fetchall()
    touched = [it for it in rows if it["valid_to"] is None or it["valid_to"] > at]
    for it in touched:
        statement = _SQL["delete" if it["valid_from"] >= at else "end"]
        await connection.execute(statement, {"id": it["id"], **({"at": at} if it["valid_from"] < at else {})})
    return touched


def _check(key: ShiftKey, plan: ShiftPlan) -> None:
    said = f"shift {key.code} of {key.unit} on {key.route}"
    if not plan.days or not set(plan.days) <= set(DAYS):
        raise NotNow(f"{said} has the days {', '.join(plan.days) or 'none'}; they are some of {', '.join(DAYS)}")
    if not 1 <= plan.rounds <= MAX_ROUNDS:
        raise NotNow(f"{said} has {plan.rounds} rounds; it may have 1 to {MAX_ROUNDS}")
    if plan.mode not in MODES:
        raise NotNow(f"{said} has the mode {plan.mode}; take one of {', '.join(MODES)}")
    if plan.holidays not in HOLIDAYS:
        raise NotNow(f"{said} takes holidays {plan.holidays}; take one of {', '.join(HOLIDAYS)}")
    for name, given in (("first_day", plan.first_day), ("last_day", plan.last_day)):
        if plan.mode in _PERIODS and not _is_day(given, mode=plan.mode):
            example = _PERIODS[plan.mode][1]
            raise NotNow(f"{said} is {plan.mode} and its {name} is {given or 'left out'}; give a day {example}")
        if plan.mode not in _PERIODS and given is not None:
            raise NotNow(f"{said} is {plan.mode} and has a {name}; leave it out, or choose seasonal or targeted")
    if plan.mode == "targeted" and (plan.last_day or "") < (plan.first_day or ""):
        raise NotNow(f"{said} ends on {plan.last_day}, before it begins on {plan.first_day}; turn the two round")
    if plan.round_min is not None and plan.mode != "random":
        raise NotNow(f"{said} is {plan.mode} and has a round_min; only a random one draws a window: leave it out")
    if plan.round_min is not None and not MIN_ROUND_MIN <= plan.round_min <= MAX_ROUND_MIN:
        raise NotNow(f"{said} has rounds of {plan.round_min} minutes; they may take {MIN_ROUND_MIN} to {MAX_ROUND_MIN}")


def _is_day(text: str | None, *, mode: str) -> bool:
    """Whether it is written as the mode wants it, and there is such a day; 29 February counts."""
    if text is None or not re.fullmatch(_PERIODS[mode][0], text, re.ASCII):
        return False
    try:
        date.fromisoformat(text if mode == "targeted" else f"2000-{text}")
    except ValueError:
        return False
    return True


def _plain(row: dict[str, Any]) -> dict[str, object]:
    return {name: it.isoformat() if isinstance(it, datetime | time) else it for name, it in row.items()}
