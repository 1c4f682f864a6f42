"""Tracks: where a device was. Each look is recorded, in the transaction that answers it."""

from datetime import datetime, timedelta
from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints

from devices.identity import DEVICE_NAME
from ingest.queries import load_queries
from ops.http.acts import record
from ops.http.call import Call
from ops.http.cursors import Paging
from ops.http.database import row
from ops.http.errors import Finding, invalid, not_found
from ops.http.fields import Cursor, Moment, Page, Path, Query, Text, View
from ops.http.permissions import GRID
from ops.http.positions import flag_words
from ops.http.routes import route

DEFAULT_SPAN = timedelta(hours=1)  # a look without a time is at what just happened
SHORTEST_PURPOSE = 4  # characters: four of Chinese say something
DIFFERENT = 3  # of them, so that holding a key down says nothing
Int4 = Annotated[int, Field(ge=-(2**31), le=2**31 - 1)]

_SQL = load_queries("ops.http.resources", "tracks.sql")
_PAGING = Paging(tuple[Moment, Int4], past_time="time", past_digest="digest")


def _says_something(purpose: str) -> str:
    said = purpose.strip()
    if len(said) < SHORTEST_PURPOSE or len(set(said)) < DIFFERENT or not any(letter.isalnum() for letter in said):
        raise ValueError(
            f"must say in at least {SHORTEST_PURPOSE} characters why you look; it is recorded, and who carried the "
            "device can read it"
        )
    return said


Purpose = Annotated[Text, AfterValidator(_says_something)]


class TrackQuery(Query):
    """Which part of the track, and what for."""

    from_: Moment | None = Field(None, alias="from", description="at or after; without it an hour before `to`")
    to: Moment | None = Field(None, description="before; without it now")
    limit: Annotated[int, Field(ge=1, le=10_000)] = 1000
    after: Cursor | None = None
    purpose: Purpose = Field(
        description="why you look, in at least four characters; who carried the device can read it"
    )


class DevicePath(Path):
    """Which device."""

    id: Annotated[str, StringConstraints(pattern=f"^{DEVICE_NAME.pattern}$")]


class Point(View):
    """One position. Degrees WGS-84."""

    time: datetime
    lat: float
    lon: float
    accuracy_m: float | None
    speed_mps: float | None
    heading_deg: float | None
    altitude_m: float | None
    battery_pct: int | None
    flags: list[str]
    grid: str | None
    boot: int | None
    seq: int | None
    received_at: datetime


class Track(Page):
    """Positions of one device in order of time."""

    device: str
    since: datetime
    until: datetime
    items: list[Point]


@route(
    "GET",
    "/api/devices/{id}/track",
    permission="tracks.read",
    scope=GRID,
    params=DevicePath,
    query=TrackQuery,
    returns=Track,
    summary="Where a device was; the look is recorded",
)
async def read_track(call: Call[TrackQuery, None, DevicePath]) -> Track:
    """A device that is unknown, and one that never was in the viewer's reach, are both not there."""
    query, name, bounds = call.query, call.params.id, call.bounds()
    until = query.to or call.now
    since = query.from_ or until - DEFAULT_SPAN
    if since >= until:
        raise invalid("from must lie before to", Finding("query.from", "must lie before to"))
    async with call.transaction() as connection:
        device = await row(connection, _SQL["find_device"], {**bounds, "name": name})
        if device is None:
            raise not_found(f"device {name}")
        params = {**bounds, "device": device["number"], "since": since, "until": until}
        page, following = await _PAGING.read(connection, _SQL["read_track"], params, query)
        if not page and (bounds["own"] or not device["here"]):
            raise not_found(f"device {name}")
        await record(
            connection,
            actor=call.viewer.name,
            action="track.look",
            subject=name,
            detail={
                "from": since.isoformat(),
                "to": until.isoformat(),
                "rows": len(page),
                "purpose": query.purpose,
                "address": call.request.remote,
            },
        )
    return Track(
        device=name,
        since=since,
        until=until,
        items=[
            Point.model_validate({key: one[key] for key in Point.model_fields} | {"flags": flag_words(one["flags"])})
            for one in page
        ],
        next=following,
    )
