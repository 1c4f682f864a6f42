"""A duty's life: planned, open, waiting, provisional, final; and when it must be judged next."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from rules.core.alerts import Reason
from rules.core.reasons import Why, reason


class State(StrEnum):
    """Where a duty stands in time."""

    PLANNED = "planned"
    OPEN = "open"
    WAITING = "waiting"  # the deadline has passed, its data may still be on the way
    PROVISIONAL = "provisional"
    FINAL = "final"
    SUPERSEDED = "superseded"  # a corrected plan has it no longer; it stays as it was, for the record


class Verdict(StrEnum):
    """What became of a duty."""

    EARLY = "early"
    MET = "met"
    LATE = "late"
    MISSED = "missed"
    IN_DOUBT = "in_doubt"
    WAIVED = "waived"


NOT_PROVEN = frozenset({Verdict.MISSED, Verdict.IN_DOUBT})
PROVEN = frozenset({Verdict.MET, Verdict.EARLY, Verdict.LATE})
_NEEDS_NO_WAIVER = frozenset({Verdict.MET, Verdict.WAIVED})
_SAID_AT_ONCE = frozenset({Verdict.MET, Verdict.LATE, Verdict.WAIVED})  # no later data can turn these into a reproach
_SOONEST = timedelta(seconds=2)  # a rule that asks for a look at a time already past must not make the worker spin
_LOOK_AGAIN = timedelta(seconds=60)  # first new look at an unproven verdict; then each time after twice as long


@dataclass(frozen=True, kw_only=True)
class Duty:
    """One row of `duty`; `id` is None until it is stored. Times are aware UTC."""

    id: int | None = None
    rule: str
    key: str
    subject: str
    unit: str | None = None
    round: int | None = None
    grid: str | None = None
    opens_at: datetime
    due_at: datetime
    settles_at: datetime
    final_at: datetime
    state: State = State.PLANNED
    verdict: Verdict | None = None
    reasons: tuple[Reason, ...] = ()
    met_at: datetime | None = None
    judged_at: datetime | None = None
    judge_at: datetime | None = None
    evidence: int | None = None
    context: Mapping[str, Any] = field(default_factory=dict)
    waived_at: datetime | None = None
    waived_by: str | None = None
    waived_why: str | None = None


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """What a rule found; it depends on the stored readings, the dated world and the dated settings alone.

    Attributes:
        verdict: None while nothing can be said, however late it is.
        done: nothing later can change it, so it is final at once.
        look_again_at: when the rule itself wants another look, None leaves that to the duty's own times.
        may_turn: what is still to come can make it worse, so nothing is said before the duty has settled.
        unfinished: what it rests on is still on its way, so it cannot be final however late it is.
    """

    verdict: Verdict | None
    reasons: tuple[Reason, ...] = ()
    met_at: datetime | None = None
    evidence: Mapping[str, Any] | None = None
    done: bool = False
    look_again_at: datetime | None = None
    may_turn: bool = False
    unfinished: bool = False


@dataclass(frozen=True, kw_only=True)
class Standing:
    """What may be said about a duty at a moment, and when to look again (None: never)."""

    state: State
    verdict: Verdict | None
    reasons: tuple[Reason, ...]
    met_at: datetime | None
    judge_at: datetime | None


def state_at(duty: Duty, now: datetime) -> State:
    """The state that time alone gives a duty."""
    if now >= duty.final_at:
        return State.FINAL
    if now >= duty.settles_at:
        return State.PROVISIONAL
    if now >= duty.due_at:
        return State.WAITING
    return State.OPEN if now >= duty.opens_at else State.PLANNED


def stand(duty: Duty, judgement: Judgement, *, now: datetime) -> Standing:
    """What a judgement allows to be said now: a reproach only when the duty has settled."""
    state = State.FINAL if judgement.done else state_at(duty, now)
    if state is State.FINAL and judgement.unfinished:
        state = State.PROVISIONAL
    judgement = excused(duty, judgement, state=state)
    settled = state in (State.PROVISIONAL, State.FINAL)
    at_once = judgement.verdict in _SAID_AT_ONCE and not judgement.may_turn
    if judgement.verdict is not None and (settled or at_once):
        return Standing(
            state=state,
            verdict=judgement.verdict,
            reasons=judgement.reasons,
            met_at=judgement.met_at,
            judge_at=next_look(duty, judgement, state=state, now=now),
        )
    return Standing(
        state=state,
        verdict=None,
        reasons=(),
        met_at=None,
        judge_at=next_look(duty, judgement, state=state, now=now),
    )


def excused(duty: Duty, judgement: Judgement, *, state: State) -> Judgement:
    """What is left of a judgement on a duty that a person has waived.

    Proof that it was done in time makes it met all the same. Whatever else was found stands behind the waiver, with
    its reasons and its evidence. Nothing is said before the duty has begun: its plan may still change.
    """
    if duty.waived_at is None or state is State.PLANNED or judgement.verdict in _NEEDS_NO_WAIVER:
        return judgement
    why = reason(Why.WAIVED, by=duty.waived_by, waived_at=duty.waived_at, said=duty.waived_why)
    return replace(judgement, verdict=Verdict.WAIVED, reasons=(why, *judgement.reasons))


def next_look(duty: Duty, judgement: Judgement, *, state: State, now: datetime) -> datetime | None:
    """When to judge a duty again if nothing wakes it before."""
    if state is State.FINAL:
        return None
    if judgement.look_again_at is not None:
        return max(judgement.look_again_at, now + _SOONEST)
    if now < duty.settles_at:
        return duty.settles_at
    if judgement.verdict in NOT_PROVEN:
        # Fixes that lie far from the place wake nobody unless they come late, yet they fill holes.
        return min(duty.final_at, now + max(_LOOK_AGAIN, now - duty.settles_at))
    return duty.final_at
