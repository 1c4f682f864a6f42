"""What is under way: messages whose receipts are awaited, and which of them to give up waiting for."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from gateway.accounts import Lane
from gateway.device_outbox.store import Key

PROBE_MOST_S = 300.0  # between two messages sent again while there are no receipts at all


@dataclass(frozen=True)
class Waits:
    """How long to wait for receipts.

    Attributes:
        receipt_s: for a message's receipt, after the broker's confirmation; doubles with each try.
        reconnect_s: the same after the connection was lost, and receipts perhaps with it.
        tries: sendings after which a reading is parked, of those that others overtook.
    """

    receipt_s: float = 15.0  # a commit takes a tenth of one, and a receipt at most one more
    reconnect_s: float = 5.0
    tries: int = 6


@dataclass(eq=False)
class Flight:
    """One message under way; `missing` are its readings without a receipt."""

    lane: Lane
    missing: set[Key]
    sent_s: float
    live: bool
    tries: int = 0
    confirmed_s: float | None = None
    excused: bool = False  # receipts may have been lost with a connection, so a wait in vain proves nothing


@dataclass
class _OfLane:
    proof_s: float = float("-inf")  # when the newest message with a receipt was sent
    probe_s: float = 0.0  # not before then, while there are no receipts
    probe_wait_s: float = 0.0
    reconnected_s: float = float("inf")
    unconfirmed: dict[bool, int] = field(default_factory=lambda: {True: 0, False: 0})  # by live or not


class Flights:
    """The messages of one device; no clock of its own."""

    def __init__(self, waits: Waits) -> None:
        self._waits = waits
        self._of_key: dict[Key, Flight] = {}
        self._flights: dict[Flight, None] = {}  # in the order of sending
        self._lanes: dict[Lane, _OfLane] = {"up": _OfLane(), "urgent": _OfLane()}

    def __contains__(self, key: Key) -> bool:
        return key in self._of_key

    def __len__(self) -> int:
        return len(self._of_key)

    def unconfirmed(self, lane: Lane, *, live: bool) -> int:
        """Messages that the broker has not confirmed."""
        return self._lanes[lane].unconfirmed[live]

    def start(self, flight: Flight) -> None:
        """It is being sent."""
        self._flights[flight] = None
        self._of_key.update(dict.fromkeys(flight.missing, flight))
        self._lanes[flight.lane].unconfirmed[flight.live] += 1

    def confirmed(self, flight: Flight, now_s: float) -> None:
        """The broker has it."""
        if flight.confirmed_s is None:
            flight.confirmed_s = now_s
            self._lanes[flight.lane].unconfirmed[flight.live] -= 1
            self._drop_if_done(flight)

    def ended(self, flight: Flight) -> set[Key]:
        """It is no longer awaited; returns what lacks a receipt."""
        if flight.confirmed_s is None:
            flight.confirmed_s = float("inf")
            self._lanes[flight.lane].unconfirmed[flight.live] -= 1
        missing, flight.missing = flight.missing, set()
        for key in missing:
            del self._of_key[key]
        self._flights.pop(flight, None)
        return missing

    def receipted(self, keys: Iterable[Key]) -> None:
        """Receipts have come for these; those that are not under way do not matter."""
        for key in keys:
            flight = self._of_key.pop(key, None)
            if flight is None:
                continue
            flight.missing.discard(key)
            lane = self._lanes[flight.lane]
            lane.proof_s = max(lane.proof_s, flight.sent_s)
            lane.probe_s = lane.probe_wait_s = 0.0
            self._drop_if_done(flight)

    def dropped(self, keys: Iterable[Key]) -> None:
        """These are no longer kept, so nothing is awaited for them."""
        for key in keys:
            flight = self._of_key.pop(key, None)
            if flight is not None:
                flight.missing.discard(key)
                self._drop_if_done(flight)

    def reconnected(self, lane: Lane, now_s: float) -> None:
        """A new connection: what was said on the old one may never have been heard."""
        self._lanes[lane].reconnected_s = now_s
        for flight in self._flights:
            if flight.lane == lane and flight.confirmed_s is not None:
                flight.excused = True

    def given_up(self, lane: Lane, now_s: float) -> Sequence[Flight]:
        """Messages to send again.

        While receipts come for what was sent later, everything that is overdue; while none come at all, ingest is
        behind or away: then one message from time to time asks, and the rest keeps waiting.
        """
        at = self._lanes[lane]
        overdue = [one for one in self._flights if one.lane == lane and self._due_s(one) <= now_s]
        overtaken = [one for one in overdue if one.sent_s < at.proof_s]
        if overtaken or not overdue or now_s < at.probe_s:
            return overtaken
        at.probe_wait_s = min(max(2 * at.probe_wait_s, self._waits.receipt_s), PROBE_MOST_S)
        at.probe_s = now_s + at.probe_wait_s
        overdue[-1].excused = True
        return overdue[-1:]

    def _due_s(self, flight: Flight) -> float:
        if flight.confirmed_s is None:
            return float("inf")
        due_s = flight.confirmed_s + self._waits.receipt_s * float(2**flight.tries)
        if flight.excused:
            due_s = min(due_s, self._lanes[flight.lane].reconnected_s + self._waits.reconnect_s)
        return due_s

    def _drop_if_done(self, flight: Flight) -> None:
        if not flight.missing and flight.confirmed_s is not None:
            self._flights.pop(flight, None)
