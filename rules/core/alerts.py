"""The life of an alert: opened, acknowledged, changed, resolved, reopened; a state machine over values."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

SYSTEM = "system"  # the actor of everything that no person did
UNPROVEN = "unproven"  # the class of an alert that blames nobody yet
WITHDRAWN = "withdrawn"  # the class of an alert that late proof showed to be wrong
WAIVED = "waived"  # the class of an alert whose duty a person has waived

Reason = Mapping[str, Any]
"""One named reason with its numbers, such as {"reason": "nearest_fix", "distance_m": 312.4}."""


class Severity(StrEnum):
    """How much an alert presses."""

    INFO = "info"
    WARNING = "warning"
    HIGH = "high"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """Higher presses more."""
        return list(Severity).index(self)


class AlertState(StrEnum):
    """Where an alert stands with people."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"


@dataclass(frozen=True, kw_only=True)
class Matter:
    """What is so, with which thing, why, whose and where: degrees WGS-84.

    Attributes:
        fingerprint: rule, subject and, for a duty, its key: what makes two alerts the same one.
    """

    fingerprint: str
    rule: str
    subject: str
    class_: str
    severity: Severity
    title: str
    reasons: tuple[Reason, ...] = ()
    grid: str | None = None
    unit: str | None = None
    device: str | None = None
    duty: int | None = None
    incident: int | None = None
    evidence: int | None = None
    lat: float | None = None
    lon: float | None = None


@dataclass(frozen=True, kw_only=True)
class Alert(Matter):
    """One row of `alert`; `id` is None until it is stored. Times are aware UTC."""

    id: int | None = None
    state: AlertState
    opened_at: datetime
    changed_at: datetime
    acked_at: datetime | None = None
    acked_by: str | None = None
    resolved_at: datetime | None = None
    resolved_by: str | None = None
    resolution: str | None = None
    reopened: int = 0

    @property
    def live(self) -> bool:
        """Whether it is not resolved."""
        return self.state is not AlertState.RESOLVED


@dataclass(frozen=True, kw_only=True)
class Raise(Matter):
    """A rule says: this is so.

    Attributes:
        occurred_at: since when it is so; an alert that a person resolved after that is left alone.
        key: of the one reading behind it, when each such reading is news in itself (a button pressed again).
        note: what history says about this time.
    """

    occurred_at: datetime
    key: str | None = None
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Clear:
    """A rule says: this is not, or no longer, so.

    Attributes:
        event: the word for history: resolved, withdrawn, waived, superseded or inhibited.
        class_: the class that the alert takes on its way out, None keeps it.
        actor: who brought it about, when a person did.
    """

    fingerprint: str
    note: str
    event: str = "resolved"
    class_: str | None = None
    actor: str = SYSTEM


@dataclass(frozen=True, kw_only=True)
class Note:
    """A rule has something to add to a live alert's history, and nothing else changes."""

    fingerprint: str
    event: str
    note: str
    key: str | None = None


Intent = Raise | Clear | Note


@dataclass(frozen=True)
class Entry:
    """One line of an alert's history; `tell` when people who were told before must hear it."""

    at: datetime
    event: str
    actor: str
    note: str = ""
    key: str | None = None
    tell: bool = False


@dataclass(frozen=True)
class Change:
    """An alert as it shall be stored, and the history that goes with it."""

    alert: Alert
    entries: tuple[Entry, ...] = field(default_factory=tuple)


_CALLS_AGAIN = timedelta(minutes=2)  # a button pressed on and on is one call; so long after it was seen, a new one


def apply(current: Alert | None, intent: Intent, *, at: datetime, keep_open: timedelta | None) -> Change | None:
    """What an intent does to the newest alert of its fingerprint.

    Args:
        current: the live alert, else the one resolved last, else None.
        intent: what the rule says.
        at: now.
        keep_open: an alert resolved no longer ago than this is reopened, not opened anew; None means for ever.

    Returns:
        The change, or None when there is nothing to change.
    """
    match intent:
        case Clear():
            return _clear(current, intent, at)
        case Note():
            return _note(current, intent, at)
        case Raise():
            if current is None:
                return _open(intent, at)
            return _update(current, intent, at) if current.live else _again(current, intent, at, keep_open)


def acknowledge(alert: Alert, *, actor: str, at: datetime) -> Change | None:
    """A person has seen it; None when someone had already."""
    if alert.state is not AlertState.OPEN:
        return None
    seen = replace(alert, state=AlertState.ACKNOWLEDGED, acked_at=at, acked_by=actor, changed_at=at)
    return Change(seen, (Entry(at, "acknowledged", actor),))


