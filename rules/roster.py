"""What people do to the roster: leave, cover and custody, now, ahead and afterwards.

Every function takes a connection inside a transaction and wakes the planner when that commits, which has the duties
judged again that the change concerns. The caller records who did it.
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime

from ingest.database import Connection
from rules.catalog import catalog
from rules.errors import NotNow, NotThere
from rules.rule import DutyRule
from rules.store import roster as store
from rules.store.roster import CustodyRow, Judged, LeaveRow

KINDS = ("leave", "sick", "training", "handset_dead", "other")


@dataclass(frozen=True, kw_only=True)
class LeaveChange:
    """A leave after a change, None when it was taken back; and what must be judged again for it."""

    leave: LeaveRow | None
    before: LeaveRow | None
    judged: Judged

    @property
    def subject(self) -> str:
        """The post, for the audit record."""
        its = self.leave or self.before
        return its.post if its else ""

    @property
    def detail(self) -> dict[str, object]:
        """What was so before and what is so now, for the audit record."""
        return {"before": _plain(self.before), "after": _plain(self.leave), **asdict(self.judged)}


@dataclass(frozen=True, kw_only=True)
class CustodyChange:
    """A device's spells of custody around a change, before and after it; and what must be judged again for it."""

    device: str
    before: tuple[CustodyRow, ...]
    after: tuple[CustodyRow, ...]
    judged: Judged

    @property
    def detail(self) -> dict[str, object]:
        """What was so before and what is so now, for the audit record."""
        before, after = [_plain(it) for it in self.before], [_plain(it) for it in self.after]
        return {"before": before, "after": after, **asdict(self.judged)}


async def add_leave(
    connection: Connection,
    post: str,
    *,
    kind: str,
    start: datetime,
    end: datetime | None,
    now: datetime,
    cover: str | None = None,
    note: str = "",
) -> LeaveChange:
    """Record that a post is away; it may lie in the past.

    Args:
        connection: in a transaction.
        post: code of the post.
        kind: one of KINDS.
        start: away from, aware UTC.
        end: away until; None until further notice.
        now: aware UTC.
        cover: code of the post named to stand in; None leaves it to B of its grids and to its deputy.
        note: why, for people.

    Raises:
        NotThere: there is no such post.
        NotNow: it is away then already, or the leave ends before it begins.
    """
    if kind not in KINDS:
        raise NotNow(f"{kind} is no kind of leave; the kinds are {', '.join(KINDS)}")
    if end is not None and end <= start:
        raise NotNow(f"the leave of {post} ends {end:%Y-%m-%d %H:%MZ}, before it begins; give a later end")
    await store.lock_post(connection, post)
    await _check_post(connection, post, start)
    await _check_cover(connection, post, cover, start)
    for other in await store.leaves_meeting(connection, post, start=start, end=end):
        raise NotNow(
            f"{post} is away {_when(other.valid_from, other.valid_to)} already (leave {other.id}); "
            "withdraw that one, or choose a time beside it"
        )
    made = await store.add_leave(connection, post=post, kind=kind, cover=cover, note=note, start=start, end=end)
    judged = await _concerned(connection, posts=[post], start=start, end=end, now=now)
    return LeaveChange(leave=made, before=None, judged=judged)


async def withdraw_leave(connection: Connection, leave: int, *, at: datetime | None, now: datetime) -> LeaveChange:
    """Let a post be back from `at` on; with None, or before the leave began, there was never such a leave.

    Raises:
        NotThere: no leave has this number.
        NotNow: it has ended before that.
    """
    before = await store.leave_by_id(connection, leave)
    await store.lock_post(connection, before.post)
    since = before.valid_from if at is None else max(at, before.valid_from)
    if before.valid_to is not None and since >= before.valid_to:
        raise NotNow(
            f"leave {leave} of {before.post} ended {before.valid_to:%Y-%m-%d %H:%MZ}; "
            "to say that it never was, withdraw it altogether"
        )
    if since == before.valid_from:
        await store.delete_leave(connection, leave)
        after = None
    else:
        after = await store.end_leave(connection, leave, end=since)
    judged = await _concerned(connection, posts=[before.post], start=since, end=before.valid_to, now=now)
    return LeaveChange(leave=after, before=before, judged=judged)


