"""A vehicle drives faster than it may.

To the officer: this vehicle drives at this speed where it may drive at that one; where, and who has it.

Fires when the speed that the device reports has been above the limit for 20 seconds and three fixes, and the way
between the fixes agrees; or, from a device that reports no speed, when the way between the fixes alone shows it, its
inaccuracy taken off. The limit is the lowest that holds for the kind of unit and for the grid; a unit that was sent
somewhere may drive faster by what is set.

Resolves after 30 seconds and two fixes at or below the limit, or after five minutes without a fix. It cannot be
closed by hand.
"""

from datetime import datetime, timedelta
from typing import ClassVar

from pydantic import Field
from typing_extensions import override

from devices.geometry import distance_m
from rules.core.alerts import Severity
from rules.core.errands import Answering
from rules.core.latch import Lasting, Latch, Patience
from rules.core.reasons import Why, reason
from rules.core.tours import Tour
from rules.core.world import World
from rules.facts import Sample, SignalReading
from rules.replies import Episode
from rules.rule import Rule, RuleSettings
from rules.settings import SettingsBook
from rules.track_rule import Follower, TrackRule

_LIMITS_MPS = {"motorcycle": 16.7, "car": 16.7, "electric": 13.9}
_GAP_S = 45.0  # between two fixes; over a longer time the straight way says little
_UNKNOWN_M = 15.0  # what a fix may err that does not say
_AGREES = 0.5  # share of the limit that the straight way must show at least: roads bend

_JUMPS = 2.0  # times the said speed: a way that is farther than so was no drive


class Settings(RuleSettings):
    """What can be set."""

    limit_mps: dict[str, float] = Field(
        default_factory=dict,
        description="m/s by kind of unit; unset: car, motorcycle 16.7 (60 km/h), electric 13.9 (50 km/h), on foot none",
    )
    grid_limit_mps: dict[str, float] = Field(
        default_factory=dict,
        description="m/s by code of a grid, for all that lies below it too: a school's quarter",
    )
    tolerance_pct: float = Field(
        10, ge=0, le=100, description="percent above the limit that are not said: the receiver's error"
    )
    errand_mps: float = Field(5.6, ge=0, le=50, description="m/s more for a unit that was sent to an incident: 20 km/h")
    devices: list[str] = Field(
        ["vehicle"], description="kinds of device that are looked at; a handset may ride in any car"
    )
    severity: Severity = Field(Severity.WARNING, description="of an alert")


class OverSpeed(TrackRule):
    """Vehicles that drive too fast."""

    name: ClassVar[str] = "over_speed"
    title: ClassVar[str] = "Over speed"
    settings: ClassVar[type[RuleSettings]] = Settings
    on_duty: ClassVar[bool] = False
    keep_open: ClassVar[timedelta | None] = timedelta(minutes=5)

    @override
    def follow(self, tour: Tour, *, world: World, settings: SettingsBook, at: datetime) -> Follower | None:
        its = settings.at(self.name, Settings, at)
        limit_mps = its.limit_mps.get(tour.unit_kind or "", _LIMITS_MPS.get(tour.unit_kind or ""))
        if tour.device.kind not in its.devices or (limit_mps is None and not its.grid_limit_mps):
            return None
        return _Driving(self, tour, world=world, settings=its, limit_mps=limit_mps)


class _Driving(Follower):
    def __init__(
        self, rule: OverSpeed, tour: Tour, *, world: World, settings: Settings, limit_mps: float | None
    ) -> None:
        self._rule = rule
        self._tour = tour
        self._world = world
        self._settings = settings
        self._limit_mps = limit_mps
        self._latch = Latch(
            Patience(raise_after_s=20, raise_fixes=3, clear_after_s=30, clear_fixes=2, gap_s=_GAP_S * 2, expires_s=300)
        )
        self._answering = Answering()
        self._limits: dict[str | None, float | None] = {}
        self._before: Sample | None = None
        self._fastest_mps = 0.0
        self._said: dict[datetime, tuple[Sample, float, float]] = {}

    @override
    def reading(self, it: SignalReading) -> None:
        self._answering.reading(it)

    @override
    def sample(self, it: Sample) -> None:
        if not it.credible:
            return
        before, self._before = self._before, it
        limit_mps = self._limit(it)
        if limit_mps is None:
            self._latch.feed(it.time, truth=False)
            return
        allowed = limit_mps * (1 + self._settings.tolerance_pct / 100)
        if self._tour.sent(it.time) or self._answering.at(it.time):
            allowed += self._settings.errand_mps
        truth, speed_mps = _too_fast(before, it, allowed)
        on = self._latch.on
        self._fastest_mps = max(self._fastest_mps, speed_mps) if truth else self._fastest_mps
        self._latch.feed(it.time, truth)
        if self._latch.on and not on:
            self._said[it.time] = (it, self._fastest_mps, limit_mps)
        if truth is False:
            self._fastest_mps = 0.0

    def _limit(self, it: Sample) -> float | None:
        if it.grid not in self._limits:
            limits = [
                limit
                for code, limit in self._settings.grid_limit_mps.items()
                if it.grid and self._world.common_grid((it.grid, code), self._tour.start) == code
            ]
            if self._limit_mps is not None:
                limits.append(self._limit_mps)
            self._limits[it.grid] = min(limits, default=None)
        return self._limits[it.grid]

    @override
    def episodes(self, until: datetime) -> list[Episode]:
        return [self._episode(it) for it in self._latch.spells(until)]

    def _episode(self, lasting: Lasting) -> Episode:
        place, speed_mps, limit_mps = self._said[lasting.certain_at]
        said = reason(
            Why.OVER_SPEED,
            device=self._tour.device.name,
            holder=self._tour.holder,
            speed_kmh=speed_mps * 3.6,
            limit_kmh=limit_mps * 3.6,
            since_at=lasting.since,
        )
        return self._rule.episode(
            self._tour,
            lasting,
            class_="speeding",
            severity=self._settings.severity,
            what=f"drives at {speed_mps * 3.6:.0f} km/h, allowed are {limit_mps * 3.6:.0f}",
            reasons=(said,),
            place=place,
            ended="it drives no faster than it may",
        )


def _too_fast(a: Sample | None, b: Sample, allowed_mps: float) -> tuple[bool | None, float]:
    """Whether the second of two fixes shows too high a speed, None when nobody can tell; and the speed in m/s."""
    gap_s = (b.time - a.time).total_seconds() if a is not None else 0.0
    least = most = None
    if a is not None and 0 < gap_s <= _GAP_S:
        way_m = distance_m(a.lat, a.lon, b.lat, b.lon)
        error_m = (a.accuracy_m or _UNKNOWN_M) + (b.accuracy_m or _UNKNOWN_M)
        least, most = max(0.0, way_m - error_m) / gap_s, (way_m + error_m) / gap_s
    if b.speed_mps is None:
        if least is None or most is None:
            return None, 0.0
        return (True if least > allowed_mps else False if most <= allowed_mps else None), least
    if b.speed_mps > allowed_mps:
        agrees = most is None or least is None or (most >= allowed_mps * _AGREES and least <= b.speed_mps * _JUMPS)
        return (True if agrees else None), b.speed_mps
    return (False if least is None or least <= allowed_mps else None), b.speed_mps


rule: Rule = OverSpeed()