def resolve(alert: Alert, *, actor: str, note: str, at: datetime) -> Change | None:
    """A person closes it; None when it is closed already."""
    if not alert.live:
        return None
    return Change(_resolved(alert, by=actor, note=note, at=at), (Entry(at, "resolved", actor, note, tell=True),))


def tally(reasons: tuple[Reason, ...]) -> int:
    """How many items an alert about several things counts; 0 when it is about one."""
    return next((int(reason["items"]) for reason in reasons if "items" in reason), 0)


def _open(intent: Raise, at: datetime) -> Change:
    alert = Alert(
        fingerprint=intent.fingerprint,
        rule=intent.rule,
        subject=intent.subject,
        class_=intent.class_,
        severity=intent.severity,
        state=AlertState.OPEN,
        title=intent.title,
        opened_at=at,
        changed_at=at,
    )
    return Change(_filled(alert, intent, at), (Entry(at, "opened", SYSTEM, intent.note, intent.key, tell=True),))


def _filled(alert: Alert, intent: Raise, at: datetime) -> Alert:
    """The alert with what the intent says now; what it leaves out stays."""
    return replace(
        alert,
        class_=intent.class_,
        severity=intent.severity,
        title=intent.title,
        reasons=intent.reasons,
        grid=intent.grid or alert.grid,
        unit=intent.unit or alert.unit,
        device=intent.device or alert.device,
        duty=intent.duty or alert.duty,
        incident=intent.incident or alert.incident,
        evidence=intent.evidence or alert.evidence,
        lat=alert.lat if intent.lat is None else intent.lat,
        lon=alert.lon if intent.lon is None else intent.lon,
        changed_at=at,
    )


def _update(current: Alert, intent: Raise, at: datetime) -> Change | None:
    filled = _filled(current, intent, at)
    if replace(filled, changed_at=current.changed_at, evidence=current.evidence) == current and intent.key is None:
        return None
    worse = (
        intent.severity.rank > current.severity.rank
        or tally(intent.reasons) > tally(current.reasons)
        or (current.class_ == UNPROVEN and intent.class_ != UNPROVEN)
        or (intent.key is not None and current.acked_at is not None and at - current.acked_at >= _CALLS_AGAIN)
    )
    if worse and current.state is AlertState.ACKNOWLEDGED:
        # It was something lesser, or an earlier call, that the person had seen.
        filled = replace(filled, state=AlertState.OPEN, acked_at=None, acked_by=None)
    if current.class_ != intent.class_:
        event, note = "changed", f"{current.class_} -> {intent.class_}. {intent.note}".strip()
    elif intent.key is not None:
        event, note = "again", intent.note
    elif worse or tally(intent.reasons) != tally(current.reasons):
        event, note = "changed", intent.note or intent.title
    else:
        return Change(filled)
    return Change(filled, (Entry(at, event, SYSTEM, note, intent.key, tell=worse or event == "changed"),))


def _again(current: Alert, intent: Raise, at: datetime, keep_open: timedelta | None) -> Change | None:
    assert current.resolved_at is not None  # noqa: S101  the table's rows are resolved with a time
    same = current.class_ == intent.class_ and intent.occurred_at <= current.resolved_at and intent.key is None
    if same and current.resolved_by != SYSTEM:
        return None
    if keep_open is not None and at - current.resolved_at > keep_open:
        return _open(intent, at)
    reopened = replace(
        _filled(current, intent, at),
        state=AlertState.OPEN,
        reopened=current.reopened + 1,
        acked_at=None,
        acked_by=None,
        resolved_at=None,
        resolved_by=None,
        resolution=None,
    )
    return Change(reopened, (Entry(at, "reopened", SYSTEM, intent.note, intent.key, tell=True),))


def _clear(current: Alert | None, intent: Clear, at: datetime) -> Change | None:
    if current is None:
        return None
    entry = Entry(at, intent.event, intent.actor, intent.note, tell=intent.event != "inhibited")
    if current.live:
        closed = _resolved(current, by=intent.actor, note=intent.note, at=at)
        return Change(replace(closed, class_=intent.class_ or current.class_), (entry,))
    if intent.class_ in (WITHDRAWN, WAIVED) and current.class_ != intent.class_:
        # Closed by a person or covered by another alert, and now wrong or forgiven: the record must say so.
        return Change(replace(current, class_=intent.class_, changed_at=at), (entry,))
    return None


def _note(current: Alert | None, intent: Note, at: datetime) -> Change | None:
    if current is None or not current.live:
        return None
    return Change(replace(current, changed_at=at), (Entry(at, intent.event, SYSTEM, intent.note, intent.key),))


def _resolved(alert: Alert, *, by: str, note: str, at: datetime) -> Alert:
    return replace(alert, state=AlertState.RESOLVED, resolved_at=at, resolved_by=by, resolution=note, changed_at=at)
