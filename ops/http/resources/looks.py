"""Looks at tracks, for those who were looked at and for auditors: who, at which device, when and why."""

from datetime import datetime
from typing import Annotated

from psycopg.rows import DictRow
from pydantic import Field, TypeAdapter

from ingest.queries import load_queries
from ops.http.call import Call
from ops.http.cursors import cut, decode_cursor
from ops.http.database import rows
from ops.http.fields import Code, Cursor, Moment, Page, Query, RowId, View
from ops.http.permissions import GRID
from ops.http.routes import route

_SQL = load_queries("ops.http.resources", "looks.sql")
_KEY = TypeAdapter(tuple[RowId])


class MyLooksQuery(Query):
    """Which page."""

    limit: Annotated[int, Field(ge=1, le=500)] = 100
    after: Cursor | None = None


class LooksQuery(MyLooksQuery):
    """Which looks; filters that are left out let everything pass."""

    actor: Code | None = Field(None, description="name of the account that looked")
    device: Code | None = Field(None, description="name of the device that was looked at")
    since: Moment | None = None
    until: Moment | None = None


class Look(View):
    """One look at a track."""

    id: int
    at: datetime
    actor: str = Field(description="name of the account that looked")
    role: str | None = Field(description="its role today; null when it is gone")
    device: str
    since: datetime | None = Field(description="of the part of the track that was looked at")
    until: datetime | None
    rows: int | None = Field(description="positions that were shown")
    purpose: str | None


class LookPage(Page):
    """One page of looks, newest first."""

    items: list[Look]


def _page(found: list[DictRow], limit: int) -> LookPage:
    page, following = cut(found, limit=limit, key=lambda one: [one["id"]])
    return LookPage(items=[Look.model_validate(one) for one in page], next=following)


@route(
    "GET",
    "/api/looks/mine",
    permission="looks.own",
    scope=GRID,
    query=MyLooksQuery,
    returns=LookPage,
    summary="Who looked at where your own unit was, when and why, newest first",
)
async def list_my_looks(call: Call[MyLooksQuery]) -> LookPage:
    """Looks at a time when the viewer's unit, or a post of it, had the device; an account without a unit has none."""
    query = call.query
    before = decode_cursor(query.after, _KEY)[0] if query.after else None
    params = {**call.bounds(), "before": before, "limit": query.limit + 1}
    async with call.transaction() as connection:
        return _page(await rows(connection, _SQL["list_my_looks"], params), query.limit)


@route(
    "GET",
    "/api/looks",
    permission="audit.read",
    scope=GRID,
    query=LooksQuery,
    returns=LookPage,
    summary="Who looked at whose track, when and why, newest first",
)
async def list_looks(call: Call[LooksQuery]) -> LookPage:
    """Accounts of the whole site only."""
    query = call.query
    before = decode_cursor(query.after, _KEY)[0] if query.after else None
    params = {**call.bounds(), **query.model_dump(), "before": before, "limit": query.limit + 1}
    async with call.transaction() as connection:
        return _page(await rows(connection, _SQL["list_looks"], params), query.limit)
