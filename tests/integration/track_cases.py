"""Walks, real and made up, what can happen to them on their way, and the table of what must be said of each."""

import csv
import gzip
import math
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from itertools import pairwise
from pathlib import Path

from devices.geometry import M_PER_DEG

REAL = Path(__file__).parents[3] / "shared" / "data" / "geolife-beijing.csv.gz"
RADIUS_M = 30.0  # of each checkpoint
REPORTS_S = 30.0  # between the fixes of a handset that lies still
DAY = 24 * 60.0
BLACKOUT_ENDS = 180.0  # minute of the flush


@dataclass(frozen=True)
class Point:
    """One fix: minute of the walk, metres east and north of its beginning, and what else the handset says."""

    minute: float
    east_m: float
    north_m: float
    accuracy_m: float = 6.0
    sent: float | None = None  # minute at which it got through; None is at once

    def far(self, other: "Point") -> float:
        """Metres to another one."""
        return math.hypot(self.east_m - other.east_m, self.north_m - other.north_m)


@dataclass(frozen=True)
class Walk:
    """A walk of forty minutes and more, and a place on its way that it passes once."""

    name: str
    points: tuple[Point, ...]

    @cached_property
    def passed(self) -> Point | None:
        """The fix at the place: in the middle third, not met again, on a stretch that is straight for 100 m.

        A checkpoint there is reached once, and even by a handset that reports each 100 m. None when there is no such
        place, because somebody went to and fro.
        """
        whole = self.points[-1].minute
        middle = [it for it in self.points if whole / 3 < it.minute < whole * 2 / 3]
        for it in sorted(middle, key=lambda it: abs(it.minute - whole / 2)):
            near = [other for other in self.points if it.far(other) < 150]
            if near[-1].minute - near[0].minute < 8 and self._straight(it):
                return it
        return None

    def _straight(self, at: Point) -> bool:
        for reach in (40.0, 60.0, 80.0):
            before = [it for it in self.points if it.minute < at.minute and it.far(at) > reach][-1:]
            after = [it for it in self.points if it.minute > at.minute and it.far(at) > reach][:1]
            if not before or not after or after[0].minute - before[0].minute > 2.5:
                return False
            way = before[0].far(at) + at.far(after[0])
            if way - before[0].far(after[0]) > 4:
                return False
        return True

    @property
    def _place(self) -> Point:
        assert self.passed is not None, f"{self.name} passes no place just once"
        return self.passed

    def beside(self, by_m: float) -> tuple[float, float]:
        """Metres of a place so far beside the way, where it passes."""
        at = self._place
        before = [it for it in self.points if it.minute < at.minute and it.far(at) > 40][-1]
        length = before.far(at)
        along = (at.east_m - before.east_m) / length, (at.north_m - before.north_m) / length
        return at.east_m - along[1] * by_m, at.north_m + along[0] * by_m

    def at(self, minute: float) -> tuple[Point, ...]:
        """The walk timed so that its place is passed at a minute, with the handset lying still before and after it."""
        by = minute - self._place.minute
        walked = [replace(it, minute=it.minute + by) for it in self.points]
        rest: list[Point] = []
        for still, start, end in ((walked[0], -45.0, walked[0].minute), (walked[-1], walked[-1].minute, 130.0)):
            steps = int((end - start) * 60 / REPORTS_S)
            rest += [replace(still, minute=start + step * REPORTS_S / 60) for step in range(1, steps)]
        return tuple(sorted([*walked, *rest], key=lambda it: it.minute))


Stream = Sequence[Point]
Fate = Callable[[Stream], Stream]


# -- what can happen to a walk on its way -----------------------------------------------------------------------


def whole(stream: Stream) -> Stream:
    """Nothing happens."""
    return stream


def one_each_100_m(stream: Stream) -> Stream:
    """The handset reports when it has moved by 100 m, and each 100 s."""
    kept = [stream[0]]
    for it in stream:
        if it.far(kept[-1]) >= 100 or it.minute - kept[-1].minute >= 100 / 60:
            kept.append(it)
    return kept


def jittered(by_m: float) -> Fate:
    """Each fix errs by so much in some direction, and says that it may."""

    def fate(stream: Stream) -> Stream:
        dice = random.Random(7)  # noqa: S311  the same jitter each time
        return [
            replace(
                it,
                east_m=it.east_m + by_m * math.cos(angle := dice.uniform(0, math.tau)),
                north_m=it.north_m + by_m * math.sin(angle),
                accuracy_m=by_m,
            )
            for it in stream
        ]

    return fate


def held_back(start: float, end: float) -> Fate:
    """No network from one minute to another; what was made then comes at the end of it, the newest first."""

    def fate(stream: Stream) -> Stream:
        return [replace(it, sent=end) if start <= it.minute < end else it for it in stream]

    return fate


def without(start: float, end: float) -> Fate:
    """Nothing was recorded from one minute to another."""
    return lambda stream: [it for it in stream if not start < it.minute < end]


def asleep_but(each: float, awake: float) -> Fate:
    """Its maker's battery saver lets it report for some minutes of every so many; asleep at minute 30."""
    return lambda stream: [it for it in stream if (it.minute - 30 + each / 2) % each < awake]


def ahead(by: float) -> Fate:
    """Its clock is wrong by so many minutes; what it says is sent when it is said."""
    return lambda stream: [replace(it, minute=it.minute + by, sent=it.minute) for it in stream]


