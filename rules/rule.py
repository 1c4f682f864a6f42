"""What a rule is: its name, its settings, and one of five ways to look at the world.

A `DutyRule` judges duties, a `ReadingRule` looks at single readings that press (buttons), a `TrackRule` (in a module of
its own) finds episodes in what one device reported over a span, a `SweepRule` looks at the state of all devices now and
then, a `ServiceRule` at gengfu's own. All of them are pure: they get values and return values.
"""

from abc import ABC, abstractmethod
from datetime import datetime, timedelta
from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict

from rules.core.alerts import Intent
from rules.core.duties import Duty, Judgement
from rules.core.world import World
from rules.facts import Case, Group, Planning, ServiceState, SignalReading, Sweep
from rules.replies import Effect, LongNeed, Need, Planned
from rules.settings import SettingsBook

Subject = Literal["checkpoint", "incident", "equipment", "line", "grid", "unit", "area", "round"]


class RuleSettings(BaseModel):
    """Base of every rule's settings: unknown keys are refused, values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Rule(ABC):
    """What all rules have.

    Attributes:
        name: the module's; never changes, because rows bear it.
        title: for people.
        settings: the model of what can be set, with defaults.
        keep_open: an alert that fires again no longer than this after it was resolved is reopened; None: always.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    settings: ClassVar[type[RuleSettings]]
    keep_open: ClassVar[timedelta | None] = None


class DutyRule(Rule):
    """A rule about something that must be done by a time.

    Attributes:
        subject: what a duty's `subject` names; dirty marks of that kind wake it.
        shares: which duties share alerts: a round's, a community's, or none.
        follows_world: a duty that the planner no longer names is judged at once.
        replans: a duty that the planner no longer names, or names with other times or another unit, is dropped when it
            has not begun, and superseded when it has.
        lasts: coming counts, as late, for hours after it has settled, at most for a day.
    """

    subject: ClassVar[Subject]
    shares: ClassVar[Literal["round", "community", "nothing"]] = "nothing"
    follows_world: ClassVar[bool] = False
    replans: ClassVar[bool] = False
    lasts: ClassVar[bool] = False

    @abstractmethod
    def plan(self, planning: Planning) -> list[Planned]:
        """The duties there should be; planning again gives the same keys."""

    @abstractmethod
    def need(self, case: Case) -> Need | None:
        """Which fixes the judgement wants; None when it wants none."""

    def long_need(self, case: Case) -> LongNeed | None:
        """What it wants to see of days and weeks; None when it wants nothing of the kind."""
        return None

    @abstractmethod
    def judge(self, case: Case, *, now: datetime) -> Judgement:
        """The verdict. In rules that judge readings `now` must not change what is found, only when to look again."""

    def effects(self, duty: Duty, case: Case, *, now: datetime) -> list[Effect]:
        """What follows besides alerts; `duty` is the case's duty after judgement."""
        return []

    @abstractmethod
    def alerts(self, group: Group) -> list[Intent]:
        """What people must know about a group of duties, after all of them were judged."""


class ReadingRule(Rule):
    """A rule about single readings."""

    @abstractmethod
    def signals(self, reading: SignalReading, *, world: World, settings: SettingsBook) -> list[Intent]:
        """What people must know because of one reading."""


class SweepRule(Rule):
    """A rule about the state of all devices."""

    every_s: ClassVar[float] = 15.0

    @abstractmethod
    def sweep(self, sweep: Sweep) -> list[Intent]:
        """What people must know about the state of all devices now."""


class ServiceRule(Rule):
    """A rule about gengfu itself."""

    every_s: ClassVar[float] = 15.0

    @abstractmethod
    def look(self, state: ServiceState) -> list[Intent]:
        """What people must know about gengfu's own state now."""
