"""How many days until a disk is full, from what lies on it and what comes each day."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from ingest.engines import Part

FAR = 3650  # days; beyond ten years nobody plans a disk


@dataclass(frozen=True)
class Rates:
    """What a day brings and what becomes of it.

    Attributes:
        day_bytes: of one day's readings when they are new.
        settled_share: what is left of that once it is compressed; 1 without compression.
        compress_after_days: age at which a day is compressed.
        retention_days: age at which a day is dropped; 0 keeps for ever.
        kept_bytes: of one day's growth of all else, which is never dropped: hours, verdicts, evidence.
    """

    day_bytes: float
    settled_share: float
    compress_after_days: int
    retention_days: int
    kept_bytes: float = 0.0


def days_until_full(free_bytes: float, parts: Sequence[Part], rates: Rates, *, now: datetime) -> int | None:
    """Days until what comes no longer fits, each day as the last ones were.

    Args:
        free_bytes: room that is left today.
        parts: what is there; each is compressed and dropped when its time comes.
        rates: of what comes.
        now: aware UTC.

    Returns:
        None when it fits for ten years: what retention drops makes room for what comes.
    """
    freed: Counter[int] = Counter()
    for part in parts:
        size = float(part.size_bytes)
        if not part.compressed and rates.settled_share < 1:
            day = _day(part.ends, rates.compress_after_days, now)
            freed[day] += int(size * (1 - rates.settled_share))
            size *= rates.settled_share
        if rates.retention_days:
            freed[_day(part.ends, rates.retention_days, now)] += int(size)
    used = 0.0
    for day in range(1, FAR + 1):
        used += rates.day_bytes + rates.kept_bytes - freed[day]
        if day > rates.compress_after_days:
            used -= rates.day_bytes * (1 - rates.settled_share)
        if rates.retention_days and day > rates.retention_days:
            used -= rates.day_bytes * rates.settled_share
        if used >= free_bytes:
            return day
    return None


def _day(ends: datetime, age_days: int, now: datetime) -> int:
    return max(1, -((now - ends - timedelta(days=age_days)) // timedelta(days=1)))
