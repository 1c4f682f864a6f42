"""Short stories for tests: metres east and north of 30 N 111 E, minutes from 08:00 in Shanghai on 2026-11-21."""

from collections.abc import Iterable
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zlib import crc32

from devices.geometry import M_PER_DEG
from rules.catalog import catalog, settings_models
from rules.core.dated import END_OF_TIME, Book
from rules.core.duties import Duty, Judgement
from rules.core.equipment import Custody, Device
from rules.core.fixes import PACES, Fix, Span
from rules.core.grids import Grid
from rules.core.plans import Checkpoint, Route, Shift
from rules.core.presence import Tracked
from rules.core.scans import Scan
from rules.core.staff import Post, Unit
from rules.core.world import World
from rules.facts import Case, IncidentFacts, Planning
from rules.replies import Planned
from rules.rule import DutyRule
from rules.settings import SettingRow, SettingsBook

EIGHT = datetime(2026, 11, 21, 0, 0, tzinfo=UTC)
ALWAYS = datetime(2000, 1, 1, tzinfo=UTC)
ALL_DAYS = frozenset(range(7))


def at(minute: float) -> datetime:
    """So many minutes after 08:00."""
    return EIGHT + timedelta(minutes=minute)


def place(east_m: float, north_m: float) -> tuple[float, float]:
    """Degrees."""
    return 30 + north_m / M_PER_DEG, 111 + east_m / (M_PER_DEG * 0.8660254037844387)


def fix(
    minute: float,
    east_m: float,
    north_m: float = 0.0,
    *,
    accuracy_m: float | None = 6.0,
    flags: int = 0,
    received: float | None = None,
) -> Fix:
    """A fix; received at once unless said otherwise."""
    lat, lon = place(east_m, north_m)
    return Fix(
        time=at(minute),
        digest=crc32(repr((minute, east_m, north_m, accuracy_m, flags)).encode()),
        lat=lat,
        lon=lon,
        accuracy_m=accuracy_m,
        flags=flags,
        received_at=at(minute if received is None else received),
    )


def walk(start: float, end: float, east_m: float, north_m: float = 0.0, *, step: float = 0.5, **more: Any) -> list[Fix]:
    """Standing at one place, a fix each half minute."""
    count = round((end - start) / step)
    return [fix(start + index * step, east_m, north_m, **more) for index in range(count + 1)]


def tracked(fixes: Iterable[Fix], *, device: str = "H-03", kind: str = "foot", spell: Span | None = None) -> Tracked:
    """A device that the unit held all the time, unless a spell is given."""
    return Tracked(
        device=device,
        kind="handset",
        holder="U-1",
        spells=(spell or Span(ALWAYS, END_OF_TIME),),
        fixes=tuple(fixes),
        pace=PACES[kind],
    )


def world(**more: Any) -> World:
    """One unit U-1 with handset H-03 and radio R-01 at post P-1, C-1 at the middle, C-2 500 m east of it."""
    since: dict[str, Any] = {"valid_from": ALWAYS}
    everything: dict[str, Any] = {
        "grids": Book(
            [
                Grid(code="K-1", name="Community", level=2, parent=None, grade=None, **since),
                Grid(code="G-1", name="Grid one", level=3, parent="K-1", grade=1, **since),
                Grid(code="G-3", name="Grid three", level=3, parent="K-1", grade=3, **since),
            ]
        ),
        "units": Book([Unit(code="U-1", name="Unit", kind="foot", **since)]),
        "posts": Book([Post(code="P-1", name="Post", unit="U-1", grid="G-1", **since)]),
        "devices": (Device(1, "H-03", "handset"), Device(2, "R-01", "radio"), Device(3, "T-01", "tag")),
        "custody": (
            Custody(code="U-1", device=1, holder_kind="unit", **since),
            Custody(code="P-1", device=2, holder_kind="post", **since),
            Custody(code="E-1", device=3, holder_kind="equipment", **since),
        ),
        "checkpoints": Book([point("C-1", 0), point("C-2", 500, grid="G-3")]),
        "routes": Book([Route(code="R-1", name="Route", checkpoints=("C-1", "C-2"), **since)]),
        "shifts": (shift(),),
    }
    return World(**{**everything, **more})


def point(code: str, east_m: float, *, grid: str = "G-1", valid_from: datetime = ALWAYS) -> Checkpoint:
    """A checkpoint of 30 m."""
    lat, lon = place(east_m, 0)
    return Checkpoint(code=code, name=code, grid=grid, lat=lat, lon=lon, radius_m=30, valid_from=valid_from)


def shift(starts: str = "08:00", ends: str = "09:00", *, rounds: int = 1, **more: Any) -> Shift:
    """A shift of U-1 on R-1, each day."""
    values: dict[str, Any] = {
        "code": "day",
        "name": "Day",
        "days": ALL_DAYS,
        "starts": time.fromisoformat(starts),
        "ends": time.fromisoformat(ends),
        "unit": "U-1",
        "route": "R-1",
        "rounds": rounds,
        "valid_from": ALWAYS,
    }
    return Shift(**{**values, **more})


def settings(**rows: dict[str, Any]) -> SettingsBook:
    """Settings by rule, always in force."""
    found = [
        SettingRow(rule=rule, key=key, value=value, valid_from=ALWAYS)
        for rule, keys in rows.items()
        for key, value in keys.items()
    ]
    return SettingsBook(found, models=settings_models())


def scan(minute: float, *place_m: float, tag: str = "04:A2", device: str = "H-03") -> Scan:
    """A tag that was read; without a place the scan does not say where."""
    lat, lon = place(*place_m) if place_m else (None, None)
    digest = crc32(repr((minute, place_m, tag)).encode())
    return Scan(tag=tag, device=device, holder="U-1", time=at(minute), digest=digest, lat=lat, lon=lon)


def duty_rule(name: str) -> DutyRule:
    """A rule of the catalog that judges duties."""
    rule = catalog()[name]
    assert isinstance(rule, DutyRule)
    return rule


def plan(
    rule: str,
    where: World,
    *,
    now: float = 0,
    since: float | None = None,
    hours: float = 1,
    book: SettingsBook | None = None,
    incidents: Iterable[IncidentFacts] = (),
) -> list[Planned]:
    """What a rule plans."""
    return duty_rule(rule).plan(
        Planning(
            world=where,
            settings=book or settings(),
            now=at(now),
            since=at(now if since is None else since),
            until=at(now + hours * 60),
            backfill=timedelta(hours=72),
            incidents=tuple(incidents),
        )
    )


def judge(
    duty: Duty,
    *devices: Tracked,
    where: World | None = None,
    book: SettingsBook | None = None,
    incident: IncidentFacts | None = None,
    scans: Iterable[Scan] = (),
    now: float = 10_000,
) -> Judgement:
    """The judgement of a duty on these devices."""
    case = Case(
        duty=duty,
        world=where or world(),
        settings=book or settings(),
        tracked=devices,
        incident=incident,
        scans=tuple(scans),
    )
    return duty_rule(duty.rule).judge(case, now=at(now))


def names(judgement: Judgement) -> list[str]:
    """The names of the reasons."""
    return [str(reason["reason"]) for reason in judgement.reasons]
