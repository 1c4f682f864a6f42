"""Evidence as it is drawn on a map: the circle or the line of the duty, what each device showed, and what proves it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field, ValidationError

from ops.http.fields import View
from ops.http.positions import flag_words
from rules.core.coverage import Way


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


class DrawnPlace(View):
    """Degrees WGS-84."""

    lat: float
    lon: float


class DrawnStretch(View):
    """A part of a line, by its corners."""

    from_m: float = Field(description="from the beginning of the line")
    to_m: float
    covered: bool = Field(description="whether it was walked")
    points: list[DrawnPlace]


class DrawnLine(View):
    """A line that had to be walked: its stretches one after the other, walked ones and others."""

    corridor_m: float = Field(description="being this near to it is being on it")
    length_m: float
    share_pct: float = Field(description="of its length that is enough")
    covered_pct: float
    stretches: list[DrawnStretch]


class Drawing(View):
    """What an alert rests on, to be drawn: a circle or a line."""

    circle: DrawnCircle | None
    line: DrawnLine | None = None
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


class _Line(BaseModel):
    points: list[tuple[float, float]] = Field(min_length=2)
    corridor_m: float
    length_m: float
    share_pct: float


class _Stretch(BaseModel):
    from_m: float
    to_m: float


class _Walked(BaseModel):
    """The evidence of a line."""

    line: _Line
    window: tuple[datetime, datetime]
    covered_pct: float
    covered: list[_Stretch]
    uncovered: list[tuple[float, float]]


class _Evidence(BaseModel):
    place: DrawnCircle
    window: tuple[datetime, datetime]
    visit: _Visit | None
    devices: list[_Device]


def drawing_of(evidence: Mapping[str, Any] | None) -> Drawing | None:
    """The drawing of stored evidence; None when it shows no place."""
    if evidence is not None and "line" in evidence:
        return _walked(evidence)
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


def _walked(evidence: Mapping[str, Any]) -> Drawing | None:
    try:
        stored = _Walked.model_validate(evidence)
    except ValidationError:
        return None
    way = Way(tuple(stored.line.points))
    parts = [(it.from_m, it.to_m, True) for it in stored.covered] + [(a, b, False) for a, b in stored.uncovered]
    stretches = [
        DrawnStretch(
            from_m=a,
            to_m=b,
            covered=covered,
            points=[DrawnPlace(lat=lat, lon=lon) for lat, lon in way.part(a, b)],
        )
        for a, b, covered in sorted(parts)
    ]
    since, until = stored.window
    line = DrawnLine(
        corridor_m=stored.line.corridor_m,
        length_m=stored.line.length_m,
        share_pct=stored.line.share_pct,
        covered_pct=stored.covered_pct,
        stretches=stretches,
    )
    return Drawing(circle=None, line=line, since=since, until=until, visit=None, tracks=[])


def _point(fix: _Fix) -> DrawnPoint:
    return DrawnPoint(**fix.model_dump(exclude={"flags"}), flags=flag_words(fix.flags))


def _visit(visit: _Visit, tracks: list[DrawnTrack]) -> DrawnVisit:
    points = [point for track in tracks if track.device == visit.device for point in track.points]
    proof = [point for point in points if point.time == visit.at][:1]
    if not proof:  # between two fixes, both of which evidence keeps
        proof = [point for point in points if point.time < visit.at][-1:]
        proof += [point for point in points if point.time > visit.at][:1]
    return DrawnVisit(**visit.model_dump(), points=proof)