async def cover_leave(
    connection: Connection, leave: int, *, cover: str | None, at: datetime, now: datetime
) -> LeaveChange:
    """Name who stands in from `at` on, or with None nobody in particular; what was so before that stays as it was.

    Raises:
        NotThere: there is no such leave, or no such post.
        NotNow: the leave has ended before that, or it is the post itself.
    """
    before = await store.leave_by_id(connection, leave)
    await store.lock_post(connection, before.post)
    since = max(at, before.valid_from)
    if before.valid_to is not None and since >= before.valid_to:
        raise NotNow(f"leave {leave} of {before.post} ended {before.valid_to:%Y-%m-%d %H:%MZ}; name an earlier time")
    await _check_cover(connection, before.post, cover, since)
    if since == before.valid_from:
        after = await store.set_cover(connection, leave, cover=cover)
    else:
        await store.end_leave(connection, leave, end=since)
        after = await store.add_leave(
            connection,
            post=before.post,
            kind=before.kind,
            cover=cover,
            note=before.note,
            start=since,
            end=before.valid_to,
        )
    judged = await _concerned(connection, posts=[before.post], start=since, end=before.valid_to, now=now)
    return LeaveChange(leave=after, before=before, judged=judged)


async def give(
    connection: Connection,
    device: str,
    *,
    holder: str,
    at: datetime,
    until: datetime | None = None,
    hand_over: bool = False,
    actor: str,
    now: datetime,
) -> CustodyChange:
    """Give a device to a post, a unit or a piece of equipment; with `hand_over` whoever has it gives it up then.

    Raises:
        NotThere: there is no such device or holder.
        NotNow: somebody else holds it in that time, or the device is revoked.
    """
    _check_order(device, at, until)
    found = await store.lock_device(connection, device)
    if found["revoked_at"] is not None and found["revoked_at"] <= at:
        raise NotNow(f"{device} was revoked {found['revoked_at']:%Y-%m-%d %H:%MZ}; give another device")
    kind = await store.holder_kind(connection, holder, at=at)
    before = await store.custody_meeting(connection, found["number"], start=at, end=until)
    for spell in before:
        if not hand_over or spell.valid_from >= at:
            said = f"{device} is held by {spell.holder} {_when(spell.valid_from, spell.valid_to)}"
            if spell.holder == holder and spell.valid_from <= at:
                raise NotNow(f"{said} already; to change from when or until when, put the record right")
            remedy = (
                "choose a time beside it, or put the record right" if hand_over else "take it back, or hand it over"
            )
            raise NotNow(f"{said}; nothing is held by two: {remedy}")
        await store.cut_custody(connection, spell, start=spell.valid_from, end=at, actor=actor)
    columns = {"device": found["number"], "holder_kind": kind, "holder": holder, "start": at, "end": until}
    await store.add_custody(connection, **columns, actor=actor)
    return await _changed(connection, found, before, start=at, end=until, now=now)


async def take(connection: Connection, device: str, *, at: datetime, actor: str, now: datetime) -> CustodyChange:
    """Take a device back from whoever holds it at a moment.

    Raises:
        NotThere: there is no such device.
        NotNow: nobody holds it then.
    """
    found = await store.lock_device(connection, device)
    before = [
        it for it in await store.custody_meeting(connection, found["number"], start=at, end=None) if it.valid_from <= at
    ]
    if not before:
        raise NotNow(f"nobody holds {device} at {at:%Y-%m-%d %H:%MZ}; nothing is to be taken back")
    for spell in before:
        await store.cut_custody(connection, spell, start=spell.valid_from, end=at, actor=actor)
    return await _changed(connection, found, before, start=at, end=before[-1].valid_to, now=now)


