"""The outbox of one device: what to send next, and what becomes of it. No I/O but its file, and no clock of its own."""

import logging
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Any

import msgspec

from devices.readings import INT4_MAX
from gateway.accounts import LANES, Lane
from gateway.device_outbox.flights import Flight, Flights, Waits
from gateway.device_outbox.store import TOP, Entry, Key, Store
from gateway.errors import OutboxFull, ReadingTooLarge

log = logging.getLogger(__name__)

PAYLOAD_BYTES = 200 * 1024  # of an array; the contract allows 256 KiB, and the broker counts its own headers as well
FIRST_ARRAY_BYTES = 16 * 1024  # of the first one; it grows while the way is quick, so that live readings wait little
SLOW_S, QUICK_S = 1.0, 0.25  # from sending an array to the broker's confirmation
LEAST_ARRAY_BYTES = 2 * 1024
ARRAY_READINGS = 1000
HISTORY_WINDOW = 2  # arrays under way at a time: one is sent while the other is being confirmed
LOOK = 500  # rows read at a time
MAY_GO = frozenset({"position", "status", "equipment"})  # of which there are others; a button or a scan is there once


@dataclass(frozen=True)
class Limits:
    """How much is kept and how much is under way.

    Attributes:
        readings: kept at the most; a fix every five seconds for more than five days.
        payload_bytes: of these; a small part of a handset's storage.
        ahead: readings of history that may be without a receipt, so that an ingest that is behind is not flooded.
        window: messages with live readings that may be without the broker's confirmation.
    """

    readings: int = 100_000
    payload_bytes: int = 64 << 20
    ahead: int = 20_000
    window: int = 64


@dataclass
class OutboxCounts:
    """Readings, not messages: what became of those that `put` took in this run.

    Attributes:
        sent: taken, in whatever state now.
        acknowledged: confirmed by the broker.
        receipted: known to be stored.
        parked: put aside, because no receipt came however often they were sent.
        resent: sent more than once.
        thinned: dropped for want of room.
        carried: found in the outbox at the start, from earlier runs.
        carried_receipted: of these, known to be stored now.
    """

    sent: int = 0
    acknowledged: int = 0
    receipted: int = 0
    parked: int = 0
    resent: int = 0
    thinned: int = 0
    carried: int = 0
    carried_receipted: int = 0


@dataclass(frozen=True, eq=False)
class Message:
    """Something to publish now; give it back to `confirmed` or `failed`."""

    lane: Lane
    payload: bytes
    flight: Flight


