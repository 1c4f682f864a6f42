"""The shift calendar: which unit walks which route in which shift; changed from a moment on, in the past as well."""

from datetime import datetime, time
from http import HTTPStatus
from typing import Annotated, Literal

from pydantic import Field

from ingest.database import Connection
from ingest.queries import load_queries
from ops.http.acts import acting, record
from ops.http.call import Call
from ops.http.database import rows
from ops.http.fields import Body, Code, Moment, Query, View
from ops.http.permissions import GRID
from ops.http.routes import route
from ops.http.within import check_within
from rules.shifts import MAX_ROUND_MIN, MAX_ROUNDS, MIN_ROUND_MIN, ShiftKey, ShiftPlan, end_shift, set_shift

WeekDay = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
Mode = Literal["constant", "seasonal", "targeted", "random"]
Holidays = Literal["as_usual", "skip", "only"]
Clock = Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$", description="local time of the site, such as 20:00")]

_SQL = load_queries("ops.http.resources", "shifts.sql")


class ShiftQuery(Query):
    """Which lines of the calendar."""

    unit: Code | None = None
    at: Moment | None = Field(None, description="those in force then or later; without it now")


class ShiftLine(View):
    """A unit walks a route in a shift."""

    code: str
    name: str
    unit: str
    route: str
    days: list[WeekDay] = Field(description="on which it starts")
    starts: time
    ends: time = Field(description="not after `starts`: on the next day")
    rounds: int
    mode: Mode
    first_day: str | None
    last_day: str | None
    round_min: int | None
    holidays: Holidays
    valid_from: datetime
    valid_to: datetime | None


class ShiftList(View):
    """The shift calendar."""

    items: list[ShiftLine]


class ShiftSetting(Body):
    """What a line of the calendar says from a moment on."""

    code: Code
    unit: Code
    route: Code
    name: Code | None = Field(None, description="without it the code")
    days: list[WeekDay] = Field(min_length=1)
    starts: Clock
    ends: Clock
    rounds: Annotated[int, Field(ge=1, le=MAX_ROUNDS)]
    mode: Mode = "constant"
    first_day: Code | None = Field(None, description="such as 11-15 when seasonal, 2026-11-15 when targeted")
    last_day: Code | None = None
    round_min: Annotated[int, Field(ge=MIN_ROUND_MIN, le=MAX_ROUND_MIN)] | None = None
    holidays: Holidays = "as_usual"
    valid_from: Moment | None = Field(None, description="without it from now on; it may lie in the past")


class ShiftEnding(Body):
    """Which line of the calendar ends, and when."""

    code: Code
    unit: Code
    route: Code
    at: Moment | None = Field(None, description="without it now")


async def _list(connection: Connection, bounds: dict[str, object], *, unit: str | None, at: datetime) -> ShiftList:
    found = await rows(connection, _SQL["list_shifts"], {**bounds, "unit": unit, "at": at})
    return ShiftList(items=[ShiftLine.model_validate(one) for one in found])


@route(
    "GET",
    "/api/shifts",
    permission="roster.read",
    scope=GRID,
    query=ShiftQuery,
    returns=ShiftList,
    summary="The shift calendar: which unit walks which route when",
)
async def list_shifts(call: Call[ShiftQuery]) -> ShiftList:
    """Versions in force and those to come."""
    async with call.transaction() as connection:
        return await _list(connection, call.bounds(), unit=call.query.unit, at=call.query.at or call.now)


@route(
    "POST",
    "/api/shifts",
    permission="roster.act",
    scope=GRID,
    body=ShiftSetting,
    returns=ShiftList,
    problems=[HTTPStatus.CONFLICT],
    summary="Make or change a line of the shift calendar from a moment on; rounds are planned anew",
)
async def change_shift(call: Call[None, ShiftSetting]) -> ShiftList:
    """Answers with the unit's lines."""
    body, bounds = call.body, call.bounds()
    key = ShiftKey(code=body.code, unit=body.unit, route=body.route)
    plan = ShiftPlan(
        name=body.name or body.code,
        days=tuple(body.days),
        starts=time.fromisoformat(body.starts),
        ends=time.fromisoformat(body.ends),
        rounds=body.rounds,
        mode=body.mode,
        first_day=body.first_day,
        last_day=body.last_day,
        round_min=body.round_min,
        holidays=body.holidays,
    )
    async with call.transaction() as connection:
        await check_within(connection, "unit", body.unit, bounds)
        with acting():
            detail = await set_shift(connection, key, plan, since=body.valid_from or call.now)
        await record(connection, actor=call.viewer.name, action="shift.set", subject=body.code, detail=detail)
        return await _list(connection, bounds, unit=body.unit, at=call.now)


@route(
    "POST",
    "/api/shifts/end",
    permission="roster.act",
    scope=GRID,
    body=ShiftEnding,
    returns=ShiftList,
    problems=[HTTPStatus.CONFLICT],
    summary="End a line of the shift calendar; its rounds after that are no longer planned",
)
async def stop_shift(call: Call[None, ShiftEnding]) -> ShiftList:
    """Answers with the unit's lines."""
    body, bounds = call.body, call.bounds()
    key = ShiftKey(code=body.code, unit=body.unit, route=body.route)
    async with call.transaction() as connection:
        await check_within(connection, "unit", body.unit, bounds)
        with acting():
            detail = await end_shift(connection, key, at=body.at or call.now)
        await record(connection, actor=call.viewer.name, action="shift.end", subject=body.code, detail=detail)
        return await _list(connection, bounds, unit=body.unit, at=call.now)
