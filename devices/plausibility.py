"""What is odd about a reading. Odd readings are flagged and kept; only rules may leave them out."""

from datetime import datetime, timedelta
from enum import IntFlag

AHEAD_LIMIT = timedelta(minutes=10)  # a device's clock may run this far ahead and still be believed
AHEAD_NOTICE = timedelta(seconds=5)  # less than this is the network's and the clock's ordinary play
SINCE_ALWAYS = datetime.fromisoformat("2000-01-01T00:00:00Z")  # the floor when nothing is ever dropped


class Flag(IntFlag):
    """Bits of the `flags` column."""

    MOCK = 1  # the handset says that its position was made up
    CLOCK_AHEAD = 2  # its time lies in the future, within the limit
    NULL_ISLAND = 4  # latitude and longitude are both nought: no fix, sent as one
    RECEIPT_TIME = 8  # it had no usable time; the time of receipt stands in
    SATURATED = 16  # a value was too large for its column and was cut to the largest that fits
    REPLAYED_CLOCK = 32  # it came out of quarantine with its time moved
    REDELIVERED = 64  # RECEIPT_TIME, and the broker marked it DUP: it is kept only when nothing like it is there


def floor_of(now: datetime, retention_days: int) -> datetime:
    """The oldest time that is accepted: the retention's edge, or 2000-01-01 when everything is kept."""
    return max(SINCE_ALWAYS, now - timedelta(days=retention_days)) if retention_days else SINCE_ALWAYS