async def correct(
    connection: Connection,
    device: str,
    *,
    holder: str | None,
    start: datetime,
    end: datetime | None,
    actor: str,
    now: datetime,
) -> CustodyChange:
    """Put the record right: within the span the device was held by this one, or with None by nobody.

    Raises:
        NotThere: there is no such device or holder.
        NotNow: the span ends before it begins.
    """
    _check_order(device, start, end)
    found = await store.lock_device(connection, device)
    kind = await store.holder_kind(connection, holder, at=start) if holder is not None else None
    before = await store.custody_meeting(connection, found["number"], start=start, end=end)
    for spell in before:
        await _cut_out(connection, spell, start=start, end=end, actor=actor)
    if holder is not None:
        columns = {"device": found["number"], "holder_kind": kind, "holder": holder, "start": start, "end": end}
        await store.add_custody(connection, **columns, actor=actor)
    return await _changed(connection, found, before, start=start, end=end, now=now)


async def _cut_out(
    connection: Connection, spell: CustodyRow, *, start: datetime, end: datetime | None, actor: str
) -> None:
    """Leave of a spell what lies before and after a span."""
    rest = end is not None and (spell.valid_to is None or spell.valid_to > end)
    if spell.valid_from < start:
        await store.cut_custody(connection, spell, start=spell.valid_from, end=start, actor=actor)
        if rest:
            columns = {"device": spell.device, "holder_kind": spell.holder_kind, "holder": spell.holder}
            await store.add_custody(connection, **columns, start=end, end=spell.valid_to, actor=actor)
    elif rest and end is not None:
        await store.cut_custody(connection, spell, start=end, end=spell.valid_to, actor=actor)
    else:
        await store.cut_custody(connection, spell, start=start, end=start, actor=actor)


async def _changed(
    connection: Connection,
    device: dict[str, object],
    before: Iterable[CustodyRow],
    *,
    start: datetime,
    end: datetime | None,
    now: datetime,
) -> CustodyChange:
    number = int(str(device["number"]))
    first = tuple(before)
    after = await store.custody_meeting(connection, number, start=start, end=end)
    holders = [*first, *after]
    judged = await _concerned(
        connection,
        posts=[it.holder for it in holders if it.holder_kind == "post"],
        units=[it.holder for it in holders if it.holder_kind == "unit"],
        start=start,
        end=end,
        now=now,
    )
    return CustodyChange(device=str(device["name"]), before=first, after=tuple(after), judged=judged)


async def _concerned(
    connection: Connection,
    *,
    posts: Iterable[str],
    units: Iterable[str] = (),
    start: datetime,
    end: datetime | None,
    now: datetime,
) -> Judged:
    rules = [it.name for it in catalog().values() if isinstance(it, DutyRule) and it.subject != "equipment"]
    judged = await store.concerned(connection, rules, posts=posts, units=units, start=start, end=end, now=now)
    await connection.execute("NOTIFY gengfu_dirty")
    await connection.execute("NOTIFY gengfu_changes")
    return judged


async def _check_post(connection: Connection, post: str, at: datetime) -> None:
    if not await store.post_in_force(connection, post, at=at):
        raise NotThere(f"there is no post {post} at {at:%Y-%m-%d %H:%MZ}; GET /api/posts lists those there are")


async def _check_cover(connection: Connection, post: str, cover: str | None, at: datetime) -> None:
    if cover is None:
        return
    if cover == post:
        raise NotNow(f"{post} cannot stand in for itself; name another post, or none")
    await _check_post(connection, cover, at)


def _check_order(device: str, start: datetime, end: datetime | None) -> None:
    if end is not None and end <= start:
        raise NotNow(f"the custody of {device} would end {end:%Y-%m-%d %H:%MZ}, before it begins; give a later end")


def _when(start: datetime, end: datetime | None) -> str:
    return f"from {start:%Y-%m-%d %H:%MZ} " + (f"to {end:%Y-%m-%d %H:%MZ}" if end else "on")


def _plain(row: LeaveRow | CustodyRow | None) -> dict[str, object] | None:
    """A row as JSON has it."""
    if row is None:
        return None
    return {name: it.isoformat() if isinstance(it, datetime) else it for name, it in asdict(row).items()}
