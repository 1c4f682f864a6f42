"""A patrol on duty has stood at one place for too long.

To the officer: this device has been within so many metres of one place for so long, and it is no place of rest.

Fires when the fixes of a device that somebody carries have stayed around one place for longer than the kind of unit
may, without a gap of a quarter of an hour. The inaccuracy of both fixes is given to the patrol before it is said not
to have moved, and taken off before it is said to have moved. At a kiosk or another place of rest, and on an errand,
time does not count.

Resolves when two fixes in a row show that it has moved, or when its shift ends. It cannot be closed by hand.
"""

from datetime import datetime, timedelta
from typing import ClassVar

from pydantic import Field
from typing_extensions import override

from devices.geometry import M_PER_DEG, distance_m
from rules.core.alerts import Severity
from rules.core.errands import Answering
from rules.core.latch import Lasting
from rules.core.reasons import Why, reason
from rules.core.tours import Tour
from rules.core.words import length
from rules.core.world import World
from rules.facts import Sample, SignalReading
from rules.replies import Episode
from rules.rule import Rule, RuleSettings
from rules.settings import SettingsBook
from rules.track_rule import Follower, TrackRule

_GAP = timedelta(minutes=15)  # unseen for so long it may have been anywhere
_FIXES = 5  # at one place at least
_MOVED_FIXES = 2  # one may be a reflection
_LIMITS_S = {"foot": 2700.0, "motorcycle": 3600.0, "car": 3600.0, "electric": 3600.0}


class Settings(RuleSettings):
    """What can be set."""

    limit_s: dict[str, float] = Field(
        default_factory=dict,
        description="seconds at one place by kind of unit; unset: 2700 on foot, 3600 otherwise, a pause and a half",
    )
    radius_m: float = Field(50, gt=0, le=1000, description="metres that are still the same place: a yard, a crossing")
    rest_margin_m: float = Field(30, ge=0, le=1000, description="metres around a place of rest that belong to it")
    coarse_m: float = Field(100, gt=0, le=3000, description="metres: a fix less accurate says nothing")
    severity: Severity = Field(Severity.INFO, description="of an alert: it may well be doing its work there")


class StandingStill(TrackRule):
    """Devices on duty that do not move."""

    name: ClassVar[str] = "standing_still"
    title: ClassVar[str] = "Standing still"
    settings: ClassVar[type[RuleSettings]] = Settings
    keep_open: ClassVar[timedelta | None] = timedelta(minutes=10)

    @override
    def follow(self, tour: Tour, *, world: World, settings: SettingsBook, at: datetime) -> Follower | None:
        if not tour.carried or not tour.first:
            return None
        return _Standing(self, tour, settings=settings.at(self.name, Settings, at))


class _Standing(Follower):
    def __init__(self, rule: StandingStill, tour: Tour, *, settings: Settings) -> None:
        kind = tour.unit_kind or "foot"
        self._rule = rule
        self._tour = tour
        self._settings = settings
        self._limit = timedelta(seconds=settings.limit_s.get(kind, _LIMITS_S.get(kind, _LIMITS_S["foot"])))
        self._answering = Answering()
        self._anchor: Sample | None = None
        self._fixes = 0
        self._last: datetime | None = None
        self._away: list[Sample] = []
        self._certain_at: datetime | None = None
        self._ended: list[tuple[Sample, Lasting]] = []

    @override
    def reading(self, it: SignalReading) -> None:
        self._answering.reading(it)

    @override
    def sample(self, it: Sample) -> None:
        if not it.credible or (it.accuracy_m or 0.0) > self._settings.coarse_m:
            return
        if self._resting(it):
            self._end(it.time)
            self._anchor = None
            return
        unseen = self._last is not None and it.time - self._last > _GAP and self._certain_at is None
        self._last = it.time
        if self._anchor is None or unseen:
            self._begin([it])
        elif self._moved(self._anchor, it):
            self._away.append(it)
            if len(self._away) >= _MOVED_FIXES:
                self._end(it.time)
                self._begin(self._away if not self._moved(self._away[0], it) else [it])
        else:
            self._fixes += 1
            self._away = []
            if self._certain_at is None and self._fixes >= _FIXES and it.time - self._anchor.time >= self._limit:
                self._certain_at = it.time

    def _begin(self, its: list[Sample]) -> None:
        """A new place: the first of these fixes."""
        self._anchor, self._fixes, self._away = its[0], len(its), []

    def _end(self, at: datetime) -> None:
        if self._anchor is not None and self._certain_at is not None:
            self._ended.append((self._anchor, Lasting(self._anchor.time, self._certain_at, at)))
        self._certain_at = None

    def _moved(self, a: Sample, b: Sample) -> bool:
        error_m = (a.accuracy_m or 0.0) + (b.accuracy_m or 0.0)
        return distance_m(a.lat, a.lon, b.lat, b.lon) - error_m > self._settings.radius_m

    def _resting(self, it: Sample) -> bool:
        if self._tour.sent(it.time) or self._answering.at(it.time):
            return True
        reach_m = self._settings.rest_margin_m + (it.accuracy_m or 0.0)
        return any(
            abs(it.lat - place.lat) * M_PER_DEG <= place.radius_m + reach_m
            and distance_m(it.lat, it.lon, place.lat, place.lon) <= place.radius_m + reach_m
            for place in self._tour.rest
        )

    @override
    def episodes(self, until: datetime) -> list[Episode]:
        its = list(self._ended)
        if self._anchor is not None and self._certain_at is not None:
            its.append((self._anchor, Lasting(self._anchor.time, self._certain_at)))
        return [self._episode(place, lasting) for place, lasting in its]

    def _episode(self, place: Sample, lasting: Lasting) -> Episode:
        limit_s = self._limit.total_seconds()
        said = reason(
            Why.STANDING,
            device=self._tour.device.name,
            holder=self._tour.holder,
            since_at=lasting.since,
            limit_s=limit_s,
            radius_m=self._settings.radius_m,
            accuracy_m=place.accuracy_m,
        )
        return self._rule.episode(
            self._tour,
            lasting,
            class_="standing",
            severity=self._settings.severity,
            what=f"has stood at one place for more than {length(self._limit)}",
            reasons=(said,),
            place=place,
            ended="it has moved, rests at a place for it, or was sent elsewhere",
        )


rule: Rule = StandingStill()
