"""What a rule is: its name, its settings, and one of five ways to look at the world.

A `DutyRule` judges duties, a `ReadingRule` looks at single readings that press (buttons), a `TrackRule` finds episodes
in what one device reported over a span, a `SweepRule` looks at the state of all devices now and then, a `ServiceRule`
at gengfu's own. All of them are pure: they get values and return values.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict

from rules.core.alerts import Intent
from rules.core.duties import Duty, Judgement
from rules.core.fixes import Span
from rules.core.presence import Tracked
from rules.core.rounds import Round
from rules.core.scans import Scan
from rules.core.service import BrokerDisk, Excess, IngestLane, Sums
from rules.core.world import Device, World
from rules.settings import SettingsBook

Subject = Literal["checkpoint", "incident", "equipment", "line", "grid", "unit", "area", "round"]


class RuleSettings(BaseModel):
    """Base of every rule's settings: unknown keys are refused, values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


@dataclass(frozen=True, kw_only=True)
class IncidentFacts:
    """What a rule may know about an incident."""

    id: int
    number: str
    kind: str
    lat: float | None
    lon: float | None
    radius_m: float
    grid: str | None
    unit: str | None
    dispatched_at: datetime | None
    closed_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class Planned:
    """A duty to be made, with the round it belongs to."""

    duty: Duty
    round: Round | None = None


@dataclass(frozen=True, kw_only=True)
class Planning:
    """What a planner gets.

    Attributes:
        since: what ended before this has been planned before.
        until: how far ahead to plan.
        backfill: after this long a verdict is final.
        incidents: those that were just dispatched; planners of other things see none.
        units: whose duties are wanted; None: everybody's. A planner may name others, too.
    """

    world: World
    settings: SettingsBook
    now: datetime
    since: datetime
    until: datetime
    backfill: timedelta
    incidents: Sequence[IncidentFacts] = ()
    units: frozenset[str] | None = None


@dataclass(frozen=True, kw_only=True)
class Need:
    """Which fixes a judgement wants to see: of a unit's devices (None: of any unit's), within a span.

    `held` is the span whose custody counts; the wider `span` only helps to judge its ends. `scans` asks for the tags
    that those devices read as well.
    """

    unit: str | None
    held: Span
    span: Span
    scans: bool = False


@dataclass(frozen=True, kw_only=True)
class Case:
    """A duty and everything that a judgement of it may rest on."""

    duty: Duty
    world: World
    settings: SettingsBook
    tracked: tuple[Tracked, ...] = ()
    incident: IncidentFacts | None = None
    scans: tuple[Scan, ...] = ()


@dataclass(frozen=True, kw_only=True)
class OpenTicket:
    """Work for someone; one open ticket per fingerprint."""

    fingerprint: str
    kind: Literal["inspect", "repair", "replace", "rectify", "hand_over"]
    title: str
    text: str
    equipment: str | None
    grid: str | None
    due_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class CloseTicket:
    """The work is done or no longer wanted."""

    fingerprint: str
    resolution: str


@dataclass(frozen=True, kw_only=True)
class Arrival:
    """When somebody was at an incident; None when nobody was."""

    incident: int
    at: datetime | None


Effect = OpenTicket | CloseTicket | Arrival


@dataclass(frozen=True, kw_only=True)
class Member:
    """A duty after judgement; `evidence` only when it was judged just now."""

    duty: Duty
    evidence: Mapping[str, Any] | None = None


@dataclass(frozen=True, kw_only=True)
class Group:
    """The duties that share alerts: those of a round, of a community, or one alone."""

    key: str
    round: Round | None
    members: tuple[Member, ...]
    world: World
    settings: SettingsBook
    now: datetime


