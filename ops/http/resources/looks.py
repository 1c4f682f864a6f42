"""Looks at tracks, for those who were looked at and for auditors: who, at which device, when and why."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from pydantic import Field

from ingest.queries import load_queries
from ops.http.call import Call
from ops.http.cursors import Paging
from ops.http.fields import Code, Cursor, Moment, Page, Query, RowId, View
from ops.http.permissions import GRID
from ops.http.routes import route

_SQL = load_queries("ops.http.resources", "looks.sql")
_PAGING = Paging(tuple[RowId], before="id")


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


async def _page(call: Call[Any], statement: bytes, params: Mapping[str, object]) -> LookPage:
    async with call.transaction() as connection:
        page, following = await _PAGING.read(connection, statement, params, call.query)
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
    return await _page(call, _SQL["list_my_looks"], call.bounds())


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
    return await _page(call, _SQL["list_looks"], {**call.bounds(), **call.query.model_dump()})
