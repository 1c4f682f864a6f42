"""gengfu's own state, as rules about it see it: lanes of ingest, floods, the ledger, the broker's disk, what waits."""

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


@dataclass(frozen=True, kw_only=True)
class BrokerDisk:
    """The disk on which the broker keeps its queues, as a gateway last saw it.

    Attributes:
        free_bytes: that can still be written.
        size_bytes: of the whole disk.
        looked_at: aware UTC.
        age_s: seconds since then, by the clock that wrote it.
    """

    free_bytes: int
    size_bytes: int
    looked_at: datetime
    age_s: float

    @property
    def free_pct(self) -> float:
        """Percent of the disk that are free; none of a disk without a size."""
        return 100 * self.free_bytes / self.size_bytes if self.size_bytes else 0.0


@dataclass(frozen=True, kw_only=True)
class OpenObjection:
    """What a carrier says against a verdict, and nobody has answered. `grid`, `rule` and `subject` are the duty's."""

    id: int
    duty: int
    unit: str
    grid: str | None
    rule: str
    subject: str
    made_at: datetime
