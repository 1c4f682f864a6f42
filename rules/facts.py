"""What a rule is given: the planning, the case, the group, the readings or the state that it looks at.

Plain values that whoever feeds the rules has read; a rule sees nothing else.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from devices.plausibility import Flag
from rules.core.duties import Duty
from rules.core.equipment import Device
from rules.core.fixes import Span
from rules.core.presence import Tracked
from rules.core.rounds import Round
from rules.core.scans import Scan
from rules.core.service import BrokerDisk, Excess, IngestLane, OpenObjection, Sums
from rules.core.stays import LongView
from rules.core.tours import Errand
from rules.core.world import World
from rules.settings import SettingsBook

_UNUSABLE = int(Flag.MOCK | Flag.NULL_ISLAND)  # a plain number: arithmetic on flags is slow


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
