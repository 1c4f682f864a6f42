"""gengfu's own state, as rules about it see it: lanes of ingest, devices beyond their allowance, the ledger."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, kw_only=True)
class IngestLane:
    """One lane of an ingest worker that has not said goodbye.

    Attributes:
        worker: its name.
        lane: `up` or `urgent`.
        beat_at: its last sign of life, aware UTC.
        silent_s: seconds since then, by the clock that wrote it.
        caught_up_to: what was sent before this is stored.
        behind_s: seconds since then, by the same clock.
    """

    worker: str
    lane: str
    beat_at: datetime
    silent_s: float
    caught_up_to: datetime
    behind_s: float


@dataclass(frozen=True, kw_only=True)
class Excess:
    """A device that has said more than its allowance within the last ten minutes; times are aware UTC."""

    device: int
    since: datetime
    last_at: datetime
    readings: int


@dataclass(frozen=True, kw_only=True)
class Sums:
    """The ledger of one worker's lane: readings.

    Attributes:
        lost: that the database had confirmed and has no more, as the worker found.
    """

    worker: str
    lane: str
    received: int
    stored: int
    repeated: int
    ignored: int
    quarantined: int
    withheld: int
    lost: int

    @property
    def difference(self) -> int:
        """Received less all that is accounted for."""
        return self.received - self.stored - self.repeated - self.ignored - self.quarantined - self.withheld