@dataclass(frozen=True, kw_only=True)
class SignalReading:
    """A reading that presses, with where it was made: degrees WGS-84, `place_age_s` seconds before the reading."""

    device: Device
    time: datetime
    digest: int
    received_at: datetime
    flags: int
    body: Mapping[str, Any]
    lat: float | None = None
    lon: float | None = None
    place_age_s: float | None = None
    grid: str | None = None

    @property
    def key(self) -> str:
        """Names this one reading for ever."""
        return f"{self.device.name}/{self.time.isoformat()}/{self.digest}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One stored position with all that it says: degrees WGS-84, metres, m/s, percent, aware UTC."""

    time: datetime
    digest: int
    lat: float
    lon: float
    accuracy_m: float | None = None
    speed_mps: float | None = None
    battery_pct: int | None = None
    flags: int = 0
    grid: str | None = None


@dataclass(frozen=True, kw_only=True)
class TrackCase:
    """What one device reported over a span, and everything that a judgement of it may rest on.

    Attributes:
        span: what is judged.
        samples: of the span and of the rule's `lookback` before it, ordered by (time, digest), each once.
        readings: buttons and statuses of the same time, in the same order.
    """

    device: Device
    span: Span
    samples: Sequence[Sample]
    readings: Sequence[SignalReading] = ()
    world: World
    settings: SettingsBook


@dataclass(frozen=True, kw_only=True)
class Episode:
    """A condition from when it was certain to when it was certainly over; `ended_at` None while it lasts.

    `key` names it for ever: it depends on the readings alone, so that judging again finds the same episode.
    """

    key: str
    began_at: datetime
    ended_at: datetime | None
    raised: Intent


@dataclass(frozen=True, kw_only=True)
class Heard:
    """When ingest last had anything from a device, and where that was."""

    device: Device
    heard_at: datetime
    lat: float | None = None
    lon: float | None = None
    charge_pct: int | None = None  # of the vehicle that it sits in
    charge_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Sweep:
    """The state of all devices at a moment.

    Attributes:
        listening_since: since when ingest has been up without a break; None while it is down or in doubt.
        live: the fingerprints of this rule's live alerts.
    """

    world: World
    settings: SettingsBook
    now: datetime
    heard: Sequence[Heard]
    listening_since: datetime | None
    live: frozenset[str] = field(default_factory=frozenset)


@dataclass(frozen=True, kw_only=True)
class ServiceState:
    """gengfu's own state at a moment.

    Attributes:
        watched_s: seconds since these rules began to look; nobody was seen to be silent for longer.
        lanes: of ingest workers that have not said goodbye.
        excesses: devices beyond their allowance.
        sums: the ledger, a row for each worker's lane.
        broker_disk: what is known of it; None when nobody is to look.
        live: the fingerprints of this rule's live alerts.
    """

    world: World
    settings: SettingsBook
    now: datetime
    watched_s: float
    lanes: Sequence[IngestLane] = ()
    excesses: Sequence[Excess] = ()
    sums: Sequence[Sums] = ()
    broker_disk: BrokerDisk | None = None
    live: frozenset[str] = field(default_factory=frozenset)


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
    """

    subject: ClassVar[Subject]
    shares: ClassVar[Literal["round", "community", "nothing"]] = "nothing"
    follows_world: ClassVar[bool] = False
    replans: ClassVar[bool] = False

    @abstractmethod
    def plan(self, planning: Planning) -> list[Planned]:
        """The duties there should be; planning again gives the same keys."""

    @abstractmethod
    def need(self, case: Case) -> Need | None:
        """Which fixes the judgement wants; None when it wants none."""

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


class TrackRule(Rule):
    """A rule about conditions that last: found in the stored readings of one device, the same ones whenever it looks.

    Attributes:
        lookback: how much before a span must be read too, so that what is found in it does not depend on its start.
    """

    lookback: ClassVar[timedelta] = timedelta(minutes=30)

    @abstractmethod
    def episodes(self, case: TrackCase) -> list[Episode]:
        """The episodes that began, went on or ended within the span."""


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
