"""The device's side of the wire contract: publishes readings out of an outbox that forgets them only on a receipt."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from time import monotonic
from types import TracebackType
from typing import Any, Self

import msgspec

from devices.codecs import codec_named
from gateway.accounts import LANES, Lane
from gateway.address import Credentials, Tls
from gateway.client_state import ClientState, open_state
from gateway.device_outbox import DeviceOutbox, Limits, Message, OutboxCounts, OutboxFile, Waits
from gateway.errors import OutboxError
from gateway.listening import pause, wait_for
from gateway.session import Session
from ingest.delivery import Delivery

log = logging.getLogger(__name__)

LOOK_S = 0.5  # between looks at what is overdue
PUT_AT_ONCE = 1000  # readings in one transaction of the outbox

_TOPICS = {pattern.lane: pattern for pattern in codec_named("native").topics}


class _Receipt(msgspec.Struct):
    boot: int
    seq: list[tuple[int, int]]


class DeviceClient:
    """One device; use it with `async with`.

    It has one connection for both lanes, because a broker that binds client ids to user names gives an account no
    more. An SOS waits there for no more than the two arrays of history that are under way.
    """

    def __init__(
        self,
        url: str,
        *,
        device: str,
        secret: str,
        state: Path | None = None,
        fsync: bool = True,
        patient: bool = False,
        receipts: bool = True,
        limits: Limits | None = None,
        waits: Waits | None = None,
        tls: Tls | None = None,
        on_message: Callable[[Mapping[str, Any]], None] | None = None,
    ) -> None:
        """Prepare a device.

        Args:
            url: `mqtt://` or `mqtts://` address of the broker.
            device: its name, which is its user name too.
            secret: as it was issued.
            state: folder in which client ids, the boot counter and the outbox are kept; without it the session lasts as
                long as the connection, the boot counter is the time, and the outbox ends with the process.
            fsync: the outbox survives a loss of power too, not only the end of this process; each `send` then waits for
                the disk, and everything else in its event loop with it.
            patient: `send` waits for room, as a source that can be held up wants it; otherwise it never waits, and an
                outbox that is full is thinned.
            receipts: number the readings and expect receipts.
            limits: of the outbox and of what is under way.
            waits: for receipts.
            tls: for `mqtts://`; None trusts whom the system trusts.
            on_message: told of everything on `down` that is not a receipt.

        Raises:
            BadBrokerAddress: the URL cannot be read.
        """
        self.device = device
        self._url = url
        self._secret = secret
        self._state_folder = state
        self._patient = patient
        self._receipts = receipts
        self._limits = limits
        self._waits = waits
        self._tls = tls
        self._on_message = on_message
        self._file = OutboxFile(state, device=device, fsync=fsync)
        self._state: ClientState | None = None
        self._outbox: DeviceOutbox | None = None
        self._session: Session | None = None
        self._wake = asyncio.Event()
        self._progress = asyncio.Event()  # replaced by a new one each time something moved
        self._moved_at = monotonic()
        self._leave = asyncio.Event()
        self._trouble: OutboxError | None = None

    async def __aenter__(self) -> Self:
        store = await asyncio.to_thread(self._file.open)
        try:
            at_least = store.last_boot() + 1
            self._state = await asyncio.to_thread(open_state, self._state_folder, self.device, at_least=at_least)
            self._outbox = DeviceOutbox(
                store,
                device=self.device,
                boot=self._state.boot,
                receipts=self._receipts,
                limits=self._limits,
                waits=self._waits,
            )
            self._group = asyncio.TaskGroup()
            await self._group.__aenter__()
        except BaseException:
            self._file.close()
            raise
        try:
            opened = asyncio.Event()
            self._group.create_task(self._hold(opened), name=f"session {self.device}")
            await opened.wait()
        except BaseException:
            await self.__aexit__(None, None, None)
            raise
        self._group.create_task(self._pump(), name=f"outbox {self.device}")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._leave.set()
        self._wake.set()
        try:
            if isinstance(error, asyncio.CancelledError):
                await self._group.__aexit__(kind, error, trace)
            else:  # the group would wrap the body's own error
                await self._group.__aexit__(None, None, None)
        finally:
            self._file.close()

    @property
    def counts(self) -> OutboxCounts:
        """What became of the readings; they may be read after the end, too."""
        return self._outbox.counts if self._outbox else OutboxCounts()

    @property
    def boot(self) -> int:
        """The boot counter of this run."""
        return self._outbox.boot if self._outbox else 0

    @property
    def connected(self) -> bool:
        """Whether the broker has let us in."""
        return self._session is not None and self._session.connected

    @property
    def unacknowledged(self) -> int:
        """Readings of this run that the broker has not confirmed."""
        return self.counts.sent - self.counts.acknowledged - self.counts.thinned

    @property
    def unreceipted(self) -> int:
        """Readings that no receipt has made safe, of earlier runs too; without receipts, as `unacknowledged`."""
        return self._outbox.open if self._outbox else 0

    async def wait_ready(self, *, timeout_s: float) -> None:
        """Wait until the broker lets us in.

        Raises:
            BrokerUnavailable: not in time; says what was in the way.
            BrokerRefused: it does not want this account.
        """
        await self._connection().wait_up(timeout_s=timeout_s)

    async def send(self, readings: Sequence[Mapping[str, Any]], *, lane: Lane = "up") -> None:
        """Keep readings in the outbox and publish them, at once when there is a connection.

        Args:
            readings: as the wire contract has them; `boot` and `seq` are put in here when receipts are expected.
            lane: `urgent` for button, task and report.

        Raises:
            OutboxFull: there is no room, and nothing that may be dropped for it.
            OutboxError: the outbox cannot be written, or a reading is too large.
        """
        session, outbox = self._connection(), self._running()
        for first in range(0, len(readings), PUT_AT_ONCE):
            part = readings[first : first + PUT_AT_ONCE]
            while self._patient and not (outbox.may_go_live(lane) and outbox.has_room(len(part))):
                await self._something_moved(at_most_s=1.0)
            if not outbox.open:
                self._moved_at = monotonic()  # idle until now, which is no stall
            for message in outbox.put(part, lane=lane, live=session.connected):
                self._publish(session, message)

    async def drain(self, *, stall_s: float = 60.0) -> bool:
        """Wait until everything is confirmed and receipted.

        Args:
            stall_s: give up after so many seconds without any progress.

        Returns:
            Whether nothing is left open, and nothing was parked in this run.
        """
        outbox = self._running()
        while outbox.open:
            since = monotonic() - self._moved_at
            if since >= stall_s:
                return False
            await self._something_moved(at_most_s=min(1.0, stall_s - since))
        return outbox.counts.parked == 0

    def _running(self) -> DeviceOutbox:
        if self._outbox is None:
            raise RuntimeError("use the device client with `async with`")
        if self._trouble is not None:
            raise self._trouble
        return self._outbox

    # -- sending -------------------------------------------------------------------------------------------------

    def _connection(self) -> Session:
        if self._session is None:
            raise RuntimeError("use the device client with `async with`")
        return self._session

    async def _hold(self, opened: asyncio.Event) -> None:
        if self._state is None:
            raise RuntimeError("use the device client with `async with`")
        session = Session(
            self._url,
            credentials=Credentials(self.device, self._secret, self._state.client_id),
            filters=[_TOPICS["down"].topic(self.device)],
            name=self.device,
            series="devices",
            on_delivery=self._delivered,
            on_ready=self._reconnected,
            clean_session=not self._state.kept,
            tls=self._tls,
        )
        async with session:
            self._session = session
            opened.set()
            await self._leave.wait()

    def _reconnected(self) -> None:
        if self._outbox is not None:
            for lane in LANES:
                self._outbox.reconnected(lane)
        self._wake.set()

    async def _pump(self) -> None:
        """Send history while there is room for it, and again what is overdue."""
        session, outbox = self._connection(), self._running()
        looked_at = monotonic()
        while not self._leave.is_set():
            for lane in reversed(LANES):  # what is urgent first
                while session.connected and (message := outbox.next(lane)) is not None:
                    self._publish(session, message)
            await wait_for(self._wake, at_most_s=LOOK_S)
            self._running()
            if monotonic() - looked_at >= LOOK_S and session.connected:
                looked_at = monotonic()
                outbox.look()

    def _publish(self, session: Session, message: Message) -> None:
        topic = _TOPICS[message.lane].topic(self.device)
        session.send(topic, message.payload).add_done_callback(lambda done: self._answered(message, done))

    def _answered(self, message: Message, done: "asyncio.Future[None]") -> None:
        if self._outbox is None or self._leave.is_set():
            return
        try:
            if done.cancelled() or done.exception() is not None:
                self._outbox.failed(message)
            else:
                self._outbox.confirmed(message)
                self._moved()
        except OutboxError as error:
            self._trouble = error
        self._wake.set()

    def _moved(self) -> None:
        self._moved_at = monotonic()
        self._progress.set()
        self._progress = asyncio.Event()

    async def _something_moved(self, *, at_most_s: float) -> None:
        await pause(self._progress, at_most_s=at_most_s)
        self._running()

    # -- receipts ------------------------------------------------------------------------------------------------

    def _delivered(self, delivery: Delivery) -> None:
        delivery.settle()
        try:
            content = msgspec.json.decode(delivery.payload)
            if isinstance(content, dict) and content.get("type") == "receipt":
                self._receipted(msgspec.convert(content, _Receipt))
            elif isinstance(content, dict) and self._on_message is not None:
                self._on_message(content)
        except msgspec.DecodeError:
            log.warning("%s was sent something on %s that cannot be read", self.device, delivery.topic)
        except OutboxError as error:
            self._trouble = error
            self._wake.set()

    def _receipted(self, receipt: _Receipt) -> None:
        if self._outbox is not None and self._outbox.receipted(receipt.boot, receipt.seq):
            self._moved()
            self._wake.set()
