"""A condition that must persist: it holds only after some time and some fixes, and is over only after the same."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta


@dataclass(frozen=True, kw_only=True)
class Patience:
    """How long a condition must last before it is believed.

    Attributes:
        raise_after_s: seconds from the first sign of it to the last.
        raise_fixes: signs of it at least, with none against it between them.
        clear_after_s: the same of its end.
        clear_fixes: likewise.
        gap_s: a gap between two samples that is longer proves nothing of the time between them.
        expires_s: what is not seen again for so long is over; None: it lasts until the contrary is seen.
    """

    raise_after_s: float
    raise_fixes: int
    clear_after_s: float
    clear_fixes: int
    gap_s: float = 900.0
    expires_s: float | None = None


@dataclass(frozen=True)
class Lasting:
    """A condition that persisted: since its first sign, certain some time later, over at `ended_at` (None: not yet)."""

    since: datetime
    certain_at: datetime
    ended_at: datetime | None = None


@dataclass
class Latch:
    """Fed with what each sample says, in order of time: True, False, or None when it says nothing."""

    patience: Patience
    ended: list[Lasting] = field(default_factory=list)
    _now: Lasting | None = None
    _first: datetime | None = None  # of the signs that speak against what holds
    _count: int = 0
    _last: datetime | None = None
    _true: datetime | None = None

    @property
    def on(self) -> bool:
        """Whether it holds after the last sample."""
        return self._now is not None

    def feed(self, at: datetime, truth: bool | None) -> None:
        """Take what the next sample says."""
        patience = self.patience
        if self._last is not None and (at - self._last).total_seconds() > patience.gap_s:
            self._first, self._count = None, 0
        self._expire(at)
        self._last = at
        if truth is None:
            return
        if truth:
            self._true = at
        if truth is self.on:
            self._first, self._count = None, 0
            return
        if self._first is None:
            self._first = at
        self._count += 1
        after_s, fixes = (
            (patience.raise_after_s, patience.raise_fixes) if truth else (patience.clear_after_s, patience.clear_fixes)
        )
        if self._count < fixes or (at - self._first).total_seconds() < after_s:
            return
        if self._now is None:
            self._now = Lasting(self._first, at)
        else:
            self._end(at)
        self._first, self._count = None, 0

    def stop(self, at: datetime) -> None:
        """Whatever was, it is over: this is known from elsewhere."""
        if self._now is not None:
            self._end(at)
        self._first, self._count = None, 0

    def spells(self, until: datetime) -> list[Lasting]:
        """All that held up to a moment, the one that lasts at the end."""
        if self._now is None:
            return list(self.ended)
        over = self._over_at(until)
        return [*self.ended, self._now if over is None else Lasting(self._now.since, self._now.certain_at, over)]

    def _over_at(self, moment: datetime) -> datetime | None:
        """When what holds has expired by a moment, or None."""
        expires_s = self.patience.expires_s
        if expires_s is None or self._true is None or (moment - self._true).total_seconds() <= expires_s:
            return None
        return self._true + timedelta(seconds=expires_s)

    def _expire(self, at: datetime) -> None:
        over = self._over_at(at) if self._now is not None else None
        if over is not None:
            self._end(over)
            self._first, self._count = None, 0

    def _end(self, at: datetime) -> None:
        if self._now is not None:
            self.ended.append(Lasting(self._now.since, self._now.certain_at, at))
            self._now = None
