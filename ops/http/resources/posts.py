"""Posts: what they belong to, what they carry, who is away and who stands in."""

from typing import Literal

from pydantic import Field

from ingest.queries import load_queries
from ops.http.call import Call
from ops.http.database import rows
from ops.http.fields import View
from ops.http.permissions import GRID
from ops.http.routes import route

LeaveKind = Literal["leave", "sick", "training", "handset_dead", "other"]

_SQL = load_queries("ops.http.resources", "posts.sql")


class Post(View):
    """A staff post, not a person."""

    code: str
    name: str
    squad: str | None
    unit: str | None
    role: str
    grid: str | None
    deputy: str | None = Field(description="code of the post that stands in when no grid names another")
    away: LeaveKind | None = Field(description="why it is away now; null when it is there")
    standing_in: str | None = Field(description="who does its duties now: itself, or who stands in; null is nobody")
    a_of: list[str] = Field(description="codes of the grids that it answers for")
    b_of: list[str] = Field(description="codes of the grids that it answers for while A is away")
    devices: list[str] = Field(description="names of what it carries now")


class PostList(View):
    """All posts of the territory."""

    items: list[Post]


@route(
    "GET",
    "/api/posts",
    permission="roster.read",
    scope=GRID,
    returns=PostList,
    summary="Posts with what they carry, and who stands in for those that are away",
)
async def list_posts(call: Call) -> PostList:
    """As it is now."""
    async with call.transaction() as connection:
        found = await rows(connection, _SQL["list_posts"], call.bounds())
    return PostList(items=[Post.model_validate(one) for one in found])
