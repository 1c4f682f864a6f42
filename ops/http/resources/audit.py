"""The audit record: who looked at whose track, who did what."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import Field, TypeAdapter

from ingest.queries import load_queries
from ops.http.call import Call
from ops.http.cursors import cut, decode_cursor
from ops.http.database import rows
from ops.http.fields import Code, Cursor, Moment, Page, Query, RowId, View
from ops.http.permissions import GRID
from ops.http.routes import route

_SQL = load_queries("ops.http.resources", "audit.sql")
_KEY = TypeAdapter(tuple[RowId])


class AuditQuery(Query):
    """Which entries; filters that are left out let everything pass."""

    actor: Code | None = Field(None, description="name of an account")
    action: Code | None = Field(None, description="such as track.look")
    subject: Code | None = Field(None, description="such as the name of a device")
    since: Moment | None = None
    until: Moment | None = None
    limit: Annotated[int, Field(ge=1, le=500)] = 100
    after: Cursor | None = None


class AuditEntry(View):
    """One entry; nobody can change or take away one."""

    id: int
    at: datetime
    actor: str
    action: str
    subject: str
    detail: dict[str, Any]


class AuditPage(Page):
    """One page of the record, newest first."""

    items: list[AuditEntry]


@route(
    "GET",
    "/api/audit",
    permission="audit.read",
    scope=GRID,
    query=AuditQuery,
    returns=AuditPage,
    summary="Who looked at whose track, and who did what, newest first",
)
async def list_audit(call: Call[AuditQuery]) -> AuditPage:
    """Accounts of the whole site only."""
    query = call.query
    before = decode_cursor(query.after, _KEY)[0] if query.after else None
    params = {**call.bounds(), **query.model_dump(), "before": before, "limit": query.limit + 1}
    async with call.transaction() as connection:
        found = await rows(connection, _SQL["list_audit"], params)
    page, following = cut(found, limit=query.limit, key=lambda one: [one["id"]])
    return AuditPage(
        items=[AuditEntry.model_validate(one) for one in page],
        next=following,
    )
