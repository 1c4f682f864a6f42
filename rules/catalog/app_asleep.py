"""A phone stops the app of its wearer again and again.

To the officer: this handset falls silent though it is charged, and wakes by itself or when it is opened; what the
wearer can do. It is no fault of the patrol's: nobody is blamed for what a sleeping app did not report.

Fires when a handset on duty, with charge enough before, has been silent for several minutes twice within four hours,
and nothing that came later fills the holes. How often the wearer was using it within two minutes of waking is said as
well.

Resolves an hour after the last such hole, when later data fill the holes, or when the shift ends.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar

from pydantic import Field
from typing_extensions import override

from rules.core.alerts import Severity
from rules.core.latch import Lasting
from rules.core.reasons import Why, reason
from rules.core.tours import Tour
from rules.core.world import World
from rules.facts import Sample, SignalReading
from rules.replies import Episode
from rules.rule import Rule, RuleSettings
from rules.settings import SettingsBook
from rules.track_rule import Follower, TrackRule

_WITHIN = timedelta(hours=4)
_AWAKE = timedelta(hours=1)  # without a hole, and it is well again
_OPENED = timedelta(minutes=2)  # after it woke
_USED = frozenset({"button", "scan", "report", "task"})


class Settings(RuleSettings):
    """What can be set."""

    nap_s: float = Field(300, ge=60, le=86400, description="seconds without a word: ten reports of a handset")
    naps: int = Field(2, ge=1, le=100, description="of them at least; one may be a cellar")
    charged_pct: float = Field(30, ge=0, le=100, description="percent: with less, the phone has a reason")
    severity: Severity = Field(Severity.INFO, description="of an alert: a setting of a phone, not a person's failing")


@dataclass
class _Nap:
    start: datetime
    end: datetime
    charge_pct: float
    opened: bool = False


class AppAsleep(TrackRule):
    """Handsets that fall asleep."""

    name: ClassVar[str] = "app_asleep"
    title: ClassVar[str] = "App asleep"
    settings: ClassVar[type[RuleSettings]] = Settings
    keep_open: ClassVar[timedelta | None] = timedelta(hours=1)

    @override
    def follow(self, tour: Tour, *, world: World, settings: SettingsBook, at: datetime) -> Follower | None:
        if tour.device.kind != "handset":
            return None
        return _Sleeper(self, tour, settings=settings.at(self.name, Settings, at))


class _Sleeper(Follower):
    def __init__(self, rule: AppAsleep, tour: Tour, *, settings: Settings) -> None:
        self._rule = rule
        self._tour = tour
        self._settings = settings
        self._last: datetime | None = None
        self._charge_pct: float | None = None
        self._naps: list[_Nap] = []
        self._since: datetime | None = None
        self._certain_at: datetime | None = None
        self._place: Sample | None = None
        self._at: dict[datetime, tuple[list[_Nap], Sample | None]] = {}
        self._ended: list[Lasting] = []

    @override
    def sample(self, it: Sample) -> None:
        self._heard(it.time)
        self._place = it if it.credible else self._place
        self._charge_pct = self._charge_pct if it.battery_pct is None else it.battery_pct

    @override
    def reading(self, it: SignalReading) -> None:
        self._heard(it.time)
        if it.type in _USED and self._naps and it.time - self._naps[-1].end <= _OPENED:
            self._naps[-1].opened = True
        charge = it.body.get("battery_pct")
        self._charge_pct = self._charge_pct if charge is None else float(charge)

    def _heard(self, at: datetime) -> None:
        before, self._last = self._last, at
        if before is None:
            return
        if at - before <= timedelta(seconds=self._settings.nap_s):
            self._awake(at)
        elif self._charge_pct is not None and self._charge_pct >= self._settings.charged_pct:
            self._slept(_Nap(before, at, self._charge_pct))

    def _awake(self, at: datetime) -> None:
        if self._certain_at is not None and self._since is not None and at - self._naps[-1].end >= _AWAKE:
            self._ended.append(Lasting(self._since, self._certain_at, at))
            self._certain_at, self._naps = None, []

    def _slept(self, nap: _Nap) -> None:
        if self._certain_at is None:
            self._naps = [it for it in self._naps if nap.end - it.end <= _WITHIN]
        self._naps.append(nap)
        if self._certain_at is None and len(self._naps) >= self._settings.naps:
            self._since, self._certain_at = self._naps[0].start, nap.end
            self._at[nap.end] = (list(self._naps), self._place)

    @override
    def episodes(self, until: datetime) -> list[Episode]:
        its = list(self._ended)
        if self._certain_at is not None and self._since is not None:
            its.append(Lasting(self._since, self._certain_at))
        return [self._episode(it) for it in its]

    def _episode(self, lasting: Lasting) -> Episode:
        naps, place = self._at[lasting.certain_at]
        said = reason(
            Why.APP_ASLEEP,
            device=self._tour.device.name,
            holder=self._tour.holder,
            naps=len(naps),
            opened=sum(it.opened for it in naps),
            longest_s=max((it.end - it.start).total_seconds() for it in naps),
            battery_pct=naps[-1].charge_pct,
            since_at=lasting.since,
        )
        return self._rule.episode(
            self._tour,
            lasting,
            class_="asleep",
            severity=self._settings.severity,
            what="falls asleep though it is charged",
            reasons=(said,),
            place=place,
            ended="it has been heard for an hour without a hole",
        )


rule: Rule = AppAsleep()
