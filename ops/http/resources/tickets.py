"""Tickets: work that someone must do."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field

from ingest.queries import load_queries
from ops.http.call import Call
from ops.http.cursors import Paging
from ops.http.fields import Code, Cursor, Page, Query, RowId, View, age_s
from ops.http.permissions import GRID
from ops.http.routes import route

State = Literal["open", "closed"]
Kind = Literal["inspect", "repair", "replace", "rectify", "hand_over"]

_SQL = load_queries("ops.http.resources", "tickets.sql")
_PAGING = Paging(tuple[RowId], before="id")


class TicketQuery(Query):
    """Which tickets; filters that are left out let everything pass."""

    state: list[State] = Field(["open"], description="repeat it for both")
    kind: list[Kind] | None = Field(None, description="repeat it for several")
    equipment: Code | None = None
    grid: Code | None = Field(None, description="code of a grid; those below it are meant too")
    overdue: bool = Field(False, description="only those whose time has passed")
    limit: Annotated[int, Field(ge=1, le=500)] = 100
    after: Cursor | None = None


class Ticket(View):
    """One ticket."""

    id: int
    number: str
    kind: Kind
    equipment: str | None
    title: str
    text: str
    grid: str | None
    state: State
    due_at: datetime | None
    overdue: bool
    opened_at: datetime
    closed_at: datetime | None
    resolution: str | None
    age_s: float = Field(description="seconds since it was opened")


class TicketPage(Page):
    """One page of tickets, newest first."""

    items: list[Ticket]


def ticket_of(found: Mapping[str, Any], now: datetime) -> Ticket:
    """The ticket in a row that holds at least its columns."""
    columns = {name: found[name] for name in found if name in Ticket.model_fields}
    overdue = found["state"] == "open" and found["due_at"] is not None and found["due_at"] < now
    return Ticket.model_validate({**columns, "overdue": overdue, "age_s": age_s(found["opened_at"], now)})


@route(
    "GET",
    "/api/tickets",
    permission="tickets.read",
    scope=GRID,
    query=TicketQuery,
    returns=TicketPage,
    summary="Tickets, newest first; without filters those that are open",
)
async def list_tickets(call: Call[TicketQuery]) -> TicketPage:
    """Paged by id, so that tickets which are opened meanwhile shift nothing."""
    query, now = call.query, call.now
    params = {**call.bounds(), **query.model_dump()}
    async with call.transaction() as connection:
        page, following = await _PAGING.read(connection, _SQL["list_tickets"], params, query)
    return TicketPage(
        items=[ticket_of(one, now) for one in page],
        next=following,
    )
