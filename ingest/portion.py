"""How many messages of a batch are tried at once: fewer after some took too long, and more again when it works."""

import logging
from collections.abc import Sequence

from ingest.delivery import Delivery

ROOM = 4  # twice as many are tried when these took less than this part of the time there is

log = logging.getLogger(__name__)


class Portion:
    """The first messages of what waits, as many as the database got done lately.

    Args:
        limit_s: the time that there is for a transaction.
    """

    def __init__(self, *, limit_s: float) -> None:
        self._limit_s = limit_s
        self._most: int | None = None
        self._too_many = 0  # when it all began

    def of(self, waiting: Sequence[Delivery]) -> Sequence[Delivery]:
        """Those to try next; all of them as long as nothing took too long."""
        return waiting if self._most is None else waiting[: self._most]

    def took_too_long(self, tried: int, why: str) -> None:
        """So many were too many."""
        self._too_many = max(tried, self._too_many)
        self._most = max(1, tried // 2)
        log.warning("%d messages were too many for one transaction, going on with %d: %s", tried, self._most, why)

    def worked(self, tried: int, *, took_s: float) -> None:
        """So many are committed; fewer than were allowed prove nothing for more."""
        if self._most is None or tried < self._most or took_s * ROOM > self._limit_s:
            return
        self._most *= 2
        if self._most > self._too_many:
            log.warning("%d messages went into one transaction again, going on with whole batches", tried)
            self._most, self._too_many = None, 0