# -- the table --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Case:
    """One line of the table: window 08:00 to 09:00, late until 09:05, early from 07:55.

    Attributes:
        name: what happened.
        passes: minute of the window at which the patrol is at the place.
        fate: of the stream.
        beside_m: how far the checkpoint lies from the way.
        verdict: what must be said in the end.
        reason: one that must be among those given.
        first: what must be said when the duty has settled, if that is something else.
        scans: whether the checkpoint's tag is read where the patrol is at minute 30.
        away: the posts of the unit on leave, of A and B.
    """

    name: str
    verdict: str
    reason: str
    passes: float = 30.0
    fate: Fate = whole
    beside_m: float = 0.0
    first: str | None = None
    scans: bool = False
    away: str = ""


TABLE = (
    Case("on time", "met", "visit"),
    Case("three minutes late", "late", "late_by", passes=63),
    Case("three minutes early", "early", "early_by", passes=-3),
    Case("half an hour late", "missed", "nearest_fix", passes=90),
    Case("half an hour early", "missed", "nearest_fix", passes=-30),
    Case("along the next street", "missed", "nearest_fix", beside_m=70),
    Case("a fix each 100 m", "met", "interpolated", fate=one_each_100_m),
    Case("50 m jitter near the border", "in_doubt", "accuracy", fate=jittered(50), beside_m=40),
    Case("50 m jitter at the place", "in_doubt", "accuracy", fate=jittered(50)),
    Case("8 m jitter at the place", "met", "visit", fate=jittered(8)),
    Case("three hours without network", "met", "visit", fate=held_back(0, BLACKOUT_ENDS), first="in_doubt"),
    Case(
        "three hours without network, elsewhere",
        "missed",
        "nearest_fix",
        fate=held_back(0, BLACKOUT_ENDS),
        beside_m=70,
        first="in_doubt",
    ),
    Case("a hole with a jump", "in_doubt", "hole", fate=without(20, 40)),
    Case("a hole of a minute", "met", "visit", fate=without(29.8, 30.6)),
    Case("clock one day ahead", "in_doubt", "silent_device", fate=ahead(DAY)),
    Case("dead since 08:20", "in_doubt", "hole", fate=without(20, 999)),
    Case("dead all day", "in_doubt", "silent_device", fate=without(-999, 999)),
    Case("killed by its battery saver", "in_doubt", "hole", fate=asleep_but(20, 2)),
    Case("tag read 250 m away", "in_doubt", "scan_far", beside_m=250, scans=True),
    Case("tag read at the place, receiver poor", "met", "scan", fate=jittered(50), scans=True),
    Case("A on leave, walked all the same", "missed", "nearest_fix", beside_m=70, away="A"),
    Case("A and B on leave", "in_doubt", "nobody_named", fate=without(-999, 999), away="AB"),
)


# -- the walks --------------------------------------------------------------------------------------------------


def made_up() -> Walk:
    """A walk along streets at a brisk pace, with a receiver that errs by some metres."""
    dice = random.Random(3)  # noqa: S311  the same walk each time
    points: list[Point] = []
    east = north = 0.0
    legs = ((1, 0, 600), (0, 1, 500), (1, 0, 900), (0, 1, 700), (-1, 0, 300))
    minute = 0.0
    for x, y, length in legs:
        for _ in range(int(length / 2.5)):
            east, north, minute = east + 2.5 * x, north + 2.5 * y, minute + 2 / 60
            points.append(Point(minute, east + dice.gauss(0, 2), north + dice.gauss(0, 2)))
    return Walk("made up", tuple(points))


def real_walks() -> list[Walk]:
    """Those of real people that last for forty minutes and more without a break; none where the file is not there."""
    if not REAL.exists():
        return []
    fixes: dict[str, dict[datetime, tuple[float, float]]] = {}
    with gzip.open(REAL, "rt") as file:
        for row in csv.DictReader(file):
            its = fixes.setdefault(row["user"], {})
            its.setdefault(datetime.fromisoformat(row["time"]), (float(row["lat"]), float(row["lon"])))
    return [walk for user, its in sorted(fixes.items()) for walk in _stretches(user, its)]


def _stretches(user: str, fixes: dict[datetime, tuple[float, float]]) -> Iterator[Walk]:
    run: list[Point] = []
    began: datetime | None = None
    home = (0.0, 0.0)
    for time in [*sorted(fixes), None]:
        point = None
        if time is not None:
            lat, lon = fixes[time]
            began, home = (began, home) if began else (time, (lat, lon))
            east = (lon - home[1]) * M_PER_DEG * math.cos(math.radians(home[0]))
            point = Point((time - began).total_seconds() / 60, east, (lat - home[0]) * M_PER_DEG)
        if point is not None and (not run or _walked(run[-1], point)):
            run.append(point)
            continue
        if run and run[-1].minute >= 40 and _length(run) > 2400 and began:
            walk = Walk(f"{user} on {began:%m-%d %H:%M}", tuple(run))
            if walk.passed is not None:
                yield walk
        run, began = [], time
        if time is not None:
            home = fixes[time]
            run = [Point(0, 0, 0)]


def _walked(before: Point, after: Point) -> bool:
    gap_s = (after.minute - before.minute) * 60
    return gap_s <= 60 and before.far(after) <= 4.5 * gap_s


def _length(points: Sequence[Point]) -> float:
    return sum(a.far(b) for a, b in pairwise(points))
