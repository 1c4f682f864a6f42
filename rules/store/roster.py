"""Leaves and custody as rows: looked up, cut, added; and the duties that a change of them concerns."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ingest.database import Connection
from ingest.queries import load_queries
from rules.errors import NotThere

_SQL = load_queries("rules.store", "roster.sql")


@dataclass(frozen=True, kw_only=True)
class LeaveRow:
    """One row of `leave`; `valid_to` None is until further notice."""

    id: int
    post: str
    kind: str
    cover: str | None
    note: str
    valid_from: datetime
    valid_to: datetime | None


@dataclass(frozen=True, kw_only=True)
class CustodyRow:
    """One row of `custody`; `device` is the number in the register."""

    id: int
    device: int
    holder_kind: str
    holder: str
    valid_from: datetime
    valid_to: datetime | None


@dataclass(frozen=True, kw_only=True)
class Judged:
    """How many duties a change concerns: judged again soon, or kept as they are because their readings are gone."""

    again: int = 0
    kept: int = 0


async def post_in_force(connection: Connection, post: str, *, at: datetime) -> bool:
    """Whether there is such a post at a moment."""
    return bool((await _row(connection, "post_in_force", post=post, at=at))["it"])


async def lock_post(connection: Connection, post: str) -> None:
    """Let one change of a post's leaves follow the other."""
    await connection.execute(_SQL["lock_post"], {"post": post})


async def leaves_meeting(connection: Connection, post: str, *, start: datetime, end: datetime | None) -> list[LeaveRow]:
    """A post's leaves that share time with a span."""
    return [LeaveRow(**it) for it in await _rows(connection, "leaves_meeting", post=post, start=start, end=end)]


async def leave_by_id(connection: Connection, leave: int) -> LeaveRow:
    """One leave, its row locked until the transaction ends.

    Raises:
        NotThere: no leave has this number.
    """
    found = await _rows(connection, "leave_by_id", id=leave)
    if not found:
        raise NotThere(f"there is no leave {leave}; `gengfu roster leave list` has those there are")
    return LeaveRow(**found[0])


async def add_leave(connection: Connection, **columns: Any) -> LeaveRow:
    """A new leave: post, kind, cover, note, start, end."""
    return LeaveRow(**await _row(connection, "add_leave", **columns))


async def end_leave(connection: Connection, leave: int, *, end: datetime) -> LeaveRow:
    """Let a leave end."""
    return LeaveRow(**await _row(connection, "end_leave", id=leave, end=end))


async def set_cover(connection: Connection, leave: int, *, cover: str | None) -> LeaveRow:
    """Name who stands in for the whole of a leave."""
    return LeaveRow(**await _row(connection, "set_cover", id=leave, cover=cover))


async def delete_leave(connection: Connection, leave: int) -> None:
    """Take back a leave that was never so."""
    await connection.execute(_SQL["delete_leave"], {"id": leave})


async def lock_device(connection: Connection, device: str) -> dict[str, Any]:
    """Number, name and `revoked_at` of a device, whose custody nobody else changes until the transaction ends.

    Raises:
        NotThere: no device has this name.
    """
    found = await _rows(connection, "lock_device", device=device)
    if not found:
        raise NotThere(f"there is no device {device}; `gengfu device list` has those there are")
    return found[0]


async def holder_kind(connection: Connection, holder: str, *, at: datetime) -> str:
    """Whether a code is a post's, a unit's or a piece of equipment's.

    Raises:
        NotThere: it is nobody's at that moment.
    """
    found = await _rows(connection, "holder_kind", holder=holder, at=at)
    if not found:
        raise NotThere(f"there is no post, unit or equipment {holder} at {at:%Y-%m-%d %H:%MZ}; give the code of one")
    return str(found[0]["kind"])


async def custody_meeting(
    connection: Connection, device: int, *, start: datetime, end: datetime | None
) -> list[CustodyRow]:
    """A device's spells of custody that share time with a span, the oldest first."""
    rows = await _rows(connection, "custody_meeting", device=device, start=start, end=end)
    return [CustodyRow(**it) for it in rows]


async def add_custody(connection: Connection, **columns: Any) -> CustodyRow:
    """A new spell: device, holder_kind, holder, start, end, actor."""
    return CustodyRow(**await _row(connection, "add_custody", **columns))


async def cut_custody(
    connection: Connection, spell: CustodyRow, *, start: datetime, end: datetime | None, actor: str
) -> None:
    """Let a spell begin later or end sooner; one of which nothing is left is taken away."""
    if end is not None and end <= start:
        await connection.execute(_SQL["delete_custody"], {"id": spell.id})
    else:
        values = {"id": spell.id, "start": start, "end": end, "actor": actor}
        await connection.execute(_SQL["cut_custody"], values)


async def concerned(
    connection: Connection,
    rules: Iterable[str],
    *,
    posts: Iterable[str],
    units: Iterable[str] = (),
    start: datetime,
    end: datetime | None,
    now: datetime,
) -> Judged:
    """How many duties rest on these posts and units within a span; the planner sees the change and wakes them."""
    named = {"posts": list(posts), "units": list(units)}
    its = [row["unit"] for row in await _rows(connection, "units_concerned", **named)]
    values = {"rules": list(rules), "units": its, "start": start, "end": end, "now": now}
    return Judged(**await _row(connection, "concerned", **values))


async def custody_list(
    connection: Connection, *, device: str | None, holder: str | None, since: datetime | None
) -> list[dict[str, Any]]:
    """Who holds what beyond a moment (None: ever held), with the devices' names."""
    return await _rows(connection, "custody_list", device=device, holder=holder, since=since)


async def leave_list(
    connection: Connection, *, post: str | None, since: datetime | None, now: datetime
) -> list[dict[str, Any]]:
    """Leaves that last beyond a moment (None: all), each with `standing_in` now or when it begins."""
    return await _rows(connection, "leave_list", post=post, since=since, now=now)


async def _rows(connection: Connection, name: str, **values: Any) -> list[dict[str, Any]]:
    return await (await connection.execute(_SQL[name], values)).fetchall()


async def _row(connection: Connection, name: str, **values: Any) -> dict[str, Any]:
    return (await _rows(connection, name, **values))[0]
