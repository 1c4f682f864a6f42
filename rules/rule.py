"""What a rule is: its name, its settings, and one of five ways to look at the world.

A `DutyRule` judges duties, a `ReadingRule` looks at single readings that press (buttons), a `TrackRule` finds episodes
in what one device reported over a span, a `SweepRule` looks at the state of all devices now and then, a `ServiceRule`
at gengfu's own. All of them are pure: they get values and return values.
"""

from abc import ABC, abstractmethod
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict

from devices.plausibility import Flag
from rules.core.alerts import Intent, Raise, Reason, Severity
from rules.core.duties import Duty, Judgement
from rules.core.fixes import Span
from rules.core.latch import Lasting
from rules.core.presence import Tracked
from rules.core.reasons import instant
from rules.core.rounds import Round
from rules.core.scans import Scan
from rules.core.service import BrokerDisk, Excess, IngestLane, OpenObjection, Sums
from rules.core.stays import LongView
from rules.core.tours import LONGEST, Errand, Tour, Tours
from rules.core.world import Device, World
from rules.settings import SettingsBook

OFF_DUTY = "its unit is off duty, or nobody holds it any more"  # how what lasts ends when nothing else ends it
_UNUSABLE = int(Flag.MOCK | Flag.NULL_ISLAND)  # a plain number: arithmetic on flags is slow
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
    that those devices read as well, `grids` for the grid in which each fix was made.
    """

    unit: str | None
    held: Span
    span: Span
    scans: bool = False
    grids: bool = False


@dataclass(frozen=True, kw_only=True)
class LongNeed:
    """What a judgement over weeks wants to see: on which days the own devices of some posts stayed in some grids.

    Hours tell on which days that can be; only those days' fixes are read, until `days` of them prove it.

    Attributes:
        posts: codes.
        grids: codes.
        span: all of it.
        dwell_s: seconds in the grids on one local day that make a visit.
        days: how many such days are enough.
        max_gap_s: two fixes further apart do not tell what was between them.
        accuracy_m: less accurate fixes are left out.
    """

    posts: tuple[str, ...]
    grids: frozenset[str]
    span: Span
    dwell_s: float
    days: int
    max_gap_s: float
    accuracy_m: float


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a person found who checked something."""

    outcome: str
    note: str
    answered_at: datetime
    answered_by: str


@dataclass(frozen=True, kw_only=True)
class Case:
    """A duty and everything that a judgement of it may rest on."""

    duty: Duty
    world: World
    settings: SettingsBook
    tracked: tuple[Tracked, ...] = ()
    incident: IncidentFacts | None = None
    scans: tuple[Scan, ...] = ()
    long: LongView | None = None
    answer: Answer | None = None


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
    """A reading that is no position, with where it was made: degrees WGS-84, `place_age_s` seconds before it."""

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
    type: str = ""

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

    @property
    def credible(self) -> bool:
        """Whether it says where the device was: not made up, not the null island."""
        return not self.flags & _UNUSABLE


@dataclass(frozen=True, kw_only=True)
class TrackCase:
    """What one device reported over a span, and everything that a judgement of it may rest on.

    Attributes:
        span: what is judged.
        samples: of the span and of the rule's `lookback` before it, ordered by (time, digest), each once.
        readings: everything else that it said in the same time, in the same order.
        errands: when units had been sent somewhere.
    """

    device: Device
    span: Span
    samples: Sequence[Sample]
    readings: Sequence[SignalReading] = ()
    world: World
    settings: SettingsBook
    errands: Sequence[Errand] = ()


@dataclass(frozen=True, kw_only=True)
class Episode:
    """A condition from when it was certain to when it was certainly over; `ended_at` None while it lasts.

    `key` names it for ever: it depends on the readings alone, so that judging again finds the same episode. `ended`
    says in words how it ended.
    """

    key: str
    began_at: datetime
    ended_at: datetime | None
    raised: Raise
    ended: str = ""


class Follower(ABC):
    """What a rule has seen of one tour so far. It is fed in the order of (time, digest), each thing once."""

    @abstractmethod
    def sample(self, it: Sample) -> None:
        """Take the next position."""

    def reading(self, it: SignalReading) -> None:  # noqa: B027  most rules ask for positions alone
        """Take the next reading that is no position."""

    @abstractmethod
    def episodes(self, until: datetime) -> list[Episode]:
        """All that was found up to a moment, in order; asking changes nothing."""

    def next_at(self) -> datetime | None:
        """When time alone may change the answer, None: never."""
        return None


