"""What proves that a unit was at a place in, before or after its window; by fixes, by a tag, or by a stay."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from rules.core.alerts import Reason
from rules.core.fixes import Span
from rules.core.places import Place
from rules.core.presence import (
    Sighting,
    Terms,
    Tracked,
    absences,
    doubts,
    sight_around,
    visit_reasons,
)
from rules.core.reasons import Why, instant, reason
from rules.core.scans import Touch, shown
from rules.core.visits import Visit
from rules.core.witness import evidence

Phase = Literal["met", "late", "early"]


@dataclass(frozen=True)
class Times:
    """A window, and how much before and after it still counts as early and late."""

    window: Span
    early: timedelta
    late: timedelta

    @property
    def held(self) -> Span:
        """All of it."""
        return self.window.widened(before=self.early, after=self.late)

    def phases(self) -> tuple[tuple[Phase, Span], ...]:
        """The spans to look at, the one that counts most first."""
        window = self.window
        return (
            ("met", window),
            ("late", Span(window.end, window.end + self.late)),
            ("early", Span(window.start - self.early, window.start)),
        )

    def phase_of(self, start: datetime, end: datetime) -> Phase:
        """What a stay from `start` to `end` counts as."""
        if start > self.window.end:
            return "late"
        return "early" if end < self.window.start else "met"


@dataclass(frozen=True)
class Proof:
    """One time that somebody was there: seen by fixes, or shown by a tag."""

    at: datetime
    sighting: Sighting | None = None
    visit: Visit | None = None
    touch: Touch | None = None

    @property
    def reasons(self) -> list[Reason]:
        """How it is known."""
        if self.touch is not None:
            return [self.touch.proof]
        assert self.sighting is not None  # noqa: S101  a proof is of one kind or the other
        assert self.visit is not None  # noqa: S101
        return visit_reasons(self.sighting, self.visit)


@dataclass(frozen=True)
class Finding:
    """What all devices and tags show about one place: proofs of one phase, in order of time, or none.

    Attributes:
        span: where the sightings look.
    """

    phase: Phase | None
    proofs: tuple[Proof, ...]
    place: Place
    span: Span
    sightings: tuple[Sighting, ...]
    touches: tuple[Touch, ...]

    @property
    def doubts(self) -> list[Reason]:
        """Why nobody can say that nobody was there."""
        unsure = [it.doubt for it in self.touches if it.where != "near"]
        return unsure + doubts(self.sightings)

    @property
    def absences(self) -> list[Reason]:
        """What shows that nobody was there."""
        return absences(self.sightings)

    def evidence(self) -> dict[str, Any]:
        """Copies of everything that it rests on."""
        kept = evidence(self.place, self.span, self.sightings)
        if self.touches:
            kept["scans"] = shown(self.touches)
        if self.proofs and (touch := self.proofs[0].touch) is not None:
            kept["visit"] = {
                "device": touch.scan.device,
                "holder": touch.scan.holder,
                "at": instant(touch.scan.time),
                "received_at": None,
            }
        return kept


def find(
    place: Place,
    times: Times,
    terms: Terms,
    *,
    tracked: Sequence[Tracked],
    touches: tuple[Touch, ...],
    unplaced_count: bool = False,
) -> Finding:
    """When the unit was at a place: in its window if at all, else after it, else before it.

    Args:
        place: where.
        times: when.
        terms: what a pass must be to count.
        tracked: the unit's devices.
        touches: scans of the place's tags.
        unplaced_count: whether a tag read where nobody knows proves presence.
    """
    touches = tuple(it for it in touches if it.scan.time in times.held)
    counting = tuple(it for it in touches if it.where == "near" or (unplaced_count and it.where == "unplaced"))
    if terms.dwell_s:
        return _stays(place, times, terms, tracked=tracked, touches=touches, counting=counting)
    for phase, span in times.phases():
        sightings = tuple(it.sight(place, span, terms) for it in tracked)
        proofs = _seen(sightings) + [Proof(it.scan.time, touch=it) for it in counting if it.scan.time in span]
        if proofs:
            return Finding(phase, _in_order(proofs), place, span, sightings, touches)
    sightings = _around(place, times, terms, tracked)
    return Finding(None, (), place, times.window, sightings, _unproven(touches, counting))


def _around(place: Place, times: Times, terms: Terms, tracked: Sequence[Tracked]) -> tuple[Sighting, ...]:
    return tuple(sight_around(it, place, times.window, times.held, terms) for it in tracked)


def _stays(
    place: Place,
    times: Times,
    terms: Terms,
    *,
    tracked: Sequence[Tracked],
    touches: tuple[Touch, ...],
    counting: tuple[Touch, ...],
) -> Finding:
    """A stay may begin in the window and end after it, so all of the time is looked at as one.

    Tags show a stay when the same device read one when it came and again when it went.
    """
    span = times.held
    sightings = tuple(it.sight(place, span, terms) for it in tracked)
    dwell = timedelta(seconds=terms.dwell_s or 0)
    stays = [(times.phase_of(it.at, it.visit.until or it.at), it) for it in _seen(sightings) if it.visit]
    for number, touch in enumerate(counting):
        came, rest = touch.scan, counting[number + 1 :]
        mine = (it.scan for it in rest if it.scan.device == came.device)
        went = next((it for it in mine if it.time - came.time >= dwell), None)
        if went is not None and came.time in span:
            stays.append((times.phase_of(came.time, went.time), Proof(came.time, touch=touch)))
    for phase, _ in times.phases():
        proofs = [proof for its, proof in stays if its == phase]
        if proofs:
            return Finding(phase, _in_order(proofs), place, span, sightings, touches)
    sightings = _around(place, times, terms, tracked)
    return Finding(None, (), place, times.window, sightings, _unproven(touches, counting))


def _seen(sightings: Sequence[Sighting]) -> list[Proof]:
    return [Proof(visit.at, it, visit) for it in sightings for visit in it.visits]


def _in_order(proofs: list[Proof]) -> tuple[Proof, ...]:
    """By time; of two at one moment the one by fixes first, then by device."""
    return tuple(sorted(proofs, key=lambda it: (it.at, it.touch is not None, _device(it))))


def _device(proof: Proof) -> str:
    return proof.sighting.device if proof.sighting else proof.touch.scan.device if proof.touch else ""


def _unproven(touches: tuple[Touch, ...], counting: tuple[Touch, ...]) -> tuple[Touch, ...]:
    """Scans that prove nothing; those that are near and out of the time, or too short, are no reason for doubt."""
    return tuple(it for it in touches if it not in counting)


def timing(phase: Phase, at: datetime, window: Span) -> list[Reason]:
    """How early or late a proof is."""
    if phase == "late":
        return [reason(Why.LATE_BY, late_s=(at - window.end).total_seconds())]
    return [reason(Why.EARLY_BY, early_s=(window.start - at).total_seconds())] if phase == "early" else []
