"""Which of all devices can decide whether anybody came to a place; the fixes of the others need not be read.

A town has thousands of devices, and next to all of them were nowhere near. What the database says of each in one row
is enough to leave them out, and the verdict stays the same to the byte.
"""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from math import inf

from rules.core.equipment import Tracker
from rules.core.fixes import PACES, Pace, Span
from rules.core.places import Circle
from rules.core.presence import Tracked
from rules.core.testimony import DEVICES_KEPT

AROUND = max(pace.max_gap for pace in PACES.values())
"""A fix this long before or after a window may still say something about it."""
_ROUNDING_M = 1.0  # more than the database's reckoning and ours can differ
_NARROW_M = 5000.0  # in a town, more than enough devices are nearer
_GROWTH = 8  # times as many devices with each further look for one that was in sight


@dataclass(frozen=True, kw_only=True)
class Near:
    """A place to which anybody may come.

    Attributes:
        place: where.
        limit: within which somebody should be there.
        after: in which it still counts, as late.
        settles_at: a judgement may rest on what was reported until then, or on all there is.
    """

    place: Circle
    limit: Span
    after: Span
    settles_at: datetime


@dataclass(frozen=True)
class Look:
    """A question to the database: what fixes around a span say, those of a square of this half width alone."""

    span: Span
    box_m: float = inf


@dataclass(frozen=True)
class Glimpse:
    """What one row says of a device's credible fixes, whoever held it.

    Attributes:
        fixes: how many it made within the span.
        nearest_m: how near the nearest of those was; None without one.
        around_m: the same with those made `AROUND` the span.
    """

    fixes: int
    nearest_m: float | None
    around_m: float


@dataclass(frozen=True)
class View:
    """What is known of all devices in one window.

    Args:
        look: what was asked.
        glimpses: by device number; a device without one made no credible fix there.
        trackers: all that count.
        reach_m: by device number, how much nearer than its fixes a movement between them can come.
    """

    look: Look
    glimpses: Mapping[int, Glimpse]
    trackers: Sequence[Tracker]
    reach_m: Mapping[int, float]

    @cached_property
    def named_m(self) -> float | None:
        """As many devices as evidence names came at least so near; None when this view is too narrow to say."""
        span = self.look.span
        sure = []
        for tracker in self.trackers:
            glimpse = self.glimpses.get(tracker.device.number)
            whole = any(it.start <= span.start and span.end <= it.end for it in tracker.spells)
            if whole and glimpse and glimpse.nearest_m is not None:
                sure.append(glimpse.nearest_m)
        nearest = sorted(sure)[DEVICES_KEPT - 1] if len(sure) >= DEVICES_KEPT else inf
        surely_m = self.look.box_m - max(self.reach_m.values(), default=0.0) - _ROUNDING_M
        return nearest if nearest < surely_m else None

    def least_m(self, number: int) -> float:
        """No fix and no movement of a device came nearer than this; infinite when there was none at all."""
        glimpse = self.glimpses.get(number)
        return (glimpse.around_m if glimpse else self.look.box_m) - self.reach_m[number]

    def within(self, bound_m: float) -> set[int]:
        """Those that may have come so near."""
        return {n for n in self.reach_m if self.least_m(n) <= bound_m + _ROUNDING_M}

    @cached_property
    def heard(self) -> list[int]:
        """Those with a fix, most fixes first: who has none around a window was not in sight."""
        return sorted(self.glimpses.keys() & self.reach_m.keys(), key=lambda n: (-self.glimpses[n].fixes, n))


@dataclass
class Search:
    """Widens from the devices that came near until what is left out cannot change the judgement.

    Evidence names the nearest devices; whether somebody was in sight all the time takes one device that was, and
    when there is none, the first ones of all say why.

    Args:
        near: what is asked.
        trackers: all that count, in the order in which they are judged.
        paces: of each of them.
    """

    near: Near
    trackers: Sequence[Tracker]
    paces: Sequence[Pace]
    look: Look | None = field(init=False)
    _chosen: set[int] = field(init=False)
    _reach_m: dict[int, float] = field(init=False, default_factory=dict)
    _views: dict[Span, View] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        for tracker, pace in zip(self.trackers, self.paces, strict=True):
            number, half_m = tracker.device.number, pace.max_speed_mps * pace.max_gap_s / 2
            self._reach_m[number] = max(half_m, self._reach_m.get(number, 0.0))
        self.look = Look(self.near.limit)
        self._chosen = {it.device.number for it in self.trackers[:DEVICES_KEPT]}

    @property
    def chosen(self) -> Set[int]:
        """The numbers of those devices whose fixes are wanted."""
        return self._chosen

    def seen(self, look: Look, glimpses: Mapping[int, Glimpse]) -> None:
        """The answer to a look: who may have been there, and whom evidence may name."""
        view = View(look, glimpses, self.trackers, self._reach_m)
        self._views[look.span], self.look = view, None
        self._chosen |= view.within(max(self.near.place.radius_m, view.named_m or 0.0))

    def widen(self, tracked: Sequence[Tracked]) -> bool:
        """Choose more devices, or ask for another look, if those chosen do not settle it.

        Args:
            tracked: the chosen ones with their fixes.

        Returns:
            Whether there is more to be read.
        """
        before, near = len(self._chosen), self.near
        if any(it.sight(near.place, near.limit).visit for it in tracked):
            self._name_nearest(near.limit)
        elif near.after not in self._views:
            widest = max(self._reach_m.values(), default=0.0)
            self.look = Look(near.after, max(_NARROW_M, near.place.radius_m + widest + 2 * _ROUNDING_M))
        else:
            if any(it.sight(near.place, near.after).visit for it in tracked):
                self._name_nearest(near.after)
            self._name_nearest(near.limit)
            if self.look is None and len(self._chosen) == before and not self._covered(tracked):
                left = [n for n in self._views[near.limit].heard if n not in self._chosen]
                self._chosen.update(left[: _GROWTH * len(self._chosen)])
        return self.look is not None or len(self._chosen) > before

    def _name_nearest(self, span: Span) -> None:
        """See to it that those are chosen whom evidence of a window names."""
        view = self._views[span]
        if view.named_m is not None:
            return
        if view.look.box_m < inf:
            self.look = Look(span)
        else:  # fewer are near than evidence names, so it goes on with those that made no fix
            self._chosen.update(view.heard)
            unseen = [it.device.number for it in self.trackers if it.device.number not in view.glimpses]
            self._chosen.update(unseen[:DEVICES_KEPT])

    def _covered(self, tracked: Sequence[Tracked]) -> bool:
        """Whether somebody was in sight all the time, by all there is and by what was there when it settled."""
        near = self.near
        return any(it.sight(near.place, near.limit).rules_out for it in tracked) and any(
            it.until(near.settles_at).sight(near.place, near.limit).rules_out for it in tracked
        )
