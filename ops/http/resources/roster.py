"""The roster: a matrix of base grids and time slots with who is named, for a day or a week."""

from datetime import date, datetime
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from annotated_types import Ge, Lt
from pydantic import Field

from ingest.queries import load_queries
from ops.http.call import Call
from ops.http.database import rows
from ops.http.fields import Query, View
from ops.http.permissions import GRID
from ops.http.routes import route
from rules.core.matrix import Cell, Row, matrix, slots
from rules.store.world import snapshot

Day = Annotated[date, Ge(date(2000, 1, 2)), Lt(date(2099, 12, 20))]

_SQL = load_queries("ops.http.resources", "roster.sql")


class RosterQuery(Query):
    """Which days, in how large slots."""

    day: Day | None = Field(None, description="the site's date on which it begins; without it today")
    days: Annotated[int, Field(ge=1, le=7)] = 1
    slot_h: Literal["1", "2", "3", "4", "6", "8", "12", "24"] = Field("2", description="hours of a slot")


class RosterSlot(View):
    """A slot of the site's clock."""

    starts_at: datetime
    ends_at: datetime


class RosterName(View):
    """Somebody who is out in a grid by some plan."""

    post: str | None = Field(description="null when the unit has no posts")
    unit: str
    instead_of: str | None = Field(description="the post that is away and for which it stands in")
    plan: str = Field(description="code of the shift or of the static post")


class RosterCell(View):
    """A grid in a slot."""

    state: Literal["named", "thin", "answering", "nobody"] = Field(
        description="named; thin: fewer posts than the grade asks for; answering: nobody out in a part of the slot, "
        "but somebody answers for the grid; nobody: not even that"
    )
    out: list[RosterName]
    answering: list[str] = Field(description="codes of the posts that answer for the grid")
    gap_min: int = Field(description="minutes of the slot in which nobody is out")
    nobody_min: int = Field(description="those of them in which nobody answers for the grid either")


class RosterRow(View):
    """A base grid over all slots."""

    grid: str
    name: str
    parent: str | None
    grade: int | None
    staff: int = Field(description="posts that its grade asks for; 0 is nothing")
    a: str | None
    b: str | None
    cells: list[RosterCell] = Field(description="one for each slot")


class RosterMatrix(View):
    """Who is named for which grid when."""

    day: date
    zone: str
    slots: list[RosterSlot]
    rows: list[RosterRow]
    posts: dict[str, str] = Field(description="names of the posts by code")
    nobody: int = Field(description="cells in which nobody is named")
    thin: int


def _cell(cell: Cell) -> RosterCell:
    return RosterCell(
        state=cell.state,
        out=[RosterName(post=it.post, unit=it.unit, instead_of=it.instead_of, plan=it.plan) for it in cell.out],
        answering=list(cell.answering),
        gap_min=cell.gap_min,
        nobody_min=cell.nobody_min,
    )


def _row(found: Row) -> RosterRow:
    return RosterRow(
        grid=found.grid,
        name=found.name,
        parent=found.parent,
        grade=found.grade,
        staff=found.staff,
        a=found.a,
        b=found.b,
        cells=[_cell(it) for it in found.cells],
    )


@route(
    "GET",
    "/api/roster",
    permission="roster.read",
    scope=GRID,
    query=RosterQuery,
    returns=RosterMatrix,
    summary="Base grids by time slots: who is named, and where nobody is",
)
async def read_roster(call: Call[RosterQuery]) -> RosterMatrix:
    """With the shifts, leave and grids that hold in each slot; past days are shown as they are recorded today."""
    query, zone, bounds = call.query, call.service.settings.site.zone, call.bounds()
    day = query.day or call.now.astimezone(ZoneInfo(zone)).date()
    async with call.transaction() as connection:
        known = await snapshot(connection, zone=zone)
        within = frozenset(one["code"] for one in await rows(connection, _SQL["within"], bounds))
        names = {one["code"]: one["name"] for one in await rows(connection, _SQL["posts"], {})}
    its = slots(zone, day, days=query.days, hours=int(query.slot_h))
    found = [_row(it) for it in matrix(known.world, slots=its, grids=within)]
    cells = [cell for it in found for cell in it.cells]
    said = {code for it in cells for name in it.out for code in (name.post, name.instead_of)}
    said |= {code for it in cells for code in it.answering} | {code for it in found for code in (it.a, it.b)}
    told = sorted(code for code in said if code in names and code is not None)
    return RosterMatrix(
        day=day,
        zone=zone,
        slots=[RosterSlot(starts_at=it.start, ends_at=it.end) for it in its],
        rows=found,
        posts={code: names[code] for code in told},
        nobody=sum(it.state == "nobody" for it in cells),
        thin=sum(it.state == "thin" for it in cells),
    )
