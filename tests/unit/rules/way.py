"""One device's day as samples: metres east and north of 30 N 111 E, minutes from 08:00."""

import json
from collections.abc import Iterable
from dataclasses import replace
from typing import Any
from zlib import crc32

from rules.catalog import catalog
from rules.core.dated import Book
from rules.core.fixes import Span
from rules.core.grids import Shape
from rules.core.tours import Errand
from rules.core.world import World
from rules.facts import Sample, SignalReading, TrackCase
from rules.replies import Episode
from rules.track_rule import TrackRule
from tests.unit.rules.timeline import ALWAYS, at, place, settings, shift, world


def there(minute: float, east_m: float, north_m: float = 0, **more: Any) -> Sample:
    """A sample; its accuracy is 6 m unless it says otherwise."""
    lat, lon = place(east_m, north_m)
    digest = crc32(repr((minute, east_m, north_m, sorted(more.items()))).encode())
    return Sample(time=at(minute), digest=digest, lat=lat, lon=lon, **{"accuracy_m": 6.0, **more})


def stay(
    start: float, end: float, east_m: float = 0, north_m: float = 0, *, step: float = 0.5, **more: Any
) -> list[Sample]:
    """A sample each half minute at about one place: the receiver is never quite at rest."""
    count = round((end - start) / step)
    return [there(start + step * it, east_m + it % 3, north_m, **more) for it in range(count + 1)]


def walk(
    start: float, end: float, *, east_m: float = 0, north_m: float = 0, step: float = 0.5, **more: Any
) -> list[Sample]:
    """To and fro over 400 m, a sample each half minute."""
    count = round((end - start) / step)
    return [there(start + step * it, east_m + abs(it % 20 - 10) * 40, north_m, **more) for it in range(count + 1)]


def drive(start: float, end: float, mps: float, *, step_s: float = 10, says: float | None = None) -> list[Sample]:
    """Straight on."""
    count = round((end - start) * 60 / step_s)
    return [there(start + it * step_s / 60, it * step_s * mps, speed_mps=says) for it in range(count + 1)]


def says(minute: float, type_: str, **body: Any) -> SignalReading:
    """A reading that is no position."""
    device = where().device[1]
    return SignalReading(
        device=device, time=at(minute), digest=0, received_at=at(minute), flags=0, body=body, type=type_
    )


def square(half_m: float) -> str:
    """Ground around the middle."""
    corners = [(-half_m, -half_m), (half_m, -half_m), (half_m, half_m), (-half_m, half_m), (-half_m, -half_m)]
    ring = [[lon, lat] for lat, lon in (place(*corner) for corner in corners)]
    return json.dumps({"type": "Polygon", "coordinates": [ring]})


def where(**more: Any) -> World:
    """The little world of the other tests from 08:00 to 12:00, on a kilometre of ground; only H-03 is carried."""
    its = world(
        **{
            "shifts": (shift("08:00", "12:00"),),
            "shapes": Book([Shape(code="K-1", geometry=square(1000), valid_from=ALWAYS)]),
            **more,
        }
    )
    return its if "custody" in more else replace(its, custody=its.custody[:1])


def found(
    rule: str,
    samples: Iterable[Sample],
    *,
    readings: Iterable[SignalReading] = (),
    until: float = 239,
    since: float = 0,
    town: World | None = None,
    errands: Iterable[Errand] = (),
    device: int = 1,
    **settings_of: Any,
) -> list[Episode]:
    """What a rule finds up to a minute."""
    its = catalog()[rule]
    assert isinstance(its, TrackRule)
    town = town or where()
    case = TrackCase(
        device=town.device[device],
        span=Span(at(since), at(until)),
        samples=sorted(samples, key=lambda it: (it.time, it.digest)),
        readings=sorted(readings, key=lambda it: it.time),
        world=town,
        settings=settings(**{rule: settings_of}),
        errands=tuple(errands),
    )
    return its.episodes(case)


def minutes(episodes: Iterable[Episode]) -> list[tuple[float, float | None]]:
    """When each began and ended."""
    return [(_minute(it.began_at), None if it.ended_at is None else _minute(it.ended_at)) for it in episodes]


def _minute(moment: Any) -> float:
    return float(round((moment - at(0)).total_seconds() / 60, 2))
