"""The device's side of the wire contract: publishes readings, knows what is safe, and sends again what is not."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from types import TracebackType
from typing import Any, Self

import msgspec

from devices.codecs import codec_named
from gateway.accounts import Lane
from gateway.address import Credentials
from gateway.client_state import ClientState, open_state
from gateway.listening import pause, wait_for
from gateway.session import Session
from ingest.delivery import Delivery

log = logging.getLogger(__name__)

PAYLOAD_BYTES = 200 * 1024  # of an array; the contract allows 256 KiB, and the broker counts its own headers as well
STALL_S = 15.0  # seconds without any receipt until what lacks one is sent again; a commit takes a tenth of one
RECONNECT_STALL_S = 5.0  # the same after the connection was lost, and receipts perhaps with it
LOOK_S = 0.5
TRIES = 6  # times that a message is sent for want of a receipt; the wait doubles each time

_TOPICS = {pattern.lane: pattern for pattern in codec_named("native").topics}


@dataclass
class ClientCounts:
    """Readings, not messages: what became of those that `send` took."""

    sent: int = 0
    acknowledged: int = 0
    receipted: int = 0
    parked: int = 0
    resent: int = 0


@dataclass(eq=False)
class _Message:
    lane: Lane
    payload: bytes
    first: int
    readings: int
    missing: set[int] = field(default_factory=set)
    confirmed: bool = False
    tries: int = 1


class DeviceClient:
    """One device; use it with `async with`.

    Each lane has its own session, as the contract wants it, so that an SOS does not queue behind a backlog; the one for
    `urgent` is opened when it is first needed.
    """

    def __init__(
        self,
        url: str,
        *,
        device: str,
        secret: str,
        state: Path | None = None,
        window: int = 64,
        most_unreceipted: int = 100_000,
        receipts: bool = True,
        on_message: Callable[[Mapping[str, Any]], None] | None = None,
    ) -> None:
        """Prepare a device.

        Args:
            url: `mqtt://` or `mqtts://` address of the broker.
            device: its name, which is its user name too.
            secret: as it was issued.
            state: folder in which client ids and the boot counter are kept; without it the session lasts as long as
                the connection, and the boot counter is the time.
            window: messages that may be without the broker's confirmation.
            most_unreceipted: readings that may be without a receipt before `send` waits.
            receipts: number the readings and expect receipts.
            on_message: told of everything on `down` that is not a receipt.

        Raises:
            BadBrokerAddress: the URL cannot be read.
        """
        self.counts = ClientCounts()
        self.device = device
        self.progress = asyncio.Event()  # set at each confirmation and receipt
        self._url = url
        self._secret = secret
        self._state_folder = state
        self._most_unreceipted = most_unreceipted
        self._receipts = receipts
        self._on_message = on_message
        self._window = asyncio.Semaphore(window)
        self._state: ClientState | None = None
        self._sessions: dict[Lane, Session] = {}
        self._seq = 0
        self._unreceipted: dict[int, _Message] = {}
        self._unconfirmed: set[_Message] = set()
        self._again: deque[_Message] = deque()
        self._wake = asyncio.Event()
        self._room = asyncio.Event()
        self._moved_at = monotonic()
        self._leave = asyncio.Event()
        self._may_have_missed = False  # receipts, while there was no connection
        self._opening = asyncio.Lock()

    async def __aenter__(self) -> Self:
        self._state = await asyncio.to_thread(open_state, self._state_folder, self.device)
        self._group = asyncio.TaskGroup()
        await self._group.__aenter__()
        try:
            await self._session("up")
        except BaseException:
            await self.__aexit__(None, None, None)
            raise
        self._group.create_task(self._resend(), name=f"resend {self.device}")
        self._group.create_task(self._watch(), name=f"receipts {self.device}")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._leave.set()
        self._wake.set()
        if isinstance(error, asyncio.CancelledError):
            await self._group.__aexit__(kind, error, trace)
        else:  # the group would wrap the body's own error
            await self._group.__aexit__(None, None, None)

    @property
    def boot(self) -> int:
        """The boot counter of this run."""
        return self._state.boot if self._state else 0

    @property
    def connected(self) -> bool:
        """Whether the session of the lane `up` is connected."""
        session = self._sessions.get("up")
        return session is not None and session.connected

    @property
    def unacknowledged(self) -> int:
        """Readings that the broker has not confirmed."""
        return sum(message.readings for message in self._unconfirmed)

    @property
    def unreceipted(self) -> int:
        """Readings that no receipt has made safe; 0 when none are expected."""
        return len(self._unreceipted)

    async def wait_ready(self, *, timeout_s: float) -> None:
        """Wait until the broker lets us in.

        Raises:
            BrokerUnavailable: not in time; says what was in the way.
            BrokerRefused: it does not want this account.
        """
        await (await self._session("up")).wait_up(timeout_s=timeout_s)

    async def send(self, readings: Sequence[Mapping[str, Any]], *, lane: Lane = "up") -> None:
        """Publish readings as one message, or as several when they are large; waits while too many are under way.

        Args:
            readings: as the wire contract has them; `boot` and `seq` are put in here when receipts are expected.
            lane: `urgent` for button, task and report.
        """
        if not readings:
            return
        session = await self._session(lane)
        while self._receipts and len(self._unreceipted) + len(readings) > self._most_unreceipted and self._unreceipted:
            await wait_for(self._room, at_most_s=1.0)
        for message in self._messages(readings, lane):
            await self._window.acquire()
            if not self._unconfirmed and not self._unreceipted:
                self._moved_at = monotonic()  # idle until now, which is no stall
            self.counts.sent += message.readings
            self._unconfirmed.add(message)
            for seq in message.missing:
                self._unreceipted[seq] = message
            self._publish(session, message)

    async def drain(self, *, stall_s: float = 60.0) -> bool:
        """Wait until everything is confirmed and receipted.

        Args:
            stall_s: give up after so many seconds without any progress.

        Returns:
            Whether nothing is left open.
        """
        while self._unconfirmed or self._unreceipted:
            since = monotonic() - self._moved_at
            if since >= stall_s:
                return False
            await wait_for(self.progress, at_most_s=min(1.0, stall_s - since))
        return self.counts.parked == 0

    # -- sending -------------------------------------------------------------------------------------------------

    async def _session(self, lane: Lane) -> Session:
        async with self._opening:
            if lane not in self._sessions:
                opened = asyncio.Event()
                self._group.create_task(self._hold(lane, opened), name=f"session {self.device} {lane}")
                await opened.wait()
            return self._sessions[lane]

    async def _hold(self, lane: Lane, opened: asyncio.Event) -> None:
        if self._state is None:
            raise RuntimeError("use the device client with `async with`")
        session = Session(
            self._url,
            credentials=Credentials(self.device, self._secret, self._state.client_id(lane)),
            filters=[_TOPICS["down"].topic(self.device)] if lane == "up" else [],
            name=f"{self.device} ({lane})",
            series="devices",
            on_delivery=self._delivered,
            on_ready=self._reconnected,
            clean_session=not self._state.kept,
        )
        async with session:
            self._sessions[lane] = session
            opened.set()
            await self._leave.wait()

    def _reconnected(self) -> None:
        self._may_have_missed = True
        self._wake.set()

    def _messages(self, readings: Sequence[Mapping[str, Any]], lane: Lane) -> Iterable[_Message]:
        stamped = [self._stamped(reading) for reading in readings]
        waiting = deque([stamped])
        while waiting:
            part = waiting.popleft()
            payload = msgspec.json.encode(part if len(part) > 1 else part[0])
            if len(payload) > PAYLOAD_BYTES and len(part) > 1:
                half = len(part) // 2
                waiting.extendleft([part[half:], part[:half]])
                continue
            missing = {reading["seq"] for reading in part} if self._receipts else set()
            yield _Message(lane, payload, min(missing, default=0), len(part), missing)

    def _stamped(self, reading: Mapping[str, Any]) -> dict[str, Any]:
        stamped = dict(reading)
        if self._receipts:
            self._seq += 1
            stamped |= {"boot": self.boot, "seq": self._seq}
        return stamped

    def _publish(self, session: Session, message: _Message) -> None:
        topic = _TOPICS[message.lane].topic(self.device)
        session.send(topic, message.payload).add_done_callback(lambda done: self._answered(message, done))

    def _answered(self, message: _Message, done: "asyncio.Future[None]") -> None:
        if done.cancelled() or done.exception() is not None:
            self._again.append(message)
            self._wake.set()
            return
        if not message.confirmed:
            message.confirmed = True
            self._unconfirmed.discard(message)
            self.counts.acknowledged += message.readings
            self._window.release()
            self._moved()

    def _moved(self) -> None:
        self._moved_at = monotonic()
        self.progress.set()

    async def _resend(self) -> None:
        """Send again what a lost connection left unconfirmed."""
        while not self._leave.is_set():
            await wait_for(self._wake, at_most_s=1.0)
            while self._again and not self._leave.is_set():
                session = self._sessions[self._again[0].lane]
                if not session.connected:
                    break
                message = self._again.popleft()
                if message.confirmed and not message.missing:
                    continue
                self.counts.resent += message.readings
                self._publish(session, message)

    # -- receipts ------------------------------------------------------------------------------------------------

    def _delivered(self, delivery: Delivery) -> None:
        delivery.settle()
        try:
            content = msgspec.json.decode(delivery.payload)
        except msgspec.DecodeError:
            log.warning("%s was sent something that is not JSON on %s", self.device, delivery.topic)
            return
        if isinstance(content, dict) and content.get("type") == "receipt":
            if content.get("boot") == self.boot:
                self._receipted(content.get("seq") or [])
        elif isinstance(content, dict) and self._on_message is not None:
            self._on_message(content)

    def _receipted(self, ranges: Sequence[Sequence[int]]) -> None:
        before = len(self._unreceipted)
        for first, last in ranges:
            for seq in range(first, min(last, self._seq) + 1):
                message = self._unreceipted.pop(seq, None)
                if message is not None:
                    message.missing.discard(seq)
        news = before - len(self._unreceipted)
        if news:
            self.counts.receipted += news
            self._room.set()
            self._moved()

    async def _watch(self) -> None:
        """Send again what lacks a receipt, when none has come for a while; park what has been sent often enough."""
        last, wait_s = self._moved_at, STALL_S
        while not await pause(self._leave, at_most_s=LOOK_S):
            if self._moved_at != last:
                last, wait_s = self._moved_at, STALL_S
            enough_s = min(wait_s, RECONNECT_STALL_S) if self._may_have_missed else wait_s
            if not self._unreceipted or monotonic() - last < enough_s or not self.connected:
                continue
            if self._may_have_missed:
                self._may_have_missed = False
            else:
                wait_s *= 2
            for message in dict.fromkeys(self._unreceipted.values()):
                if message.confirmed:
                    self._try_again(message)

    def _try_again(self, message: _Message) -> None:
        if message.tries < TRIES:
            message.tries += 1
            self._again.append(message)
            self._wake.set()
            return
        log.error(
            "%s: no receipt for %d readings from seq %d after %d tries; parked",
            self.device,
            len(message.missing),
            message.first,
            message.tries,
        )
        self.counts.parked += len(message.missing)
        for seq in message.missing:
            del self._unreceipted[seq]
        message.missing.clear()
        self._moved()
