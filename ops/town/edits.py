"""A grid's grade, name and posts changed from a time on, or for a span of the past: dated, audited, judged again."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from psycopg.types.json import Jsonb

from ingest.database import Connection
from ingest.queries import load_queries
from ops.town.errors import GridEditError
from ops.town.model import GRADES, SLOTS

_SQL = load_queries("ops.town", "edits.sql")


class Keep:
    """Stands for what an edit leaves as it is."""


KEEP: Final = Keep()


@dataclass(frozen=True, kw_only=True)
class GridEdit:
    """What is to change.

    Attributes:
        name: for people.
        grade: 1 to 4; None takes it away, so that the grid above decides.
        posts: by slot, A or B; None leaves the slot vacant.
        since: from when on, aware UTC; not after now.
        until: up to when, exclusive; None is for good.
        note: why, for the record.
    """

    name: str | Keep = KEEP
    grade: int | Keep | None = KEEP
    posts: Mapping[str, str | None] = field(default_factory=dict)
    since: datetime
    until: datetime | None = None
    note: str = ""


async def edit_grid(connection: Connection, code: str, edit: GridEdit, *, actor: str, now: datetime) -> bool:
    """Make the versions of a grid and of its posts say what an edit says, for its span.

    What was true before the span stays; what follows it stays. Duties that are not final are judged again, and the
    plan is made anew, because the world has changed.

    Args:
        connection: in a transaction.
        code: of the grid.
        edit: what is to change.
        actor: for the record.
        now: aware UTC.

    Returns:
        Whether anything was different.

    Raises:
        GridEditError: there is no such grid or post in that span, or the span is none.
    """
    _check(code, edit, now)
    await connection.execute(_SQL["lock_grid"], {"code": code})
    before = await _versions(connection, code, edit)
    if not before:
        raise GridEditError(
            f"there was no grid {code} from {edit.since:%Y-%m-%d %H:%M}Z on; name another one, or a later beginning"
        )
    changed: dict[str, Any] = {}
    for name in ("name", "grade"):
        if not isinstance(value := getattr(edit, name), Keep) and any(row[name] != value for row in before):
            changed[name] = {"from": sorted({str(row[name]) for row in before}), "to": value}
    if changed:
        for row in before:
            await _change_version(connection, row, edit)
    for slot, post in edit.posts.items():
        if (was := await _set_post(connection, code, slot, post, edit)) is not None:
            changed[f"post {slot}"] = {"from": was, "to": post}
    if changed:
        await _tell(connection, code, edit, changed, actor=actor, now=now)
    return bool(changed)


def _check(code: str, edit: GridEdit, now: datetime) -> None:
    if edit.since > now:
        raise GridEditError(
            f"the change of grid {code} begins in the future; a change holds from now on or from before"
        )
    if edit.until is not None and edit.until <= edit.since:
        raise GridEditError(f"the change of grid {code} ends before it begins; give a later end")
    if not isinstance(edit.grade, Keep) and edit.grade is not None and edit.grade not in GRADES:
        raise GridEditError(f"there is no grade {edit.grade}; take 1 to {max(GRADES)}, or none")
    if unknown := sorted(set(edit.posts) - set(SLOTS)):
        raise GridEditError(f"a grid has no post {unknown[0]}; its posts are {' and '.join(SLOTS)}")


async def _versions(connection: Connection, code: str, edit: GridEdit) -> list[dict[str, Any]]:
    rows = await (await connection.execute(_SQL["versions"], {"code": code})).fetchall()
    return [row for row in rows if _overlaps(row, edit)]


def _overlaps(row: Mapping[str, Any], edit: GridEdit) -> bool:
    ends, begins = row["valid_to"], row["valid_from"]
    return (ends is None or ends > edit.since) and (edit.until is None or begins < edit.until)


async def _change_version(connection: Connection, row: Mapping[str, Any], edit: GridEdit) -> None:
    """Split a version at the ends of the span and change what lies within."""
    old = {"id": row["id"], "name": row["name"], "grade": row["grade"]}
    new = old | {key: value for key in ("name", "grade") if not isinstance(value := getattr(edit, key), Keep)}
    if new == old:
        return
    runs_on = edit.until is not None and (row["valid_to"] is None or row["valid_to"] > edit.until)
    until = edit.until if runs_on else row["valid_to"]
    if row["valid_from"] < edit.since:
        await connection.execute(_SQL["end_version"], {"id": row["id"], "until": edit.since})
        await connection.execute(_SQL["copy_version"], {**new, "since": edit.since, "until": until})
    else:
        await connection.execute(_SQL["change_version"], {**new, "until": until})
    if runs_on:
        await connection.execute(_SQL["copy_version"], {**old, "since": edit.until, "until": row["valid_to"]})


async def _set_post(connection: Connection, code: str, slot: str, post: str | None, edit: GridEdit) -> list[str] | None:
    """Name another post for a span; what it was before, or None when nothing is different."""
    span = {"since": edit.since, "until": edit.until}
    if (
        post is not None
        and await (await connection.execute(_SQL["post_exists"], {"post": post, **span})).fetchone() is None
    ):
        known = [row["code"] for row in await (await connection.execute(_SQL["some_posts"])).fetchall()]
        hint = f"there are such as {', '.join(known)}" if known else "import the town first: gengfu town import DIR"
        raise GridEditError(f"there is no post {post} for grid {code}; {hint}")
    rows = await (await connection.execute(_SQL["posts"], {"grid": code, "slot": slot})).fetchall()
    within = [row for row in rows if _overlaps(row, edit)]
    if _says_so_already(within, post, edit):
        return None
    for row in within:
        runs_on = edit.until is not None and (row["valid_to"] is None or row["valid_to"] > edit.until)
        if row["valid_from"] < edit.since:
            await connection.execute(_SQL["end_post"], {"id": row["id"], "until": edit.since})
            if runs_on:
                after = {"grid": code, "slot": slot, "post": row["post"], "since": edit.until, "until": row["valid_to"]}
                await connection.execute(_SQL["add_post"], after)
        elif runs_on:
            await connection.execute(_SQL["begin_post"], {"id": row["id"], "since": edit.until})
        else:
            await connection.execute(_SQL["drop_post"], {"id": row["id"]})
    if post is not None:
        await connection.execute(_SQL["add_post"], {"grid": code, "slot": slot, "post": post, **span})
    return [row["post"] for row in within]


def _says_so_already(within: list[dict[str, Any]], post: str | None, edit: GridEdit) -> bool:
    if post is None:
        return not within
    if len(within) != 1 or within[0]["post"] != post or within[0]["valid_from"] > edit.since:
        return False
    ends = within[0]["valid_to"]
    return ends is None or (edit.until is not None and ends >= edit.until)


async def _tell(
    connection: Connection, code: str, edit: GridEdit, changed: Mapping[str, Any], *, actor: str, now: datetime
) -> None:
    detail = {
        "changed": dict(changed),
        "valid_from": edit.since.isoformat(),
        "valid_to": edit.until.isoformat() if edit.until else None,
        "note": edit.note,
    }
    await connection.execute(_SQL["record"], {"actor": actor, "subject": code, "detail": Jsonb(detail)})
    span = {"since": edit.since, "until": edit.until}
    await connection.execute(_SQL["judge_again"], {"code": code, "now": now, **span})
    await connection.execute("NOTIFY gengfu_devices")
    await connection.execute("NOTIFY gengfu_dirty")
