"""Holidays: days of rest, and weekend days that are worked in their stead."""

from datetime import date, datetime, timedelta
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from ops.http.call import Call
from ops.http.errors import not_found
from ops.http.fields import Body, Moment, Path, Query, View
from ops.http.permissions import NO_SCOPE, SIGNED_IN
from ops.http.resources.rounds import Day
from ops.http.routes import route
from ops.town.holidays import end_holiday, holidays, set_holiday


class HolidayQuery(Query):
    """Which days."""

    since: Day | None = Field(None, description="the first day; without it a month ago")
    until: Day | None = Field(None, description="the last day; without it in a year")


class HolidayPath(Path):
    """Which day."""

    id: Day = Field(description="a date at the site, such as 2026-10-01")


class HolidayMoment(Query):
    """From when on."""

    valid_from: Moment | None = Field(None, description="since when it has been a day like others; without it from now")


class HolidaySetting(Body):
    """What a day is."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True)]
    kind: Literal["rest", "work"] = Field(description="rest, or a weekend day that is worked in its stead")
    valid_from: Moment | None = Field(
        None, description="since when it is so; without it always, or from now on when it was another kind of holiday"
    )


class Holiday(View):
    """One day."""

    day: date
    name: str
    kind: Literal["rest", "work"]
    valid_from: datetime


class HolidayList(View):
    """Days in their order."""

    items: list[Holiday]


@route(
    "GET",
    "/api/holidays",
    permission=SIGNED_IN,
    scope=NO_SCOPE,
    query=HolidayQuery,
    returns=HolidayList,
    summary="Days of rest, and weekend days that are worked in their stead",
)
async def list_holidays(call: Call[HolidayQuery]) -> HolidayList:
    """Those in force now."""
    since = call.query.since or call.now.date() - timedelta(days=31)
    until = call.query.until or call.now.date() + timedelta(days=366)
    async with call.transaction() as connection:
        found = await holidays(connection, since=since, until=until)
    return HolidayList(items=[Holiday.model_validate(one) for one in found])


@route(
    "PUT",
    "/api/holidays/{id}",
    permission="holidays.act",
    scope=NO_SCOPE,
    params=HolidayPath,
    body=HolidaySetting,
    returns=HolidayList,
    summary="Say that a day is a holiday, or is worked in the stead of one",
)
async def put_holiday(call: Call[None, HolidaySetting, HolidayPath]) -> HolidayList:
    """Recorded; shifts that ask for holidays are planned anew, and corrected where the day is over."""
    day, body = call.params.id, call.body
    async with call.transaction() as connection:
        await set_holiday(
            connection,
            day,
            name=body.name,
            kind=body.kind,
            actor=call.viewer.name,
            now=call.now,
            since=body.valid_from,
        )
        found = await holidays(connection, since=day, until=day)
    return HolidayList(items=[Holiday.model_validate(one) for one in found])


@route(
    "DELETE",
    "/api/holidays/{id}",
    permission="holidays.act",
    scope=NO_SCOPE,
    params=HolidayPath,
    query=HolidayMoment,
    returns=HolidayList,
    summary="Say that a day is one like others",
)
async def delete_holiday(call: Call[HolidayMoment, None, HolidayPath]) -> HolidayList:
    """Recorded, and planned anew like every change."""
    day = call.params.id
    async with call.transaction() as connection:
        gone = await end_holiday(connection, day, actor=call.viewer.name, now=call.now, since=call.query.valid_from)
        if not gone:
            raise not_found(f"holiday {day}")
        found = await holidays(connection, since=day, until=day)
    return HolidayList(items=[Holiday.model_validate(one) for one in found])
