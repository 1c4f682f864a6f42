"""The territory at a glance: who answers for each base grid, what its grade asks for, and what is wanting."""

from pydantic import Field

from ingest.queries import load_queries
from ops.http.call import Call
from ops.http.database import rows
from ops.http.fields import View
from ops.http.permissions import GRID
from ops.http.routes import route
from rules.core.territory import GridStand, stands
from rules.store.world import snapshot

_SQL = load_queries("ops.http.resources", "territory.sql")


class ShiftStaff(View):
    """Who walks through a grid on one shift."""

    shift: str
    posts: list[str] = Field(description="codes of the posts of the units that walk through it")
    rounds: int
    short: bool = Field(description="fewer posts than the grade asks for")


class TerritoryGrid(View):
    """A base grid and who answers for it."""

    code: str
    name: str
    parent: str | None
    grade: int | None = Field(description="its own, or that of the grid above")
    post_a: str | None
    post_b: str | None
    vacant: list[str] = Field(description="A, B, both or none; a slot whose post is not in force is vacant too")
    rounds_asked: int | None = Field(description="by its grade on each shift; null when it asks for nothing")
    staff_asked: int | None
    severity: str | None
    staff: list[ShiftStaff]


class Hierarchy(View):
    """One division of the ground."""

    name: str
    grids: int
    base: int


class Territory(View):
    """The viewer's territory."""

    items: list[TerritoryGrid] = Field(description="patrol base grids, by code")
    vacant_a: int
    vacant_b: int
    short: int = Field(description="base grids with too few posts on some shift")
    hierarchies: list[Hierarchy]


def _grid(stand: GridStand) -> TerritoryGrid:
    policy = stand.policy
    return TerritoryGrid(
        code=stand.grid.code,
        name=stand.grid.name,
        parent=stand.grid.parent,
        grade=stand.grade,
        post_a=stand.posts.get("A"),
        post_b=stand.posts.get("B"),
        vacant=list(stand.vacant),
        rounds_asked=policy.rounds if policy else None,
        staff_asked=policy.staff if policy else None,
        severity=policy.severity if policy else None,
        staff=[
            ShiftStaff(shift=it.shift, posts=list(it.posts), rounds=it.rounds, short=it.shift in stand.short)
            for it in stand.staffing
        ],
    )


@route(
    "GET",
    "/api/territory",
    permission="territory.read",
    scope=GRID,
    returns=Territory,
    summary="Base grids with grade, posts A and B, staff on each shift, and what is wanting",
)
async def read_territory(call: Call) -> Territory:
    """As it is now."""
    bounds = call.bounds()
    async with call.transaction() as connection:
        known = await snapshot(connection, zone=call.service.settings.site.zone)
        within = {one["code"] for one in await rows(connection, _SQL["within"], bounds)}
        hierarchies = await rows(connection, _SQL["hierarchies"], bounds)
    items = [_grid(stand) for stand in stands(known.world, call.now) if stand.grid.code in within]
    return Territory(
        items=items,
        vacant_a=sum("A" in it.vacant for it in items),
        vacant_b=sum("B" in it.vacant for it in items),
        short=sum(any(staff.short for staff in it.staff) for it in items),
        hierarchies=[Hierarchy.model_validate(one) for one in hierarchies],
    )
