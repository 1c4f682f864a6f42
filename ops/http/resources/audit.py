"""The audit record: who looked at whose track, who did what."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import Field

from ingest.queries import load_queries
from ops.http.call import Call
from ops.http.cursors import Paging
from ops.http.fields import Code, Cursor, Moment, Page, Query, RowId, View
from ops.http.permissions import GRID
from ops.http.routes import route

_SQL = load_queries("ops.http.resources", "audit.sql")
_PAGING = Paging(tuple[RowId], before="id")


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
    params = {**call.bounds(), **query.model_dump()}
    async with call.transaction() as connection:
        page, following = await _PAGING.read(connection, _SQL["list_audit"], params, query)
    return AuditPage(
        items=[AuditEntry.model_validate(one) for one in page],
        next=following,
    )
