"""The positions of a device are not to be believed.

To the officer: what this device says about its place cannot be true, and why. Nothing of it is dropped: verdicts
leave out what the device itself calls made up, and the rest stands as it came.

Fires, each by itself, when
- `teleport`: twice within ten minutes a fix lies where nothing could have come from the fix before and gone on to the
  one after; a jump that stays is none;
- `frozen`: the place is the same to the last digit while the device says that it moves (three fixes, a minute), or
  for hours while its charge changes;
- `mock`: the device itself has said for half a minute that its positions are made up.

Resolves when nothing of the kind has been seen for some minutes, when nothing at all has been seen for half an hour,
or when the shift ends. It cannot be closed by hand.
"""

from datetime import datetime, timedelta
from typing import ClassVar, Literal

from pydantic import Field
from typing_extensions import override

from devices.geometry import distance_m
from devices.plausibility import Flag
from rules.core.alerts import Severity
from rules.core.latch import Lasting, Latch, Patience
from rules.core.reasons import Why, reason
from rules.core.tours import Tour
from rules.core.world import World
from rules.facts import Sample
from rules.replies import Episode
from rules.rule import Rule, RuleSettings
from rules.settings import SettingsBook
from rules.track_rule import Follower, TrackRule

Kind = Literal["teleport", "frozen", "mock"]
_MOCK = int(Flag.MOCK)
_WITHIN = timedelta(minutes=10)  # two jumps in so short a time are no accident
_UNKNOWN_M = 50.0  # what a fix may err that does not say
_NEAR_DEG = 0.0003  # some 30 m, less than two fixes err; spares the sum for most of them
_CHARGE_PCT = 2  # that the charge must have changed, so that the device is known to live
_PATIENCE: dict[Kind, Patience] = {
    "teleport": Patience(raise_after_s=0, raise_fixes=1, clear_after_s=60, clear_fixes=2, expires_s=1800),
    "frozen": Patience(raise_after_s=60, raise_fixes=3, clear_after_s=60, clear_fixes=2, expires_s=1800),
    "mock": Patience(raise_after_s=30, raise_fixes=2, clear_after_s=300, clear_fixes=3, expires_s=1800),
}
_SAID: dict[Kind, tuple[Why, str]] = {
    "teleport": (Why.TELEPORT, "jumps to and fro faster than anything moves"),
    "frozen": (Why.FROZEN, "says the same place to the last digit, which cannot be"),
    "mock": (Why.MADE_UP, "says that its positions are made up"),
}


class Settings(RuleSettings):
    """What can be set."""

    impossible_mps: float = Field(70, gt=0, le=1000, description="m/s that nothing here reaches: 252 km/h")
    moving_mps: float = Field(2, gt=0, le=100, description="m/s that no receiver says at rest: a brisk walk and more")
    frozen_s: float = Field(
        7200, ge=600, le=86400, description="seconds at one place to the last digit: no receiver is so calm"
    )
    severity: Severity = Field(Severity.WARNING, description="of an alert: a broken device, or a trick")


class PositionSuspect(TrackRule):
    """Devices whose positions cannot be true."""

    name: ClassVar[str] = "position_suspect"
    title: ClassVar[str] = "Position suspect"
    settings: ClassVar[type[RuleSettings]] = Settings
    on_duty: ClassVar[bool] = False
    keep_open: ClassVar[timedelta | None] = timedelta(minutes=30)

    @override
    def follow(self, tour: Tour, *, world: World, settings: SettingsBook, at: datetime) -> Follower | None:
        return _Doubts(self, tour, settings=settings.at(self.name, Settings, at))


class _Doubts(Follower):
    def __init__(self, rule: PositionSuspect, tour: Tour, *, settings: Settings) -> None:
        self._rule = rule
        self._tour = tour
        self._settings = settings
        self._latches: dict[Kind, Latch] = {kind: Latch(patience) for kind, patience in _PATIENCE.items()}
        self._places: dict[tuple[Kind, datetime], Sample] = {}
        self._before: tuple[Sample, ...] = ()  # the last two that say where it was
        self._jumps: tuple[datetime, ...] = ()
        self._held: Sample | None = None  # the first of those at the very same place

    @override
    def sample(self, it: Sample) -> None:
        self._feed("mock", it, bool(it.flags & _MOCK))
        if not it.credible:
            return
        self._feed("teleport", it, self._jumped(it))
        self._feed("frozen", it, self._stuck(it))
        self._before = (*self._before[-1:], it)

    def _feed(self, kind: Kind, it: Sample, truth: bool | None) -> None:
        latch = self._latches[kind]
        on = latch.on
        latch.feed(it.time, truth)
        if latch.on and not on:
            self._places[kind, it.time] = it

    def _jumped(self, it: Sample) -> bool | None:
        before = self._before
        if len(before) == 2 and self._impossible(before[1], it) and self._impossible(before[0], before[1]):
            self._jumps = (*self._jumps, before[1].time)
        if not self._jumps:
            return False
        self._jumps = tuple(at for at in self._jumps if it.time - at <= _WITHIN)
        if len(self._jumps) >= 2:
            return True
        return None if self._jumps else False

    def _impossible(self, a: Sample, b: Sample) -> bool:
        if abs(a.lat - b.lat) + abs(a.lon - b.lon) < _NEAR_DEG:
            return False
        error_m = (a.accuracy_m or _UNKNOWN_M) + (b.accuracy_m or _UNKNOWN_M)
        gap_s = max(1.0, (b.time - a.time).total_seconds())
        if gap_s > _WITHIN.total_seconds():
            return False
        return distance_m(a.lat, a.lon, b.lat, b.lon) - error_m > self._settings.impossible_mps * gap_s

    def _stuck(self, it: Sample) -> bool | None:
        held = self._held
        if held is None or (held.lat, held.lon) != (it.lat, it.lon):
            self._held = it
            return None if held is None else False
        if it.speed_mps is not None and it.speed_mps >= self._settings.moving_mps:
            return True
        lives = (
            it.battery_pct is not None
            and held.battery_pct is not None
            and abs(it.battery_pct - held.battery_pct) >= _CHARGE_PCT
        )
        return True if lives and (it.time - held.time).total_seconds() >= self._settings.frozen_s else None

    @override
    def episodes(self, until: datetime) -> list[Episode]:
        found = [self._episode(kind, it) for kind, latch in self._latches.items() for it in latch.spells(until)]
        return sorted(found, key=lambda it: (it.began_at, it.key))

    def _episode(self, kind: Kind, lasting: Lasting) -> Episode:
        why, what = _SAID[kind]
        said = reason(why, device=self._tour.device.name, holder=self._tour.holder, since_at=lasting.since)
        return self._rule.episode(
            self._tour,
            lasting,
            class_=kind,
            severity=self._settings.severity,
            what=what,
            reasons=(said,),
            place=self._places[kind, lasting.certain_at],
            ended="nothing of the kind has been seen for a while",
            part=kind,
        )


rule: Rule = PositionSuspect()
