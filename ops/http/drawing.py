"""Evidence as it is drawn on a map: the circle that had to be reached, what each device showed, and what proves it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field, ValidationError

from ops.http.fields import View
from ops.http.positions import flag_words


class DrawnPoint(View):
    """Where a device was. Degrees WGS-84."""

    time: datetime
    lat: float
    lon: float
    accuracy_m: float | None
    distance_m: float = Field(description="from the middle of the circle")
    received_after_s: float | None = Field(description="how long after its time it came in")
    flags: list[str] = Field(description="what is odd about it, such as mock")


class DrawnCircle(View):
    """The place. Degrees WGS-84."""

    lat: float
    lon: float
    radius_m: float
    polygon: list[tuple[float, float]] | None = Field(
        None, description="latitude, longitude around the place, when it is no circle"
    )


class DrawnHole(View):
    """When a device was not seen for so long that it may have been there."""

    since: datetime
    until: datetime


class DrawnTrack(View):
    """The fixes of one device that tell most, in order of time; not all that it sent."""

    device: str
    holder: str
    fixes_in_window: int
    holes: list[DrawnHole]
    points: list[DrawnPoint]


class DrawnVisit(View):
    """What proves that somebody was there: one point, or the way between two."""

    device: str
    holder: str
    at: datetime
    received_at: datetime | None
    points: list[DrawnPoint] = Field(description="one: a fix within the circle; two: the segment that crossed it")


class Drawing(View):
    """What an alert rests on, to be drawn."""

    circle: DrawnCircle
    since: datetime = Field(description="from when it counted to be there")
    until: datetime
    visit: DrawnVisit | None
    tracks: list[DrawnTrack] = Field(description="the device that came nearest first")


class _Fix(BaseModel):
    time: datetime
    lat: float
    lon: float
    accuracy_m: float | None
    distance_m: float
    received_after_s: float | None
    flags: int


class _Device(BaseModel):
    device: str
    holder: str
    fixes_in_window: int
    holes: list[tuple[datetime, datetime]]
    fixes: list[_Fix]


class _Visit(BaseModel):
    device: str
    holder: str
    at: datetime
    received_at: datetime | None


class _Evidence(BaseModel):
    place: DrawnCircle
    window: tuple[datetime, datetime]
    visit: _Visit | None
    devices: list[_Device]


def drawing_of(evidence: Mapping[str, Any] | None) -> Drawing | None:
    """The drawing of stored evidence; None when it shows no place."""
    try:
        stored = _Evidence.model_validate(evidence)
    except ValidationError:
        return None
    tracks = [
        DrawnTrack(
            device=one.device,
            holder=one.holder,
            fixes_in_window=one.fixes_in_window,
            holes=[DrawnHole(since=since, until=until) for since, until in one.holes],
            points=[_point(fix) for fix in one.fixes],
        )
        for one in stored.devices
    ]
    since, until = stored.window
    return Drawing(
        circle=stored.place,
        since=since,
        until=until,
        visit=_visit(stored.visit, tracks) if stored.visit else None,
        tracks=tracks,
    )


def _point(fix: _Fix) -> DrawnPoint:
    return DrawnPoint(**fix.model_dump(exclude={"flags"}), flags=flag_words(fix.flags))


def _visit(visit: _Visit, tracks: list[DrawnTrack]) -> DrawnVisit:
    points = [point for track in tracks if track.device == visit.device for point in track.points]
    proof = [point for point in points if point.time == visit.at][:1]
    if not proof:  # between two fixes, both of which evidence keeps
        proof = [point for point in points if point.time < visit.at][-1:]
        proof += [point for point in points if point.time > visit.at][:1]
    return DrawnVisit(**visit.model_dump(), points=proof)
