"""Somebody who works alone has given no sign for too long.

To the officer: this person is alone on duty and has not moved, scanned, reported or checked in for so long; where it
was last.

Fires for the device of a person who is alone in the unit's shift (nobody else of the unit carries a device) when for
the set time there was no button, scan, report or answer, and no movement that its inaccuracy does not explain: class
`overdue`, and `no_answer`, critical, some minutes later. Every one of these resets the clock. A device that falls
silent is overdue all the same, for that is when help may be needed; only time in which gengfu itself did not listen
is left out.

Resolves with the next sign, when the shift ends, or by an officer's hand: somebody has spoken to the person.
"""

from datetime import datetime, timedelta
from typing import ClassVar

from pydantic import Field
from typing_extensions import override

from devices.geometry import distance_m
from rules.core.alerts import Severity
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

_SIGNS = frozenset({"button", "scan", "report", "task"})


class Settings(RuleSettings):
    """What can be set."""

    check_s: float = Field(
        1800, ge=60, le=86400, description="seconds without a sign: longer than a stop at a point takes"
    )
    escalate_s: float = Field(600, ge=0, le=86400, description="seconds more until it is critical: time for a call")
    moved_m: float = Field(50, gt=0, le=1000, description="metres that count as a movement, inaccuracy taken off")
    always: list[str] = Field(
        default_factory=list, description="codes of units that count as alone whoever else is there"
    )
    severity: Severity = Field(Severity.WARNING, description="while it is overdue; afterwards it is critical")


class LoneWorker(TrackRule):
    """People who are alone on duty."""

    name: ClassVar[str] = "lone_worker"
    title: ClassVar[str] = "Lone worker overdue"
    settings: ClassVar[type[RuleSettings]] = Settings
    by_silence: ClassVar[bool] = True
    keep_open: ClassVar[timedelta | None] = timedelta(0)

    @override
    def follow(self, tour: Tour, *, world: World, settings: SettingsBook, at: datetime) -> Follower | None:
        its = settings.at(self.name, Settings, at)
        if not tour.carried or not tour.first or not (tour.alone or tour.unit in its.always):
            return None
        return _Alone(self, tour, settings=its)


class _Alone(Follower):
    def __init__(self, rule: LoneWorker, tour: Tour, *, settings: Settings) -> None:
        self._rule = rule
        self._tour = tour
        self._settings = settings
        self._check = timedelta(seconds=settings.check_s)
        self._sign_at = tour.start
        self._anchor: Sample | None = None
        self._place: Sample | None = None
        self._ended: list[tuple[Lasting, Sample | None]] = []

    @override
    def reading(self, it: SignalReading) -> None:
        if it.type in _SIGNS and not (it.type == "button" and it.body.get("button") == "man_down"):
            self._sign(it.time)

    @override
    def sample(self, it: Sample) -> None:
        if not it.credible:
            return
        self._place = it
        if self._anchor is None:
            self._anchor = it
            return
        error_m = (self._anchor.accuracy_m or 0.0) + (it.accuracy_m or 0.0)
        if distance_m(self._anchor.lat, self._anchor.lon, it.lat, it.lon) - error_m > self._settings.moved_m:
            self._anchor = it
            self._sign(it.time)

    def _sign(self, at: datetime) -> None:
        overdue_at = self._sign_at + self._check
        if at > overdue_at:
            self._ended.append((Lasting(self._sign_at, overdue_at, at), self._place))
        self._sign_at = at

    @override
    def next_at(self) -> datetime | None:
        return self._sign_at + self._check

    @override
    def episodes(self, until: datetime) -> list[Episode]:
        its = list(self._ended)
        overdue_at = self._sign_at + self._check
        if until > overdue_at:
            its.append((Lasting(self._sign_at, overdue_at), self._place))
        return [self._episode(lasting, place, until) for lasting, place in its]

    def _episode(self, lasting: Lasting, place: Sample | None, until: datetime) -> Episode:
        settings = self._settings
        last = lasting.ended_at or until
        urgent = last - lasting.certain_at >= timedelta(seconds=settings.escalate_s)
        said = reason(
            Why.NO_SIGN,
            device=self._tour.device.name,
            holder=self._tour.holder,
            since_at=lasting.since,
            limit_s=settings.check_s,
        )
        return self._rule.episode(
            self._tour,
            lasting,
            class_="no_answer" if urgent else "overdue",
            severity=Severity.CRITICAL if urgent else settings.severity,
            what=f"is alone and has given no sign for {length(self._check)}",
            reasons=(said,),
            place=place,
            ended="it has given a sign",
        )


rule: Rule = LoneWorker()
