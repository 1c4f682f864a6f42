"""Probes: what a worker sends itself through the queues that its data takes, to know how far it has come."""

import asyncio
import json
import logging
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from time import monotonic, time
from typing import Literal

from devices.times import EPOCH
from ingest import metrics

EVERY_S = 1.0  # between probes
# Seconds without any probe of ours, although the broker is there, until that is said; a backlog may take longer.
MISSED_AFTER_S = 60.0
APART_S = 60.0  # between our clock and the database's, before it is said; NTP keeps them within milliseconds
_OURS = "gengfu/probe/"
_MARK = "~"  # cannot be in a device's name, so no device may publish on such a topic, and no codec reads it
_MICROSECOND = timedelta(microseconds=1)

Kind = Literal["nats", "mosquitto", "emqx"]

log = logging.getLogger(__name__)


def probe_topics(worker: str, lane: str, *, filters: Iterable[str], kind: Kind) -> list[str]:
    """The topics on which a worker sends itself probes for one lane.

    nats-server keeps a queue for each filter, so there each data filter has a probe of its own, on a topic that it
    matches; the others keep one queue for a session, and have a private topic on the same session.
    """
    if kind == "nats":
        return [name.replace("+", _MARK + worker) for name in filters]
    return [f"{_OURS}{worker}/{lane}"]


def probe_filters(worker: str, lane: str, *, kind: Kind) -> list[str]:
    """What the session of that lane must subscribe to besides its data."""
    return [] if kind == "nats" else probe_topics(worker, lane, filters=(), kind=kind)


class DatabaseClock:
    """What time it is by the database, between the moments in which it said so.

    Rules compare times of several workers, so these are the database's; a step of this machine's clock does not matter.
    """

    def __init__(self) -> None:
        self._offset = time() - monotonic()  # until the database has spoken
        self._apart = False

    def set(self, said: datetime) -> None:
        """The database said this just now; when our own clock is far from it, that is said once."""
        self._offset = said.timestamp() - monotonic()
        ahead_s = time() - said.timestamp()
        if abs(ahead_s) <= APART_S:
            self._apart = False
        elif not self._apart:
            self._apart = True
            log.error(
                "the clock of this ingest server is %+.0f s from the database's, and right times may be refused as "
                "`clock` for it; set both by NTP, then look at `gengfu quarantine list --reason clock`",
                ahead_s,
                extra={"event": "clocks_apart"},
            )

    def now(self) -> datetime:
        """Aware UTC."""
        return datetime.fromtimestamp(monotonic() + self._offset, UTC)


class Probes:
    """The probes of one lane of one worker: made here, taken out of the stream here.

    Args:
        worker: its name among its kind.
        lane: `up` or `urgent`.
        topics: from `probe_topics`.
        doubt_s: seconds after each connect, and after messages were left to the broker, in which what is sent proves
            nothing. nats-server gives what is older only when its `ack_wait` has run out, and newer messages at once.
        clock: the time that is sent along, aware UTC.
    """

    def __init__(
        self,
        worker: str,
        *,
        lane: str,
        topics: Iterable[str],
        doubt_s: float = 0.0,
        clock: Callable[[], datetime],
    ) -> None:
        self._worker = worker
        self._lane = lane
        self._stored: dict[str, int | None] = dict.fromkeys(topics)
        self._newest = dict(self._stored)
        self._doubt_s = doubt_s
        self._clock = clock
        self._proves_from = 0.0
        # Of the first probe sent behind everything that was in doubt. The moment a probe is read says nothing: it may
        # have waited here for the database, before what is older.
        self._trusted_from_us: int | None = None if doubt_s else 0
        self._back_at = monotonic()
        self._said = False

    def connected(self) -> None:
        """The session stands again."""
        self.doubt()
        self._back_at = monotonic()

    def doubt(self) -> None:
        """From here on newer messages may come before older ones, for a while."""
        if self._doubt_s:
            self._proves_from = monotonic() + self._doubt_s
            self._trusted_from_us = None

    def begin(self) -> None:
        """A batch begins, perhaps for the second time: what was taken and not committed does not count."""
        self._newest = dict(self._stored)

    def committed(self) -> None:
        """The batch is in the database."""
        self._stored = self._newest

    def take(self, topic: str, payload: bytes) -> bool:
        """Whether a message is a probe, of whichever worker; ours are noted.

        A probe is no reading: it stands outside the ledger.
        """
        if topic not in self._newest:
            return topic.startswith(_OURS) or _MARK in topic
        sent_us = _sent_us(payload, worker=self._worker)
        if sent_us is None:
            return True
        self._back_at = monotonic()
        metrics.PROBES.labels(self._lane, "returned").inc()
        if self._said:
            log.warning("probes of ingest worker %s, lane %s, come back again", self._worker, self._lane)
            self._said = False
        if self._trusted_from_us is not None and sent_us >= self._trusted_from_us:
            self._newest[topic] = max(sent_us, self._newest[topic] or 0)
        return True

    @property
    def caught_up_to(self) -> datetime | None:
        """Everything that was sent before this has been taken; None until a probe of each topic has been."""
        times = [sent_us for sent_us in self._newest.values() if sent_us is not None]
        if len(times) < len(self._newest) or not times:
            return None
        return EPOCH + min(times) * _MICROSECOND

    async def run(self, send: Callable[[str, bytes], object], *, connected: Callable[[], bool]) -> None:
        """Send a probe on each topic once a second, until cancelled.

        Args:
            send: publishes at QoS 1 without waiting; a probe that is lost is followed by the next.
            connected: whether the session stands; nothing is sent meanwhile.
        """
        while True:
            if connected():
                self._send(send)
            else:
                self._back_at = monotonic()
            await asyncio.sleep(EVERY_S)

    def _send(self, send: Callable[[str, bytes], object]) -> None:
        sent_us = (self._clock() - EPOCH) // _MICROSECOND
        payload = json.dumps({"probe": self._worker, "sent_us": sent_us}, separators=(",", ":")).encode()
        if self._trusted_from_us is None and monotonic() >= self._proves_from:
            self._trusted_from_us = sent_us
        for topic in self._newest:
            send(topic, payload)
        metrics.PROBES.labels(self._lane, "sent").inc(len(self._newest))
        missed_s = monotonic() - self._back_at
        metrics.PROBE_AGE.labels(self._lane).set(missed_s)
        if missed_s > MISSED_AFTER_S and not self._said:
            log.warning(
                "no probe of ingest worker %s, lane %s, has come back for %.0f s although the broker is there: "
                "a backlog is worked off, or the broker's access list does not let the lane's account publish and "
                "read %s; until one comes back, whatever is not proven is in doubt",
                self._worker,
                self._lane,
                missed_s,
                ", ".join(self._newest),
                extra={"event": "probes_missing"},
            )
            self._said = True


def _sent_us(payload: bytes, *, worker: str) -> int | None:
    """When a probe was sent; None when it is not one of this worker."""
    try:
        said = json.loads(payload)
        sent_us = said["sent_us"] if said["probe"] == worker else None
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return sent_us if isinstance(sent_us, int) and 0 <= sent_us < 2**53 else None
