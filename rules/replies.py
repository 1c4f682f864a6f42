"""What a rule answers besides verdicts and alerts: duties to be made, what it wants to see, what follows, episodes."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from rules.core.alerts import Raise
from rules.core.duties import Duty
from rules.core.fixes import Span
from rules.core.rounds import Round
from rules.core.search import Near


@dataclass(frozen=True, kw_only=True)
class Planned:
    """A duty to be made, with the round it belongs to."""

    duty: Duty
    round: Round | None = None


@dataclass(frozen=True, kw_only=True)
class Need:
    """Which fixes a judgement wants to see: of a unit's devices (None: of any unit's), within a span.

    `held` is the span whose custody counts; the wider `span` only helps to judge its ends. `scans` asks for the tags
    that those devices read as well, `grids` for the grid in which each fix was made. With `near` only those devices
    are wanted that can decide whether anybody was there.
    """

    unit: str | None
    held: Span
    span: Span
    scans: bool = False
    grids: bool = False
    near: Near | None = None


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
