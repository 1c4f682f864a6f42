"""Saying once that something does not work, and once that it does again."""

import logging
from time import monotonic


class Outage:
    """The state of one thing that is tried for ever."""

    def __init__(self, log: logging.Logger, *, thing: str) -> None:
        self._log = log
        self._thing = thing
        self._since: float | None = None

    def failed(self, reason: object) -> None:
        """Note a failure; only the first of an outage is logged."""
        if self._since is None:
            self._since = monotonic()
            words = " ".join(str(reason).split())
            self._log.warning("%s: %s; trying again until it works", self._thing, words, extra={"event": "outage"})

    def worked(self) -> None:
        """Note a success; only the first after an outage is logged."""
        if self._since is not None:
            away_s = monotonic() - self._since
            self._log.warning("%s: works again after %.1f s", self._thing, away_s, extra={"event": "outage_over"})
            self._since = None
