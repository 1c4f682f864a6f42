"""Leave: which posts are away from when to when, and who stands in; recorded ahead, at once or afterwards."""

from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any

from pydantic import Field

from ingest.database import Connection
from ingest.queries import load_queries
from ops.http.acts import acting, record
from ops.http.call import Call
from ops.http.cursors import Paging
from ops.http.errors import not_found
from ops.http.fields import Body, Code, Cursor, Moment, Page, Path, Query, RowId, Text, View
from ops.http.permissions import GRID
from ops.http.resources.posts import LeaveKind
from ops.http.routes import route
from ops.http.within import check_within
from rules import roster
from rules.roster import LeaveChange

_SQL = load_queries("ops.http.resources", "leaves.sql")
_PAGING = Paging(tuple[Moment, RowId], before_at="valid_from", before_id="id")


class LeaveQuery(Query):
    """Which leaves; filters that are left out let everything pass."""

    post: Code | None = None
    since: Moment | None = Field(None, description="only those that last beyond this")
    until: Moment | None = Field(None, description="only those that begin before this")
    limit: Annotated[int, Field(ge=1, le=500)] = 200
    after: Cursor | None = None


class LeavePath(Path):
    """Which leave."""

    id: RowId


class NewLeave(Body):
    """Who is away, and when."""

    post: Code
    kind: LeaveKind = Field(description="handset_dead is for a post that cannot be seen and is relieved for that")
    valid_from: Moment = Field(description="RFC 3339; it may lie in the past")
    valid_to: Moment | None = Field(description="null is until further notice")
    cover: Code | None = Field(None, description="post that stands in; without it B of its grids, then its deputy")
    note: Text = ""


class Withdrawal(Body):
    """From when on the post is back."""

    at: Moment | None = Field(description="null says that there never was such a leave")


class CoverNamed(Body):
    """Who stands in."""

    cover: Code | None = Field(description="code of a post; null leaves it to B of its grids and to its deputy")
    at: Moment | None = Field(None, description="from then on; without it from now on")


class Leave(View):
    """A time in which a post does no duty."""

    id: int
    post: str
    post_name: str | None
    unit: str | None
    kind: LeaveKind
    cover: str | None
    note: str
    valid_from: datetime
    valid_to: datetime | None
    standing_in: str | None = Field(description="who stands in, now or when it begins; null is nobody")


class LeavePage(Page):
    """One page of leaves, those that begin last first."""

    items: list[Leave]


class LeaveChanged(View):
    """What a change came to."""

    leave: Leave | None = Field(description="null when it was taken back altogether")
    judged_again: int = Field(description="duties that are judged anew for it")
    kept: int = Field(description="duties that keep their verdict, because their readings are no longer stored")


async def _leaves(
    connection: Connection, query: LeaveQuery, bounds: dict[str, object], *, only: int | None = None
) -> LeavePage:
    params = {**bounds, **query.model_dump(), "id": only}
    page, following = await _PAGING.read(connection, _SQL["list_leaves"], params, query)
    return LeavePage(items=[Leave.model_validate(one) for one in page], next=following)


async def _leave(connection: Connection, leave: int, bounds: dict[str, object]) -> Leave:
    found = await _leaves(connection, LeaveQuery(), bounds, only=leave)
    if not found.items:
        raise not_found(f"leave {leave}")
    return found.items[0]


async def _done(
    call: Call[Any, Any, Any], connection: Connection, action: str, change: LeaveChange, bounds: dict[str, object]
) -> LeaveChanged:
    await record(connection, actor=call.viewer.name, action=action, subject=change.subject, detail=change.detail)
    return LeaveChanged(
        leave=await _leave(connection, change.leave.id, bounds) if change.leave else None,
        judged_again=change.judged.again,
        kept=change.judged.kept,
    )


@route(
    "GET",
    "/api/leaves",
    permission="roster.read",
    scope=GRID,
    query=LeaveQuery,
    returns=LeavePage,
    summary="Which posts are away from when to when, and who stands in",
)
async def list_leaves(call: Call[LeaveQuery]) -> LeavePage:
    """Those that begin last first."""
    async with call.transaction() as connection:
        return await _leaves(connection, call.query, call.bounds())


@route(
    "POST",
    "/api/leaves",
    permission="roster.act",
    scope=GRID,
    body=NewLeave,
    returns=LeaveChanged,
    status=HTTPStatus.CREATED,
    problems=[HTTPStatus.CONFLICT],
    summary="Record that a post is away, ahead or afterwards; what it concerns is judged again",
)
async def add_leave(call: Call[None, NewLeave]) -> LeaveChanged:
    """409 when the post is away then already."""
    body, bounds = call.body, call.bounds()
    async with call.transaction() as connection:
        await check_within(connection, "post", body.post, bounds)
        await check_within(connection, "post", body.cover, bounds, field="cover")
        with acting():
            change = await roster.add_leave(
                connection,
                body.post,
                kind=body.kind,
                start=body.valid_from,
                end=body.valid_to,
                cover=body.cover,
                note=body.note,
                now=call.now,
            )
        return await _done(call, connection, "leave.add", change, bounds)


@route(
    "POST",
    "/api/leaves/{id}/withdraw",
    permission="roster.act",
    scope=GRID,
    params=LeavePath,
    body=Withdrawal,
    returns=LeaveChanged,
    problems=[HTTPStatus.CONFLICT],
    summary="Let a post be back from a time on, or say that it never was away",
)
async def withdraw_leave(call: Call[None, Withdrawal, LeavePath]) -> LeaveChanged:
    """409 when the leave has ended before that."""
    bounds = call.bounds()
    async with call.transaction() as connection:
        found = await _leave(connection, call.params.id, bounds)
        with acting():
            change = await roster.withdraw_leave(connection, found.id, at=call.body.at, now=call.now)
        return await _done(call, connection, "leave.withdraw", change, bounds)


@route(
    "POST",
    "/api/leaves/{id}/cover",
    permission="roster.act",
    scope=GRID,
    params=LeavePath,
    body=CoverNamed,
    returns=LeaveChanged,
    problems=[HTTPStatus.CONFLICT],
    summary="Name who stands in for a post that is away, from a time on",
)
async def cover_leave(call: Call[None, CoverNamed, LeavePath]) -> LeaveChanged:
    """What was so before that time stays as it was."""
    body, bounds = call.body, call.bounds()
    async with call.transaction() as connection:
        found = await _leave(connection, call.params.id, bounds)
        await check_within(connection, "post", body.cover, bounds, field="cover")
        with acting():
            change = await roster.cover_leave(
                connection, found.id, cover=body.cover, at=body.at or call.now, now=call.now
            )
        return await _done(call, connection, "leave.cover", change, bounds)
