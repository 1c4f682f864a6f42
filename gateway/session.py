"""A persistent session with the broker: connects for ever, subscribes at every connect, acknowledges when told."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from gateway import metrics
from gateway.address import Address, Credentials
from gateway.backoff import Backoff
from gateway.errors import BrokerError, BrokerUnavailable
from gateway.link import Inbound, Link
from gateway.outage import Outage
from ingest.delivery import Delivery

log = logging.getLogger(__name__)

RESUBSCRIBE_S = 5.0  # seconds until a refused filter is asked for again; a reload of the accounts may grant it
STEADY_S = 10.0  # seconds a connection must hold before the next outage starts with the shortest wait again


@dataclass
class Counts:
    """What a session did since it was made."""

    connects: int = 0
    received: int = 0
    redelivered_pending: int = 0
    retained_ignored: int = 0
    settled: int = 0
    settled_late: int = 0
    filters_refused: int = 0
    published: int = 0
    publish_failed: int = 0


class Session:
    """Deliveries of some filters, at QoS 1, each acknowledged only when its `settle` is called.

    Use it with `async with`, and either give `on_delivery`, which is called on the event loop in the order of arrival,
    or iterate over the session. It never stops reading, because nats-server cuts a reader that does: what is under
    way is bounded by the broker (`max_ack_pending`), not here.
    """

    def __init__(
        self,
        url: str,
        *,
        credentials: Credentials,
        filters: Iterable[str] = (),
        name: str,
        on_delivery: Callable[[Delivery], None] | None = None,
        on_ready: Callable[[], None] | None = None,
        take_retained: bool = False,
        clean_session: bool = False,
        series: str | None = None,
    ) -> None:
        """Prepare a session.

        Args:
            url: `mqtt://` or `mqtts://` address.
            credentials: account and client id; the client id must stay the same and secret.
            filters: what to subscribe to.
            name: for logs, and for metrics when `series` is not given.
            on_delivery: receives each message; without it they wait for `async for`.
            on_ready: called each time it is connected and all filters are granted.
            take_retained: hand retained messages on as well; otherwise they are acknowledged, counted and ignored.
            clean_session: begin without what an earlier connection left, and leave nothing.
            series: the label of its metrics; sessions that come in hundreds share one.

        Raises:
            BadBrokerAddress: the URL cannot be read.
        """
        self.counts = Counts()
        self.connected = False
        self._address = Address.parse(url)
        self._credentials = credentials
        self._filters = list(filters)
        self._name = name
        self._waiting: asyncio.Queue[Delivery] = asyncio.Queue()
        self._on_delivery = on_delivery or self._waiting.put_nowait
        self._on_ready = on_ready
        self._take_retained = take_retained
        self._clean_session = clean_session
        self._link: Link | None = None
        self._settler: _OfLink | None = None
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
        return len(self._settler.pending) if self._settler else 0

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
        """Publish without waiting; the future is done when the broker has confirmed.

        Its exception is BrokerUnavailable when there is no connection or it ends first.
        """
        if self._link is None:
            confirmed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            confirmed.set_exception(
                BrokerUnavailable(f"{self._name} is not connected to the broker at {self._address}; try again later")
            )
        else:
            confirmed = self._link.publish(topic, payload, qos=qos, retain=retain)
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
            self._count("published" if confirmed.exception() is None else "publish_failed")

    # -- keeping the connection ----------------------------------------------------------------------------------

    async def _keep(self) -> None:
        backoff = Backoff()
        loop = asyncio.get_running_loop()
        while True:
            link = Link(
                self._address,
                credentials=self._credentials,
                on_message=self._received,
                clean_session=self._clean_session,
            )
            self._settler = _OfLink(self, link)
            began = loop.time()
            try:
                await link.open()
                self._link = link
                self._count("connects")
                reason = await self._serve(link)
            except BrokerError as error:
                self._trouble = error
                reason = str(error)
            finally:
                self._link = None
                self._set_connected(False)
                await link.close()
            self._outage.failed(reason)
            if loop.time() - began >= STEADY_S:
                backoff.reset()
            await asyncio.sleep(backoff.next_s())

    async def _serve(self, link: Link) -> str:
        async with asyncio.TaskGroup() as group:
            asking = group.create_task(self._subscribe(link), name=f"mqtt subscribe {self._name}")
            reason = await link.wait_ended()
            asking.cancel()
        return reason

    async def _subscribe(self, link: Link) -> None:
        missing = self._filters
        while True:
            try:
                granted = await link.subscribe(missing)
            except BrokerUnavailable:
                return
            missing = [name for name in missing if granted.get(name) != 1]
            if not missing:
                self._outage.worked()
                self._set_connected(True)
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

    def _set_connected(self, connected: bool) -> None:
        self.connected = connected
        self._gauge.set(connected)
        if connected:
            self._ready.set()
            if self._on_ready:
                self._on_ready()
        else:
            self._ready.clear()

    # -- messages ------------------------------------------------------------------------------------------------

    def _received(self, link: Link, message: Inbound) -> None:
        settler = self._settler
        if settler is None:
            return
        if message.retain and not self._take_retained:
            if message.qos:
                link.ack(message.mid)
            self._count("retained_ignored")
            return
        if message.dup and message.mid in settler.pending:
            self._count("redelivered_pending")
            return
        mid = message.mid if message.qos else 0
        if mid:
            settler.pending.add(mid)
        self._count("received")
        self._on_delivery(Delivery(message.topic, message.payload, message.received_at, message.dup, settler, mid))

    def _count(self, name: str, by: int = 1) -> None:
        setattr(self.counts, name, getattr(self.counts, name) + by)
        self._metric[name].inc(by)


class _OfLink:
    """The settler of one connection's messages; each counts once."""

    def __init__(self, session: Session, link: Link) -> None:
        self._session = session
        self._link = link
        self.pending: set[int] = set()

    def settle(self, tokens: Sequence[int]) -> None:
        for mid in tokens:
            if mid in self.pending or not mid:
                self.pending.discard(mid)
                self._session._count("settled" if not mid or self._link.ack(mid) else "settled_late")  # noqa: SLF001  the other half of the same thing