class DeviceOutbox:
    """The device's readings until they are receipted.

    A reading is in the store before it is in a message. Live ones go at once, history in arrays, the newest first.
    """

    def __init__(
        self,
        store: Store,
        *,
        device: str,
        boot: int,
        receipts: bool = True,
        limits: Limits | None = None,
        waits: Waits | None = None,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        """Go on with what the store holds.

        Args:
            store: of this device alone.
            device: its name, for logs.
            boot: of this run, above every one in the store.
            receipts: number the readings and keep them until a receipt; otherwise until the broker's confirmation.
            limits: of room and of what is under way.
            waits: for receipts.
            clock: seconds that only rise.
        """
        self.boot = boot
        self.counts = OutboxCounts(carried=sum(store.waiting.values()))
        self._store = store
        self._device = device
        self._receipts = receipts
        self._limits = limits or Limits()
        self._waits = waits or Waits()
        self._clock = clock
        self._flights = Flights(self._waits)
        self._seq = 0
        self._below: dict[Lane, Key] = dict.fromkeys(LANES, TOP)
        self._acknowledged: set[Key] = set()  # of this run, and still without a receipt
        self._array_bytes = FIRST_ARRAY_BYTES
        self._thinning = False
        self._parked_before = store.parked

    @property
    def open(self) -> int:
        """Readings that wait for a receipt (without receipts: for the broker's confirmation), parked ones aside."""
        return sum(self._store.waiting.values())

    @property
    def entries(self) -> int:
        """Readings that are kept, parked ones too."""
        return self._store.entries

    def has_room(self, number: int) -> bool:
        """Whether so many readings more can be kept without dropping any."""
        limits = self._limits
        return self.entries + number <= limits.readings and self._store.payload_bytes < limits.payload_bytes

    def may_go_live(self, lane: Lane) -> bool:
        """Whether the window has room for a message with live readings."""
        return self._flights.unconfirmed(lane, live=True) < self._limits.window

    # -- in --------------------------------------------------------------------------------------------------------

    def put(self, readings: Sequence[Mapping[str, Any]], *, lane: Lane, live: bool) -> list[Message]:
        """Keep readings, and return the messages to publish at once: those that carry them, if `live`.

        What the window has no room for is history from then on.

        Raises:
            OutboxFull: there is no room, and nothing that may be dropped.
            ReadingTooLarge: one of them is larger than a message may be.
            OutboxError: they cannot be written.
        """
        entries = [self._entry(reading, lane, self._seq + 1 + place) for place, reading in enumerate(readings)]
        if lane != "urgent":  # a person presses too few buttons to fill a disk, and each of them counts
            self._make_room(len(entries))
        self._store.add(entries)
        self._seq += len(entries)
        self.counts.sent += len(entries)
        if live:
            return self._live(entries, lane)
        self._wait([one.key for one in entries], lane)
        return []

    def _entry(self, reading: Mapping[str, Any], lane: Lane, seq: int) -> Entry:
        content = dict(reading) | ({"boot": self.boot, "seq": seq} if self._receipts else {})
        encoded = msgspec.json.encode(content)
        if len(encoded) > PAYLOAD_BYTES:
            raise ReadingTooLarge(
                f"a {reading.get('type')} of {self._device} has {len(encoded)} bytes; at most {PAYLOAD_BYTES} "
                "fit into a message, so leave something out of it"
            )
        return Entry(lane, (self.boot, seq), encoded, thins=reading.get("type") in MAY_GO)

    def _live(self, entries: Sequence[Entry], lane: Lane) -> list[Message]:
        messages = []
        waiting = deque(entries)
        while waiting and self.may_go_live(lane):
            chosen: list[Entry] = []
            size = 0
            while waiting and (not chosen or size + len(waiting[0].reading) < PAYLOAD_BYTES):
                size += len(waiting[0].reading) + 1
                chosen.append(waiting.popleft())
            messages.append(self._message(chosen, lane, live=True))
        self._wait([one.key for one in waiting], lane)
        return messages

    def _make_room(self, number: int) -> None:
        if self.has_room(number):
            self._thinning = False
            return
        while not self.has_room(number) and (gone := self._store.thin(max(number, self._limits.readings // 20))):
            self._flights.dropped(gone)
            self.counts.thinned += len(gone)
        if not self._thinning:
            log.warning(
                "the outbox of %s is full; of its oldest positions every second one is dropped from now on",
                self._device,
                extra={"event": "outbox_thinned"},
            )
        self._thinning = True
        if not self.has_room(number):
            raise OutboxFull(
                f"the outbox of {self._device} is full with {self.entries} readings in "
                f"{self._store.payload_bytes} bytes, and nothing in it may be dropped; "
                f"{number} new ones were not taken. See that the broker and ingest run"
            )

    # -- out -------------------------------------------------------------------------------------------------------

    def next(self, lane: Lane) -> Message | None:
        """The next array of history, the newest first; None when nothing may go now."""
        if (
            not self._store.waiting[lane]
            or self._flights.unconfirmed(lane, live=False) >= HISTORY_WINDOW
            or self._flights.ahead >= self._limits.ahead
        ):
            return None
        chosen: list[Entry] = []
        size = 0
        for entry in self._newest(lane):
            if entry.key in self._flights:
                continue
            size += len(entry.reading) + 1
            if chosen and (size > self._array_bytes or len(chosen) >= ARRAY_READINGS):
                break
            chosen.append(entry)
        if not chosen:
            self._below[lane] = (0, 0)  # nothing waits until something is said, or given up waiting for
            return None
        self._below[lane] = chosen[-1].key
        return self._message(chosen[::-1], lane, live=False)

    def _newest(self, lane: Lane) -> Iterator[Entry]:
        below = self._below[lane]
        while rows := self._store.newest(lane, below=below, most=LOOK):
            yield from rows
            below = rows[-1].key

    def _message(self, entries: Sequence[Entry], lane: Lane, *, live: bool) -> Message:
        keys = {one.key for one in entries}
        tries = max(one.tries for one in entries)
        flight = Flight(lane, keys, self._clock(), live, tries)
        self._flights.start(flight)
        parts = [one.reading for one in entries]
        return Message(lane, parts[0] if len(parts) == 1 else b"[" + b",".join(parts) + b"]", flight)

    def _wait(self, keys: Sequence[Key], lane: Lane) -> None:
        """These are to be sent, so the next look begins above them."""
        if keys:
            boot, seq = max(keys)
            self._below[lane] = max(self._below[lane], (boot, seq + 1))

    # -- back ------------------------------------------------------------------------------------------------------

    def confirmed(self, message: Message) -> None:
        """The broker has confirmed it; without receipts this is all there is to hear."""
        now_s, flight = self._clock(), message.flight
        if not flight.live:
            self._suit_array_to(now_s - flight.sent_s)
        self._acknowledge(flight.missing)
        self._flights.confirmed(flight, now_s)
        if not self._receipts:
            keys = self._flights.ended(flight)
            for boot in {boot for boot, _ in keys}:
                self._forget(boot, [(seq, seq) for of_boot, seq in keys if of_boot == boot])

    def failed(self, message: Message) -> None:
        """The connection ended before the broker confirmed it; it may have got through or not."""
        keys = self._flights.ended(message.flight)
        self.counts.resent += len(keys)
        self._wait(list(keys), message.lane)

    def receipted(self, boot: int, ranges: Sequence[Sequence[int]]) -> int:
        """A receipt has come; returns how many readings it made safe. One of an earlier run counts as well."""
        known = [(max(first, 0), min(last, INT4_MAX)) for first, last in ranges if first <= last]
        return self._forget(boot, known)

    def reconnected(self, lane: Lane) -> None:
        """The session of a lane stands again."""
        self._flights.reconnected(lane, self._clock())

    def look(self) -> None:
        """Give up waiting for what is overdue: it is sent again, or parked when that was done often enough."""
        if self._store.changed_elsewhere():
            self._below = dict.fromkeys(LANES, TOP)
        for lane in LANES:
            for flight in self._flights.given_up(lane, self._clock()):
                keys = self._flights.ended(flight)
                parked = 0
                if not flight.excused:
                    parked = self._store.count_try(lane, keys, most=self._waits.tries)
                if parked:
                    log.error(
                        "%s: no receipt for %d readings however often they were sent; parked, see `gengfu outbox`",
                        self._device,
                        parked,
                        extra={"event": "outbox_parked"},
                    )
                self.counts.parked = max(0, self._store.parked - self._parked_before)
                self.counts.resent += len(keys) - parked
                self._wait(list(keys), lane)

    def _forget(self, boot: int, ranges: Sequence[tuple[int, int]]) -> int:
        gone = self._store.forget(boot, ranges)
        keys = [key for _, key in gone]
        self._flights.receipted(keys)
        self._acknowledge(keys)
        self._acknowledged.difference_update(keys)
        if boot == self.boot:
            self.counts.receipted += len(keys) if self._receipts else 0
        else:
            self.counts.carried_receipted += len(keys)
        self.counts.parked = max(0, self._store.parked - self._parked_before)
        return len(keys)

    def _acknowledge(self, keys: Sequence[Key] | set[Key]) -> None:
        fresh = {key for key in keys if key[0] == self.boot} - self._acknowledged
        self._acknowledged |= fresh
        self.counts.acknowledged += len(fresh)

    def _suit_array_to(self, took_s: float) -> None:
        if took_s > SLOW_S:
            self._array_bytes = max(self._array_bytes // 2, LEAST_ARRAY_BYTES)
        elif took_s < QUICK_S:
            self._array_bytes = min(self._array_bytes * 2, PAYLOAD_BYTES)
