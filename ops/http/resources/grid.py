"""One grid: its posts, its neighbours, its history, and changes of it."""

import asyncio
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field

from ingest.database import Connection
from ingest.queries import load_queries
from ops.http.call import Call
from ops.http.database import row, rows
from ops.http.errors import invalid, not_found
from ops.http.fields import Body, Code, Moment, Path, Query, Text, View
from ops.http.permissions import GRID
from ops.http.resources.grids import GridProperties
from ops.http.routes import route
from ops.town.adjacency import neighbours
from ops.town.edits import KEEP, GridEdit, edit_grid
from ops.town.errors import GridEditError
from ops.town.laying import areas_of
from ops.town.topology import leaves

Slot = Literal["A", "B"]

_SQL = load_queries("ops.http.resources", "grid.sql")


class GridPath(Path):
    """Which grid."""

    id: Code = Field(description="its code")


class GridMoment(Query):
    """As of when."""

    at: Moment | None = Field(None, description="the territory of that time; without it now")


class GridAnswerer(View):
    """Who answers for a grid."""

    slot: Slot
    post: str
    name: str | None = Field(description="null when the post is not in force: the slot is vacant then")


class GridPolicy(View):
    """What the grade asks for on each shift, at least."""

    rounds: int
    staff: int
    severity: str | None


class GridNeighbour(View):
    """A grid on the other side of a border."""

    code: str
    name: str
    border_m: float


class GridVersion(View):
    """What a grid was for a time; `valid_to` null is in force."""

    name: str
    grade: int | None
    parent: str | None
    level: int
    valid_from: datetime
    valid_to: datetime | None


class GridPostVersion(View):
    """Who answered for it for a time."""

    slot: Slot
    post: str
    valid_from: datetime
    valid_to: datetime | None


class GridChange(View):
    """One change made by hand, from the audit record."""

    at: datetime
    actor: str
    detail: dict[str, Any]


class GridDetail(GridProperties):
    """One grid with all that is known of it."""

    valid_from: datetime
    valid_to: datetime | None
    posts: list[GridAnswerer]
    vacant: list[Slot]
    policy: GridPolicy | None = Field(description="what its grade asks for; null when that is nothing")
    neighbours: list[GridNeighbour] = Field(description="of its hierarchy, the longest border first")
    ground: list[str] = Field(description="patrol base grids on its ground; of another hierarchy than patrol only")
    history: list[GridVersion]
    post_history: list[GridPostVersion]
    changes: list[GridChange]


class GridEditing(Body):
    """What is to change; what is left out stays."""

    name: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    grade: Annotated[int, Field(ge=1, le=4)] | None = Field(None, description="null takes it away")
    posts: dict[Slot, Code | None] = Field(default_factory=dict, description="null leaves the slot vacant")
    valid_from: Moment | None = Field(None, description="not in the future; without it now")
    valid_to: Moment | None = Field(None, description="exclusive; without it for good")
    note: Text = Field("", description="why; it is recorded")


@route(
    "GET",
    "/api/grids/{id}",
    permission="grids.read",
    scope=GRID,
    params=GridPath,
    query=GridMoment,
    returns=GridDetail,
    summary="One grid with posts, neighbours and history",
)
async def read_grid(call: Call[GridMoment, None, GridPath]) -> GridDetail:
    """Of a past moment, when asked: last Tuesday's territory."""
    async with call.transaction() as connection:
        return await _detail(connection, call.params.id, call.bounds(), at=call.query.at or call.now)


@route(
    "PATCH",
    "/api/grids/{id}",
    permission="grids.act",
    scope=GRID,
    params=GridPath,
    body=GridEditing,
    returns=GridDetail,
    summary="Change a grid's grade, name or posts, from now on or for a span of the past",
)
async def change_grid(call: Call[None, GridEditing, GridPath]) -> GridDetail:
    """Dated, recorded, and judged again: the plan is made anew within seconds."""
    body, code = call.body, call.params.id
    if body.model_fields_set.issuperset({"name"}) and body.name is None:
        raise invalid("a grid must have a name")
    edit = GridEdit(
        name=body.name if body.name is not None else KEEP,
        grade=body.grade if "grade" in body.model_fields_set else KEEP,
        posts={str(slot): post for slot, post in body.posts.items()},
        since=body.valid_from or call.now,
        until=body.valid_to,
        note=body.note,
    )
    bounds = call.bounds()
    async with call.transaction() as connection:
        await _found(connection, code, bounds, at=call.now)
        try:
            await edit_grid(connection, code, edit, actor=call.viewer.name, now=call.now)
        except GridEditError as error:
            raise invalid(str(error)) from None
        return await _detail(connection, code, bounds, at=call.now)


async def _found(connection: Connection, code: str, bounds: dict[str, object], *, at: datetime) -> dict[str, Any]:
    found = await row(connection, _SQL["find_grid"], {**bounds, "code": code, "at": at})
    if found is None:
        raise not_found(f"grid {code}")
    return found


async def _detail(connection: Connection, code: str, bounds: dict[str, object], *, at: datetime) -> GridDetail:
    found = await _found(connection, code, bounds, at=at)
    this = {"code": code, "at": at, "grade": found["grade"]}
    posts = await rows(connection, _SQL["posts"], this)
    named = {one["slot"] for one in posts if one["name"] is not None}
    parts: dict[str, Any] = {
        "posts": posts,
        "vacant": [slot for slot in ("A", "B") if slot not in named] if found["base"] else [],
        "policy": await row(connection, _SQL["policy"], this),
        "ground": [one["ground"] for one in await rows(connection, _SQL["ground"], this)],
        "history": await rows(connection, _SQL["history"], this),
        "post_history": await rows(connection, _SQL["post_history"], this),
        "changes": await rows(connection, _SQL["changes"], this),
        "neighbours": await _neighbours(connection, found, at=at),
    }
    return GridDetail.model_validate({**found, **parts})


async def _neighbours(connection: Connection, grid: dict[str, Any], *, at: datetime) -> list[GridNeighbour]:
    """Base grids border on base grids, others on those of their own level."""
    areas = [area for area in await areas_of(connection, at=at) if area.hierarchy == grid["hierarchy"]]
    same = leaves(areas) if grid["base"] else [area for area in areas if area.level == grid["level"]]
    this = next(area for area in areas if area.code == grid["code"])
    found = await asyncio.to_thread(neighbours, this, same)
    return [GridNeighbour(code=it.code, name=it.name, border_m=it.border_m) for it in found]
