"""Which of all devices can decide whether anybody came to a place; the fixes of the others need not be read.

A town has thousands of devices, and next to all of them were nowhere near. What the database says of each in one row
is enough to leave them out, and the verdict stays the same to the byte.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from math import inf

from rules.core.equipment import Tracker
from rules.core.fixes import PACES, Pace, Span
from rules.core.places import Circle
from rules.core.presence import DEVICES_KEPT, Tracked

AROUND = max(pace.max_gap for pace in PACES.values())
"""A fix this long before or after a window may still say something about it."""
_ROUNDING_M = 1.0  # more than the database's reckoning and ours can differ
_GROWTH = 8  # times as many devices in each further look


@dataclass(frozen=True, kw_only=True)
class Near:
    """A place to which anybody may come.

    Attributes:
        place: where.
        limit: within which somebody should be there.
        after: in which it still counts, later.
        settles_at: a judgement may rest on what was reported until then, or on all there is.
    """

    place: Circle
    limit: Span
    after: Span
    settles_at: datetime

    @property
    def windows(self) -> tuple[Span, Span]:
        """Both, in order."""
        return self.limit, self.after


@dataclass(frozen=True)
class Glimpse:
    """What one row says of a device's credible fixes, whoever held it.

    Attributes:
        fixes: how many it made within the limit.
        nearest_m: how near the nearest fix of each window was; None without one.
        around_m: the same with the fixes made `AROUND` each window.
    """

    fixes: int
    nearest_m: tuple[float | None, float | None]
    around_m: tuple[float | None, float | None]


@dataclass
class Search:
    """Widens from the devices that came near until what is left out cannot change the judgement.

    Evidence names the nearest devices; whether somebody was in sight all the time takes one device that was, and
    when there is none, the first ones of all say why.

    Args:
        near: what is asked.
        trackers: all that count, in the order in which they are judged.
        paces: of each of them.
        glimpses: by device number; a device without one has no credible fix around either window.
    """

    near: Near
    trackers: Sequence[Tracker]
    paces: Sequence[Pace]
    glimpses: Mapping[int, Glimpse]
    chosen: set[int] = field(init=False)

    def __post_init__(self) -> None:
        self._reach_m: dict[int, float] = {}
        for tracker, pace in zip(self.trackers, self.paces, strict=True):
            number, half_m = tracker.device.number, pace.max_speed_mps * pace.max_gap_s / 2
            self._reach_m[number] = max(half_m, self._reach_m.get(number, 0.0))
        self._bounds_m = [self._bound_m(window) for window in (0, 1)]
        self.chosen = {it.device.number for it in self.trackers[:DEVICES_KEPT]}
        for window, bound_m in enumerate(self._bounds_m):
            self.chosen |= self._within(window, max(self.near.place.radius_m, 0.0 if bound_m is None else bound_m))

    @property
    def wanted(self) -> list[Tracker]:
        """The chosen ones of all."""
        return [it for it in self.trackers if it.device.number in self.chosen]

    def widen(self, tracked: Iterable[Tracked]) -> bool:
        """Choose more devices if those chosen do not settle it.

        Args:
            tracked: the chosen ones with their fixes.

        Returns:
            Whether there are more to be read.
        """
        before = len(self.chosen)
        its = list(tracked)
        if any(it.sight(self.near.place, self.near.limit).visit for it in its):
            self._name_nearest(0)
        else:
            if any(it.sight(self.near.place, self.near.after).visit for it in its):
                self._name_nearest(1)
            self._name_nearest(0)
            if len(self.chosen) == before and not self._covered(its):
                self._add_watchful()
        return len(self.chosen) > before

    def _name_nearest(self, window: int) -> None:
        """See to it that those are chosen whom evidence of a window names, where too few fixes were made in it."""
        if self._bounds_m[window] is None:
            self.chosen |= self._within(window, inf)
            unseen = [it.device.number for it in self.trackers if self._least_m(window, it.device.number) == inf]
            self.chosen.update(unseen[:DEVICES_KEPT])

    def _covered(self, tracked: Sequence[Tracked]) -> bool:
        """Whether somebody was in sight all the time, by all there is and by what was there when it settled."""
        near = self.near
        return any(it.sight(near.place, near.limit).rules_out for it in tracked) and any(
            it.until(near.settles_at).sight(near.place, near.limit).rules_out for it in tracked
        )

    def _add_watchful(self) -> None:
        """Choose those that reported most often within the limit; without a fix around it nobody was in sight."""
        left = [n for n in self._reach_m if n not in self.chosen and self._least_m(0, n) < inf]
        left.sort(key=lambda n: (-self.glimpses[n].fixes, n))
        self.chosen.update(left[: _GROWTH * len(self.chosen)])

    def _bound_m(self, window: int) -> float | None:
        """As many devices as evidence names came at least so near; None when nobody can say by single fixes."""
        span = self.near.windows[window]
        sure = []
        for tracker in self.trackers:
            glimpse = self.glimpses.get(tracker.device.number)
            nearest_m = glimpse.nearest_m[window] if glimpse else None
            if nearest_m is not None and any(it.start <= span.start and span.end <= it.end for it in tracker.spells):
                sure.append(nearest_m)
        return sorted(sure)[DEVICES_KEPT - 1] if len(sure) >= DEVICES_KEPT else None

    def _within(self, window: int, bound_m: float) -> set[int]:
        """Those that may have come so near in a window."""
        found = {n: self._least_m(window, n) for n in self._reach_m}
        return {n for n, least_m in found.items() if least_m < inf and least_m <= bound_m + _ROUNDING_M}

    def _least_m(self, window: int, number: int) -> float:
        """No fix and no movement of a device came nearer than this."""
        glimpse = self.glimpses.get(number)
        around_m = glimpse.around_m[window] if glimpse else None
        return inf if around_m is None else around_m - self._reach_m[number]
