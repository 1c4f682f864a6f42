"""A persistent session with the broker: connects for ever, subscribes at every connect, acknowledges when told."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from gateway import metrics
from gateway.address import Address, Credentials, Tls
from gateway.backoff import Backoff
from gateway.errors import BrokerError, BrokerUnavailable
from gateway.filter_memory import FilterMemory
from gateway.mqtt.connection import Connection
from gateway.mqtt.packets import Version, Will
from gateway.outage import Outage
from ingest.delivery import Delivery

log = logging.getLogger(__name__)

RESUBSCRIBE_S = 5.0  # seconds until a refused filter is asked for again; a reload of the accounts may grant it
FIRST_S = 0.2  # seconds before the first try again
FLAPS = 2  # connections in a row that end within STEADY_S, before the next is taken for the same outage
STEADY_S = 10.0  # seconds a connection must hold before the next outage starts with the shortest wait again


@dataclass
class Counts:
    """What a session did since it was made."""

    connects: int = 0
    received: int = 0
    redelivered_pending: int = 0
    shed: int = 0
    put_off: int = 0
    sessions_lost: int = 0
    retained_ignored: int = 0
    settled: int = 0
    settled_late: int = 0
    filters_refused: int = 0
    published: int = 0
    publish_failed: int = 0


class Session:
    """Deliveries of some filters, at QoS 1, each acknowledged only when it is settled.

    Use it with `async with`, and either give `on_deliveries` (or `on_delivery`), which is called on the event loop in
    the order of arrival, or iterate over the session.
    """

    def __init__(
        self,
        url: str,
        *,
        credentials: Credentials,
        filters: Iterable[str] = (),
        memory: FilterMemory | None = None,
        name: str,
        on_deliveries: Callable[[Sequence[Delivery]], None] | None = None,
        on_delivery: Callable[[Delivery], None] | None = None,
        on_ready: Callable[[], None] | None = None,
        on_disorder: Callable[[], None] | None = None,
        take_retained: bool = False,
        clean_session: bool = False,
        may_pause: bool = False,
        version: Version = 4,
        tls: Tls | None = None,
        will: Will | None = None,
        keep_alive_s: int = 30,
        window: int = 65_535,
        most_bytes: int = 300 * 1024,
        pace_s: float = 0.0,
        series: str | None = None,
    ) -> None:
        """Prepare a session.

        Args:
            url: `mqtt://` or `mqtts://` address.
            credentials: account and client id; the client id must stay the same and secret.
            filters: what to subscribe to.
            memory: where the filters are remembered, so that a later run can take back what it no longer wants.
            name: for logs, and for metrics when `series` is not given.
            on_deliveries: receives all messages that came at once; without it they wait for `async for`.
            on_delivery: the same, called for each message.
            on_ready: called each time it is connected and all filters are granted.
            on_disorder: called when older messages may come after newer ones: at each connect, before anything else,
                and whenever messages were left to the broker because there was no room.
            take_retained: hand retained messages on as well; otherwise they are acknowledged, counted and ignored.
            clean_session: begin without what an earlier connection left, and leave nothing.
            may_pause: whether the broker lets a reader stop. nats-server cuts one that does, so there `pause_reading`
                leaves messages out instead (see `Reader.crowd`).
            version: 4 for MQTT 3.1.1, or 5.
            tls: certificates for `mqtts://`.
            will: published by the broker when the connection ends without a goodbye.
            keep_alive_s: seconds in which each side hears of the other.
            window: messages that the broker may have under way to us, where it can be told (MQTT 5).
            most_bytes: of a packet; a larger message is handed on cut off there, so that it is refused for its size.
            pace_s: seconds in which it reads nothing after a small chunk, so that the next is larger; for brokers that
                let a reader stop.
            series: the label of its metrics; sessions that come in hundreds share one.

        Raises:
            BadBrokerAddress: the URL cannot be read.
        """
        self.counts = Counts()
        self.connected = False
        self._address = Address.parse(url)
        self._credentials = credentials
        self._filters = list(filters)
        self._memory = memory
        self._name = name
        self._waiting: asyncio.Queue[Delivery] = asyncio.Queue()
        self._on_deliveries = on_deliveries or _one_by_one(on_delivery or self._waiting.put_nowait)
        self._on_ready = on_ready
        self._on_disorder = on_disorder
        self._take_retained = take_retained
        self._clean_session = clean_session
        self._may_pause = may_pause
        self._version = version
        self._tls = tls
        self._will = will
        self._keep_alive_s = keep_alive_s
        self._window = window
        self._most_bytes = most_bytes
        self._pace_s = pace_s if may_pause else 0.0
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._short_lived = 0  # connections in a row that were ready, but not for long
        self._opened = False
        self._connection: Connection | None = None
        self._ready = asyncio.Event()
        self._outage = Outage(log, thing=f"{name} at the broker")
        self._trouble: BrokerError | None = None
        series = series or name
        metrics.show_zero(series)
        self._gauge = metrics.CONNECTED.labels(series)
        self._metric = {
            "connects": metrics.CONNECTS.labels(series),
            "received": metrics.RECEIVED.labels(series),
            "redelivered_pending": metrics.REDELIVERED.labels(series),
            "retained_ignored": metrics.RETAINED.labels(series),
            "shed": metrics.SHED.labels(series),
            "put_off": metrics.PUT_OFF.labels(series),
            "sessions_lost": metrics.SESSIONS_LOST.labels(series),
            "settled": metrics.SETTLED.labels(series),
            "settled_late": metrics.LATE.labels(series),
            "filters_refused": metrics.REFUSED.labels(series),
            "published": metrics.PUBLISHED.labels(series),
            "publish_failed": metrics.PUBLISH_FAILED.labels(series),
        }

    async def __aenter__(self) -> Self:
        self._group = asyncio.TaskGroup()
        await self._group.__aenter__()
        self._keeper = self._group.create_task(self._keep(), name=f"mqtt session {self._name}")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._keeper.cancel()
        if isinstance(error, asyncio.CancelledError):
            await self._group.__aexit__(kind, error, trace)
        else:  # the group would wrap the body's own error
            await self._group.__aexit__(None, None, None)

    async def __aiter__(self) -> AsyncIterator[Delivery]:
        while True:
            yield await self._waiting.get()

    @property
    def pending(self) -> int:
        """Messages of this connection that have not been settled."""
        return self._connection.pending if self._connection else 0

    @property
    def open(self) -> bool:
        """Whether the broker has let us in, granted filters or not: what is sent goes out."""
        return self._connection is not None and self._opened and not self._connection.ended

    async def wait_ready(self, *, timeout_s: float | None = None) -> None:
        """Wait until it is connected and all filters are granted.

        Raises:
            TimeoutError: not within `timeout_s` seconds.
        """
        async with asyncio.timeout(timeout_s):
            await self._ready.wait()

    async def wait_up(self, *, timeout_s: float) -> None:
        """Wait like `wait_ready`, and say what is in the way.

        Raises:
            BrokerError: the last trouble with the broker.
        """
        try:
            await self.wait_ready(timeout_s=timeout_s)
        except TimeoutError:
            if self._trouble is not None:
                raise self._trouble from None
            raise BrokerUnavailable(
                f"{self._name} was not ready at the broker at {self._address} within {timeout_s:g} s; see its log"
            ) from None

    def send(self, topic: str, payload: bytes, *, qos: int = 1, retain: bool = False) -> "asyncio.Future[None]":
        """Publish without waiting; the future is done when the broker has confirmed it, at QoS 0 when it is written.

        Its exception is BrokerUnavailable when there is no connection or it ends first, BrokerRefused when the broker
        says that it does not take the message.
        """
        if self._connection is None or not self.open:
            confirmed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            confirmed.set_exception(
                BrokerUnavailable(f"{self._name} is not connected to the broker at {self._address}; try again later")
            )
        else:
            confirmed = self._connection.publish(topic, payload, qos=qos, retain=retain)
        confirmed.add_done_callback(self._count_published)
        return confirmed

    async def publish(self, topic: str, payload: bytes, *, qos: int = 1, retain: bool = False) -> None:
        """Publish and wait for the broker's confirmation.

        Raises:
            BrokerUnavailable: there is no connection, or it ended first; the message may or may not have got through.
        """
        await self.send(topic, payload, qos=qos, retain=retain)

    def _count_published(self, confirmed: "asyncio.Future[None]") -> None:
        if not confirmed.cancelled():
            self._count("published" if confirmed.exception() is None else "publish_failed", 1)

    def pause_reading(self) -> None:
        """Take nothing more until told; while it lasts, keep-alive goes on. See `may_pause`."""
        self._flowing.clear()
        self._hold_or_read()

    def resume_reading(self) -> None:
        """Take messages again."""
        self._flowing.set()
        self._hold_or_read()

    def _hold_or_read(self) -> None:
        if self._connection is None or not self._opened:
            return
        if not self._may_pause:
            self._connection.crowd(not self._flowing.is_set())
        elif self._flowing.is_set():
            self._connection.resume_reading()
        else:
            self._connection.pause_reading()

    # -- keeping the connection ----------------------------------------------------------------------------------

    async def _keep(self) -> None:
        backoff = Backoff(first_s=FIRST_S)
        loop = asyncio.get_running_loop()
        while True:
            connection = self._connection = self._make_connection()
            began = loop.time()
            try:
                present = await connection.open()
                self._opened = True
                self._opened_once(present)
                if not self._flowing.is_set():
                    self._begin_held(connection)
                reason = await self._serve(connection)
            except BrokerError as error:
                self._trouble = error
                reason = str(error)
            finally:
                self._opened = False
                self._set_connected(False)
                await connection.close()
            self._outage.failed(reason)
            if loop.time() - began >= STEADY_S:
                backoff.reset()
                self._short_lived = 0
            await asyncio.sleep(backoff.next_s())

    def _begin_held(self, connection: Connection) -> None:
        """A new connection brings again what is held from the last; another load of it would be without bound."""
        if self._may_pause:
            connection.pause_reading()
        else:
            connection.crowd(True, spare_bytes=0)

    def _opened_once(self, present: bool) -> None:
        if self.counts.connects and not present and not self._clean_session:
            self._count("sessions_lost", 1)
            log.warning(
                "%s: the broker at %s no longer has its session, nor what had queued for it; devices that number their "
                "readings send again what lacks a receipt",
                self._name,
                self._address,
                extra={"event": "session_lost"},
            )
        self._count("connects", 1)
        if self._on_disorder:
            self._on_disorder()

    def _make_connection(self) -> Connection:
        return Connection(
            self._address,
            credentials=self._credentials,
            on_deliveries=self._on_deliveries,
            tally=self._tally,
            version=self._version,
            clean_session=self._clean_session,
            take_retained=self._take_retained,
            keep_alive_s=self._keep_alive_s,
            window=self._window,
            most_bytes=self._most_bytes,
            pace_s=self._pace_s,
            tls=self._tls,
            will=self._will,
        )

    async def _serve(self, connection: Connection) -> str:
        async with asyncio.TaskGroup() as group:
            asking = group.create_task(self._subscribe(connection), name=f"mqtt subscribe {self._name}")
            reason = await connection.wait_ended()
            asking.cancel()
        return reason

    async def _subscribe(self, connection: Connection) -> None:
        if self._may_pause:
            await self._flowing.wait()  # no answer is read before
        missing = self._filters
        try:
            await self._take_back(connection)
        except BrokerUnavailable:
            return
        while True:
            try:
                granted = await connection.subscribe(missing)
            except BrokerUnavailable:
                return
            missing = [name for name in missing if granted.get(name) != 1]
            if not missing:
                self._set_connected(True)
                self._short_lived += 1
                if self._short_lived > FLAPS:
                    await asyncio.sleep(STEADY_S)  # it is no news that this works if it does not last
                self._outage.worked()
                return
            self._count("filters_refused", len(missing))
            log.error(
                "the broker did not grant %s to %s; see that its accounts are up to date (`gengfu run gateway`); "
                "asking again every %g s",
                ", ".join(missing),
                self._credentials.username,
                RESUBSCRIBE_S,
                extra={"event": "filter_refused"},
            )
            await asyncio.sleep(RESUBSCRIBE_S)

    async def _take_back(self, connection: Connection) -> None:
        """Unsubscribe what an earlier run asked for and this one does not."""
        if self._memory is None:
            return
        former = await asyncio.to_thread(self._memory.read)
        unwanted = [name for name in former if name not in self._filters]
        await asyncio.to_thread(self._memory.write, [*former, *self._filters])  # before they are held, lest one be lost
        if unwanted:
            await connection.unsubscribe(unwanted)
            log.info("%s: no longer subscribed to %s", self._name, ", ".join(unwanted))
            await asyncio.to_thread(self._memory.write, self._filters)

    def _set_connected(self, connected: bool) -> None:
        self.connected = connected
        self._gauge.set(connected)
        if connected:
            self._ready.set()
            if self._on_ready:
                self._on_ready()
        else:
            self._ready.clear()

    def _tally(self, name: str, by: int) -> None:
        self._count(name, by)
        if name == "put_off" and self._on_disorder:
            self._on_disorder()

    def _count(self, name: str, by: int) -> None:
        setattr(self.counts, name, getattr(self.counts, name) + by)
        self._metric[name].inc(by)


def _one_by_one(take: Callable[[Delivery], None]) -> Callable[[Sequence[Delivery]], None]:
    def take_all(deliveries: Sequence[Delivery]) -> None:
        for delivery in deliveries:
            take(delivery)

    return take_all
