"""A patrol on duty is outside the area in which its routes lie.

To the officer: this device is this far outside the area of its unit's shift; since when, and who carries it.

Fires when the device has been outside for two minutes and three fixes, each beyond the margin by more than its own
inaccuracy. The area is, for each route of the shift, the lowest grid that holds all its checkpoints. While the unit
is on an errand (it was sent to an incident, or said that it takes one) nothing counts.

Resolves when the device has been back for a minute and two fixes that lie within the margin with all their
inaccuracy, or when its shift ends. It cannot be closed by hand.
"""

from datetime import datetime, timedelta
from typing import ClassVar

from pydantic import Field
from typing_extensions import override

from rules.core.alerts import Severity
from rules.core.areas import Area, area_of
from rules.core.errands import Answering
from rules.core.latch import Latch, Patience
from rules.core.reasons import Why, reason
from rules.core.tours import Tour
from rules.core.world import World
from rules.facts import Sample, SignalReading
from rules.replies import Episode
from rules.rule import Rule, RuleSettings
from rules.settings import SettingsBook
from rules.track_rule import Follower, TrackRule


class Settings(RuleSettings):
    """What can be set."""

    margin_m: float = Field(100, ge=0, le=10_000, description="metres beyond the border that still count as inside")
    persist_s: float = Field(
        120, ge=0, le=3600, description="seconds outside before it is said: a shop across the road"
    )
    fixes: int = Field(3, ge=1, le=100, description="fixes outside at least; one or two may be reflections")
    grace_s: float = Field(900, ge=0, le=7200, description="seconds after a shift's start: the way to the area")
    severity: Severity = Field(Severity.WARNING, description="of an alert: it may have a good reason")


class LeftArea(TrackRule):
    """Devices on duty outside their area."""

    name: ClassVar[str] = "left_area"
    title: ClassVar[str] = "Left its area"
    settings: ClassVar[type[RuleSettings]] = Settings
    keep_open: ClassVar[timedelta | None] = timedelta(minutes=10)

    @override
    def follow(self, tour: Tour, *, world: World, settings: SettingsBook, at: datetime) -> Follower | None:
        area = area_of(tour.ground) if tour.ground else None
        if area is None or not area.known or not tour.first:
            return None
        return _Outside(self, tour, world=world, area=area, settings=settings.at(self.name, Settings, at))


class _Outside(Follower):
    def __init__(self, rule: LeftArea, tour: Tour, *, world: World, area: Area, settings: Settings) -> None:
        self._rule = rule
        self._tour = tour
        self._world = world
        self._area = area
        self._settings = settings
        self._latch = Latch(
            Patience(raise_after_s=settings.persist_s, raise_fixes=settings.fixes, clear_after_s=60, clear_fixes=2)
        )
        self._from = tour.start + timedelta(seconds=settings.grace_s)
        self._answering = Answering()
        self._within: dict[str, bool] = {}
        self._place: dict[datetime, tuple[Sample, float]] = {}

    @override
    def reading(self, it: SignalReading) -> None:
        self._answering.reading(it)

    @override
    def sample(self, it: Sample) -> None:
        if not it.credible or it.time < self._from:
            return
        if self._tour.sent(it.time) or self._answering.at(it.time):
            self._latch.stop(it.time)
            return
        beyond_m = 0.0 if self._inside(it) else self._area.beyond_m(it.lat, it.lon)
        error_m = it.accuracy_m or 0.0
        if beyond_m - error_m > self._settings.margin_m:
            truth: bool | None = True
        else:
            truth = False if beyond_m + error_m <= self._settings.margin_m else None
        before = self._latch.on
        self._latch.feed(it.time, truth)
        if self._latch.on and not before:
            self._place[it.time] = (it, beyond_m)

    def _inside(self, it: Sample) -> bool:
        """Whether its grid lies in the area; the ground itself is asked only about the others."""
        if it.grid is None:
            return False
        known = self._within.get(it.grid)
        if known is None:
            start, its = self._tour.start, it.grid
            known = any(self._world.common_grid((its, code), start) == code for code in self._tour.area)
            self._within[its] = known
        return known

    @override
    def episodes(self, until: datetime) -> list[Episode]:
        found = []
        for lasting in self._latch.spells(until):
            place, beyond_m = self._place[lasting.certain_at]
            said = reason(
                Why.OUTSIDE,
                device=self._tour.device.name,
                holder=self._tour.holder,
                beyond_m=beyond_m,
                accuracy_m=place.accuracy_m,
                since_at=lasting.since,
            )
            found.append(
                self._rule.episode(
                    self._tour,
                    lasting,
                    class_="outside",
                    severity=self._settings.severity,
                    what=f"is {beyond_m:.0f} m outside its area",
                    reasons=(said,),
                    place=place,
                    ended="it is back in its area, or was sent elsewhere",
                )
            )
        return found


rule: Rule = LeftArea()
