"""Custody: who carries which handset or radio from when to when; handed over, given back, put right afterwards."""

from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any, Literal

from pydantic import Field

from ingest.database import Connection
from ingest.queries import load_queries
from ops.http.acts import acting, record
from ops.http.call import Call
from ops.http.cursors import Paging
from ops.http.fields import Body, Code, Cursor, Moment, Page, Query, RowId, View
from ops.http.permissions import GRID
from ops.http.routes import route
from ops.http.within import check_within
from rules import roster
from rules.roster import CustodyChange

_SQL = load_queries("ops.http.resources", "custody.sql")
_PAGING = Paging(tuple[Moment, RowId], before_at="valid_from", before_id="id")


class CustodyQuery(Query):
    """Which spells; filters that are left out let everything pass."""

    device: Code | None = None
    holder: Code | None = Field(None, description="code of a post, a unit or a piece of equipment")
    since: Moment | None = Field(None, description="only those that last beyond this")
    until: Moment | None = Field(None, description="only those that begin before this")
    limit: Annotated[int, Field(ge=1, le=500)] = 200
    after: Cursor | None = None


class Giving(Body):
    """What is given to whom."""

    device: Code
    holder: Code = Field(description="code of a post, a unit or a piece of equipment")
    at: Moment | None = Field(None, description="from then on; without it now")
    until: Moment | None = Field(None, description="without it until it is given back")
    hand_over: bool = Field(False, description="whoever has it gives it up at that moment")


class Taking(Body):
    """What is given back."""

    device: Code
    at: Moment | None = Field(None, description="without it now")


class CustodyCorrection(Body):
    """What was so in a time."""

    device: Code
    holder: Code | None = Field(description="who had it; null is nobody")
    valid_from: Moment
    valid_to: Moment | None = Field(description="null is until it is given back")


class Custody(View):
    """A spell in which somebody holds a device."""

    id: int
    device: str
    device_kind: str
    holder_kind: Literal["post", "unit", "equipment"]
    holder: str
    valid_from: datetime
    valid_to: datetime | None
    changed_by: str | None = Field(description="who handed it over or put it right; null is the town's files")


class CustodyPage(Page):
    """One page of spells, those that begin last first."""

    items: list[Custody]


class CustodyChanged(View):
    """What a change came to."""

    items: list[Custody] = Field(description="the device's spells as they are now, those that begin last first")
    judged_again: int = Field(description="duties that are judged anew for it")
    kept: int = Field(description="duties that keep their verdict, because their readings are no longer stored")


async def _spells(connection: Connection, query: CustodyQuery, bounds: dict[str, object]) -> CustodyPage:
    params = {**bounds, **query.model_dump()}
    page, following = await _PAGING.read(connection, _SQL["list_custody"], params, query)
    return CustodyPage(items=[Custody.model_validate(one) for one in page], next=following)


async def _done(
    call: Call[Any, Any, Any], connection: Connection, action: str, change: CustodyChange, bounds: dict[str, object]
) -> CustodyChanged:
    await record(connection, actor=call.viewer.name, action=action, subject=change.device, detail=change.detail)
    spells = await _spells(connection, CustodyQuery(device=change.device), bounds)
    return CustodyChanged(items=spells.items, judged_again=change.judged.again, kept=change.judged.kept)


@route(
    "GET",
    "/api/custody",
    permission="roster.read",
    scope=GRID,
    query=CustodyQuery,
    returns=CustodyPage,
    summary="Who holds which device from when to when",
)
async def list_custody(call: Call[CustodyQuery]) -> CustodyPage:
    """Those that begin last first; a spell of a holder elsewhere is left out."""
    async with call.transaction() as connection:
        return await _spells(connection, call.query, call.bounds())


@route(
    "POST",
    "/api/custody/give",
    permission="roster.act",
    scope=GRID,
    body=Giving,
    returns=CustodyChanged,
    problems=[HTTPStatus.CONFLICT],
    summary="Give a device to a post, a unit or a piece of equipment, or hand it over",
)
async def give_device(call: Call[None, Giving]) -> CustodyChanged:
    """409 when somebody else holds it then and it is not handed over."""
    body, bounds = call.body, call.bounds()
    async with call.transaction() as connection:
        await check_within(connection, "device", body.device, bounds)
        await check_within(connection, "holder", body.holder, bounds)
        with acting():
            change = await roster.give(
                connection,
                body.device,
                holder=body.holder,
                at=body.at or call.now,
                until=body.until,
                hand_over=body.hand_over,
                actor=call.viewer.name,
                now=call.now,
            )
        return await _done(call, connection, "custody.give", change, bounds)


@route(
    "POST",
    "/api/custody/take",
    permission="roster.act",
    scope=GRID,
    body=Taking,
    returns=CustodyChanged,
    problems=[HTTPStatus.CONFLICT],
    summary="Take a device back from whoever holds it",
)
async def take_device(call: Call[None, Taking]) -> CustodyChanged:
    """409 when nobody holds it."""
    body, bounds = call.body, call.bounds()
    async with call.transaction() as connection:
        await check_within(connection, "device", body.device, bounds)
        with acting():
            change = await roster.take(
                connection, body.device, at=body.at or call.now, actor=call.viewer.name, now=call.now
            )
        return await _done(call, connection, "custody.take", change, bounds)


@route(
    "POST",
    "/api/custody/correct",
    permission="roster.act",
    scope=GRID,
    body=CustodyCorrection,
    returns=CustodyChanged,
    problems=[HTTPStatus.CONFLICT],
    summary="Put the record right: who held a device within a time; what it concerns is judged again",
)
async def correct_custody(call: Call[None, CustodyCorrection]) -> CustodyChanged:
    """Spells that lie partly in that time are cut, those that lie in it are replaced."""
    body, bounds = call.body, call.bounds()
    async with call.transaction() as connection:
        await check_within(connection, "device", body.device, bounds)
        await check_within(connection, "holder", body.holder, bounds)
        with acting():
            change = await roster.correct(
                connection,
                body.device,
                holder=body.holder,
                start=body.valid_from,
                end=body.valid_to,
                actor=call.viewer.name,
                now=call.now,
            )
        return await _done(call, connection, "custody.correct", change, bounds)