@dataclass(frozen=True, kw_only=True)
class Heard:
    """When ingest last had anything from a device, where that was, and the newest charge in percent that it said."""

    device: Device
    heard_at: datetime
    lat: float | None = None
    lon: float | None = None
    battery_pct: int | None = None
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
        objections: those that wait for an answer.
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
    objections: Sequence[OpenObjection] = ()
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


class TrackRule(Rule):
    """A rule about conditions that last: found in the stored readings of one device, the same ones whenever it looks.

    It follows each tour of a device by itself, so that no episode is longer than a tour and all that bears on one is
    in a tour's readings.

    Attributes:
        lookback: how much before a span must be read too: a whole tour that began before it.
        on_duty: looks at shifts alone; otherwise at a vehicle's days as well.
        by_silence: what it finds may come of hearing nothing, so it rests while nobody listened.
    """

    lookback: ClassVar[timedelta] = LONGEST
    on_duty: ClassVar[bool] = True
    by_silence: ClassVar[bool] = False

    @abstractmethod
    def follow(self, tour: Tour, *, world: World, settings: SettingsBook, at: datetime) -> Follower | None:
        """A new follower of a tour, with the settings that held at a moment; None when it is none of this rule's."""

    def episode(
        self,
        tour: Tour,
        lasting: Lasting,
        *,
        class_: str,
        severity: Severity,
        what: str,
        reasons: tuple[Reason, ...],
        place: Sample | None,
        ended: str = "",
        part: str = "",
    ) -> Episode:
        """An episode of this rule; `what` follows the device and who carries it in the title.

        `part` tells apart conditions that may hold at the same time.
        """
        device = tour.device.name
        who = ", ".join(dict.fromkeys((tour.holder, tour.unit)))
        raised = Raise(
            fingerprint=f"{self.name}:{device}{part and ':'}{part}",
            rule=self.name,
            subject=device,
            class_=class_,
            severity=severity,
            title=f"{device} ({who}) {what}",
            reasons=reasons,
            grid=place.grid if place else None,
            unit=tour.unit,
            device=device,
            lat=place.lat if place else None,
            lon=place.lon if place else None,
            occurred_at=lasting.certain_at,
        )
        return Episode(
            key=f"{self.name}:{device}{part and ':'}{part}:{instant(lasting.since)}",
            began_at=lasting.certain_at,
            ended_at=lasting.ended_at,
            raised=raised,
            ended=ended,
        )

    def concerns(self, tour: Tour) -> bool:
        """Whether it looks at tours of this sort: shifts, or the days of what nobody carries."""
        return tour.duty if self.on_duty or tour.carried else not tour.duty

    def episodes(self, case: TrackCase) -> list[Episode]:
        """The episodes that began, went on or ended within the span."""
        found: list[Episode] = []
        said = in_order(case.samples, case.readings)
        for tour in Tours(case.world, case.span).of(case.device.number, errands=case.errands):
            until = min(case.span.end, tour.end)
            follower = (
                self.follow(tour, world=case.world, settings=case.settings, at=until) if self.concerns(tour) else None
            )
            if follower is not None:
                feed(follower, said, after=tour.start, until=until)
                its = follower.episodes(until)
                found += [_cut(it, tour) for it in its] if tour.end <= case.span.end else its
        return [it for it in found if it.ended_at is None or it.ended_at >= case.span.start]


def in_order(samples: Sequence[Sample], readings: Sequence[SignalReading]) -> list[Sample | SignalReading]:
    """Both together in the order of (time, digest), in which they are each."""
    said: list[Sample | SignalReading] = [*samples, *readings]
    return sorted(said, key=lambda it: (it.time, it.digest)) if readings else said


def feed(follower: Follower, said: Sequence[Sample | SignalReading], *, after: datetime, until: datetime) -> None:
    """Give a follower everything from `after` to `until`, both included, of what may hold more and is in order."""
    start = bisect_left(said, after, key=_time)
    for it in said[start : bisect_right(said, until, lo=start, key=_time)]:
        if isinstance(it, Sample):
            follower.sample(it)
        else:
            follower.reading(it)


def _time(it: Sample | SignalReading) -> datetime:
    return it.time


def _cut(episode: Episode, tour: Tour) -> Episode:
    """Nothing outlasts its tour."""
    return episode if episode.ended_at is not None else replace(episode, ended_at=tour.end, ended=OFF_DUTY)


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
