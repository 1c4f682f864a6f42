"""A device that should last until the end of the shift is running out of charge.

To the officer: this device is at so many percent and is not being charged; who carries it.

Fires when two readings at least a minute apart say that the charge is at or below the limit, while nothing says that
it is being charged; class `low`, and `nearly_empty` at the second limit.

Resolves when the charge has been well above the limit for a minute, as soon as the device says that it is charged, or
when its shift ends. It cannot be closed by hand.
"""

from datetime import datetime, timedelta
from typing import ClassVar

from pydantic import Field
from typing_extensions import override

from rules.core.alerts import Severity
from rules.core.latch import Latch, Patience
from rules.core.reasons import Why, reason
from rules.core.tours import Tour
from rules.core.world import World
from rules.facts import Sample, SignalReading
from rules.replies import Episode
from rules.rule import Rule, RuleSettings
from rules.settings import SettingsBook
from rules.track_rule import Follower, TrackRule

_MARGIN_PCT = 5  # a gauge that goes up and down by a little is not a charge
_PATIENCE = Patience(raise_after_s=60, raise_fixes=2, clear_after_s=60, clear_fixes=2, gap_s=3600)


class Settings(RuleSettings):
    """What can be set."""

    low_pct: float = Field(20, ge=0, le=100, description="percent: some four hours of a handset")
    empty_pct: float = Field(10, ge=0, le=100, description="percent: phones switch things off from here")
    severity: Severity = Field(Severity.INFO, description="of a low battery")
    empty_severity: Severity = Field(Severity.WARNING, description="of one that is nearly empty: soon nobody is seen")


class BatteryLow(TrackRule):
    """Devices that run out of charge."""

    name: ClassVar[str] = "battery_low"
    title: ClassVar[str] = "Battery low"
    settings: ClassVar[type[RuleSettings]] = Settings
    on_duty: ClassVar[bool] = False
    keep_open: ClassVar[timedelta | None] = timedelta(minutes=30)

    @override
    def follow(self, tour: Tour, *, world: World, settings: SettingsBook, at: datetime) -> Follower | None:
        return _Charge(self, tour, settings=settings.at(self.name, Settings, at))


class _Charge(Follower):
    def __init__(self, rule: BatteryLow, tour: Tour, *, settings: Settings) -> None:
        self._rule = rule
        self._tour = tour
        self._settings = settings
        self._low = Latch(_PATIENCE)
        self._empty = Latch(_PATIENCE)
        self._charged_from_pct: float | None = None  # the charge when it last said that it is being charged
        self._place: Sample | None = None
        self._said: dict[datetime, tuple[float, Sample | None]] = {}

    @override
    def sample(self, it: Sample) -> None:
        if it.credible:
            self._place = it
        if it.battery_pct is not None:
            self._charge(it.time, it.battery_pct)

    @override
    def reading(self, it: SignalReading) -> None:
        if it.type != "status":
            return
        charging, charge = it.body.get("charging"), it.body.get("battery_pct")
        if charging is not None:
            self._charged_from_pct = float(charge or 0.0) if charging else None
            if charging:
                self._low.stop(it.time)
                self._empty.stop(it.time)
        if charge is not None:
            self._charge(it.time, float(charge))

    def _charge(self, at: datetime, charge_pct: float) -> None:
        charged = self._charged_from_pct is not None and charge_pct >= self._charged_from_pct
        if not charged:
            self._charged_from_pct = None
        for latch, limit_pct in ((self._low, self._settings.low_pct), (self._empty, self._settings.empty_pct)):
            on = latch.on
            latch.feed(at, _answer(charge_pct, limit_pct, charged=charged))
            if latch.on and not on:
                self._said[at] = (charge_pct, self._place)

    @override
    def episodes(self, until: datetime) -> list[Episode]:
        settings, empty = self._settings, self._empty.spells(until)
        found = []
        for lasting in self._low.spells(until):
            worse = next((it for it in empty if it.ended_at is None), None) if lasting.ended_at is None else None
            charge_pct, place = self._said[(worse or lasting).certain_at]
            said = reason(
                Why.BATTERY,
                device=self._tour.device.name,
                holder=self._tour.holder,
                battery_pct=charge_pct,
                limit_pct=settings.empty_pct if worse else settings.low_pct,
                at=(worse or lasting).certain_at,
            )
            found.append(
                self._rule.episode(
                    self._tour,
                    lasting,
                    class_="nearly_empty" if worse else "low",
                    severity=settings.empty_severity if worse else settings.severity,
                    what=f"has {charge_pct:.0f} % of its charge left",
                    reasons=(said,),
                    place=place,
                    ended="it is charged, or has charge enough",
                )
            )
        return found


def _answer(charge_pct: float, limit_pct: float, *, charged: bool) -> bool | None:
    if charged or charge_pct >= limit_pct + _MARGIN_PCT:
        return False
    return True if charge_pct <= limit_pct else None


rule: Rule = BatteryLow()
