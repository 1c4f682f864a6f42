"""Days of rest and the weekend days that are worked in their stead: listed, set and taken away; dated and audited."""

from datetime import date, datetime
from typing import Any

from psycopg.types.json import Jsonb

from ingest.database import Connection
from ingest.queries import load_queries
from ops.town.errors import TownError
from ops.town.model import HOLIDAY_KINDS

_SQL = load_queries("ops.town", "holidays.sql")


async def holidays(connection: Connection, *, since: date, until: date) -> list[dict[str, Any]]:
    """The days in force from `since` to `until`, both included: day, name, kind, valid_from."""
    return await (await connection.execute(_SQL["list"], {"since": since, "until": until})).fetchall()


async def set_holiday(
    connection: Connection, day: date, *, name: str, kind: str, actor: str, now: datetime, since: datetime | None = None
) -> bool:
    """Say what a day is; shifts that ask for holidays are planned anew, and corrected where the day is over.

    Args:
        connection: in a transaction.
        day: at the site.
        name: for people.
        kind: rest or work.
        actor: for the record.
        now: aware UTC.
        since: from when on it is so; None: always for a day that was none, and from now on for one that was.

    Returns:
        Whether anything was different.

    Raises:
        TownError: there is no such kind, or it has no name.
    """
    if not name.strip():
        raise TownError(f"{day} has no name as a holiday; say what people call it, such as 国庆节")
    if kind not in HOLIDAY_KINDS:
        raise TownError(f"a holiday is of the kind {' or '.join(HOLIDAY_KINDS)}, not {kind!r}; {day} stays as it was")
    await connection.execute(_SQL["lock_holidays"])
    there = await (await connection.execute(_SQL["current"], {"day": day})).fetchone()
    begins = since or (now if there else None)
    same = there is not None and (there["name"], there["kind"]) == (name, kind)
    if there and same and (since is None or there["valid_from"] <= since):
        return False
    if begins is not None:
        await connection.execute(_SQL["drop"], {"day": day, "at": begins})
        await connection.execute(_SQL["shorten"], {"day": day, "at": begins})
    await connection.execute(_SQL["add"], {"day": day, "name": name, "kind": kind, "at": begins})
    await _record(connection, "holiday.set", day, begins, actor, name=name, kind=kind)
    return True


async def end_holiday(
    connection: Connection, day: date, *, actor: str, now: datetime, since: datetime | None = None
) -> bool:
    """Say that a day is one like others, from now on, or from a time in the past.

    Returns:
        Whether it was a holiday.
    """
    await connection.execute(_SQL["lock_holidays"])
    there = await (await connection.execute(_SQL["current"], {"day": day})).fetchone()
    if there is None:
        return False
    begins = since or now
    await connection.execute(_SQL["drop"], {"day": day, "at": begins})
    await connection.execute(_SQL["shorten"], {"day": day, "at": begins})
    await _record(connection, "holiday.end", day, begins, actor)
    return True


async def _record(
    connection: Connection, action: str, day: date, begins: datetime | None, actor: str, **detail: str
) -> None:
    what = {**detail, "valid_from": begins.isoformat() if begins else None}
    values = {"actor": actor, "action": action, "subject": day.isoformat(), "detail": Jsonb(what)}
    await connection.execute(_SQL["record"], values)
    await connection.execute("NOTIFY gengfu_dirty")
