"""Fire equipment: what there is, what its tag measures, which work on it is open."""

from datetime import date, datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import Field

from ingest.queries import load_queries
from ops.http.call import Call
from ops.http.cursors import Paging
from ops.http.fields import Code, Cursor, Page, Query, View
from ops.http.permissions import GRID
from ops.http.routes import route

SOON = timedelta(days=30)

_SQL = load_queries("ops.http.resources", "equipment.sql")
_PAGING = Paging(tuple[Code], past="code")


class EquipmentQuery(Query):
    """Which equipment; filters that are left out let everything pass."""

    kind: list[Code] | None = Field(None, description="such as hydrant; repeat it for several")
    grid: Code | None = Field(None, description="code of a grid; those below it are meant too")
    due: Literal["overdue", "soon"] | None = Field(
        None, description="overdue: service or scrap should have been; soon: within the next 30 days"
    )
    limit: Annotated[int, Field(ge=1, le=1000)] = 100
    after: Cursor | None = None


class OpenTicket(View):
    """Work on a piece of equipment that is to be done."""

    number: str
    kind: Literal["inspect", "repair", "replace", "rectify", "hand_over"]
    due_at: datetime | None


class Equipment(View):
    """One piece. Months are given as their first day."""

    code: str
    kind: str
    name: str
    grid: str | None
    lat: float | None
    lon: float | None
    place: str | None
    manufactured: date | None
    last_service: date | None
    next_work: Literal["service", "scrap", "unreadable"] | None = Field(
        description="what it needs next; unreadable: it has no month of manufacture and must be replaced for that"
    )
    next_due_at: datetime | None
    overdue: bool
    device: str | None = Field(description="name of the tag that watches it")
    measured: dict[str, Any] | None = Field(description="what its tag said last, with units in the names")
    measured_at: datetime | None
    battery_pct: int | None = Field(description="of its tag")
    tickets: list[OpenTicket]


class EquipmentPage(Page):
    """One page of equipment, by code."""

    items: list[Equipment]


@route(
    "GET",
    "/api/equipment",
    permission="equipment.read",
    scope=GRID,
    query=EquipmentQuery,
    returns=EquipmentPage,
    summary="Fire equipment by code, with open work and what its tags measure",
)
async def list_equipment(call: Call[EquipmentQuery]) -> EquipmentPage:
    """What is in force today."""
    query, now = call.query, call.now
    due_from, due_until = {"overdue": (None, now), "soon": (now, now + SOON), None: (None, None)}[query.due]
    params = {
        **call.bounds(),
        "kind": query.kind,
        "grid": query.grid,
        "due_from": due_from,
        "due_until": due_until,
    }
    async with call.transaction() as connection:
        page, following = await _PAGING.read(connection, _SQL["list_equipment"], params, query)
    return EquipmentPage(
        items=[
            Equipment.model_validate({**one, "overdue": one["next_due_at"] is not None and one["next_due_at"] <= now})
            for one in page
        ],
        next=following,
    )
