"""One MQTT connection from CONNECT to its end, on paho's thread; the only module that knows which library it is.

Each connection is a client of its own, so whatever belongs to an ended one (a late acknowledgement above all) cannot
reach its successor, which may use the same packet ids.
"""

import asyncio
import contextlib
import logging
import socket
import ssl
import threading
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode

from gateway.address import Address, Credentials
from gateway.errors import BrokerRefused, BrokerUnavailable

log = logging.getLogger(__name__)

CONNACK_S = 10.0  # seconds from CONNECT to its answer; a broker that loads many accounts takes some
CLOSE_S = 2.0  # seconds for DISCONNECT to get out before the socket is cut
_UNSPECIFIED = 0x80  # paho's word for an end that nobody announced
_BAD_CREDENTIALS = (0x86, 0x87)  # how paho names 3.1.1's answers 4 and 5


@dataclass(frozen=True, slots=True)
class Inbound:
    """A PUBLISH packet as it came; `mid` is valid on its link only, and 0 at QoS 0."""

    mid: int
    topic: str
    payload: bytes
    qos: int
    dup: bool
    retain: bool
    received_at: datetime


class Link:
    """One connection; opened once, closed once. All methods and `on_message` belong to the event loop's thread."""

    def __init__(
        self,
        address: Address,
        *,
        credentials: Credentials,
        on_message: Callable[["Link", Inbound], None],
        clean_session: bool = False,
        keepalive_s: int = 30,
    ) -> None:
        self._address = address
        self._credentials = credentials
        self._on_message = on_message
        self._keepalive_s = keepalive_s
        self._events: deque[tuple[Callable[..., None], tuple[Any, ...]]] = deque()
        self._lock = threading.Lock()
        self._scheduled = False
        self._unconfirmed: dict[int, asyncio.Future[None]] = {}
        self._subscribing: dict[int, asyncio.Future[list[int]]] = {}
        self._loop = asyncio.get_running_loop()
        self._connack: asyncio.Future[tuple[int, str, bool]] = self._loop.create_future()
        self._ended: asyncio.Future[str] = self._loop.create_future()
        self._answered = asyncio.Event()
        self._client: paho.Client | None = self._make_client(clean_session)

    @property
    def ended(self) -> bool:
        """Whether the connection is over."""
        return self._ended.done()

    async def open(self) -> bool:
        """Connect.

        Returns:
            Whether the broker still had the session.

        Raises:
            BrokerUnavailable: nobody answers there, or not in time.
            BrokerRefused: the broker does not want this account.
        """
        client = self._running()
        try:
            await asyncio.to_thread(self._connect, client)
        except (OSError, ValueError) as error:
            words = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            raise BrokerUnavailable(
                f"no connection to the broker at {self._address}: {words}; see that it runs there"
            ) from error
        client.loop_start()
        try:
            async with asyncio.timeout(CONNACK_S):
                await self._answered.wait()
        except TimeoutError:
            raise BrokerUnavailable(
                f"the broker at {self._address} did not answer CONNECT within {CONNACK_S:g} s"
            ) from None
        if not self._connack.done():
            raise BrokerUnavailable(f"the broker at {self._address} hung up at CONNECT; see its log")
        code, words, present = self._connack.result()
        if code in _BAD_CREDENTIALS:
            raise BrokerRefused(
                f"the broker at {self._address} does not let {self._credentials.username} in ({words.lower()}); "
                "see that it is registered, not revoked, and that the secret is its newest"
            )
        if code:
            raise BrokerUnavailable(f"the broker at {self._address} refused the connection: {words.lower()}")
        return present

    async def subscribe(self, filters: Iterable[str]) -> dict[str, int]:
        """Subscribe at QoS 1.

        Returns:
            For each filter the granted QoS, or 0x80 when it was refused.

        Raises:
            BrokerUnavailable: the connection ended before the answer.
        """
        wanted = list(filters)
        if not wanted:
            return {}
        code, mid = self._running().subscribe([(name, 1) for name in wanted])
        if code != MQTTErrorCode.MQTT_ERR_SUCCESS or mid is None:
            raise BrokerUnavailable(f"the connection to {self._address} ended before the subscription")
        answer: asyncio.Future[list[int]] = self._loop.create_future()
        answer.add_done_callback(_seen)
        self._subscribing[mid] = answer
        return dict(zip(wanted, await answer, strict=True))

    def publish(self, topic: str, payload: bytes, *, qos: int = 1, retain: bool = False) -> asyncio.Future[None]:
        """Send a message; the future is done when the broker has confirmed it, at QoS 0 when it is queued.

        Its exception is BrokerUnavailable when the connection ends before that.
        """
        confirmed: asyncio.Future[None] = self._loop.create_future()
        confirmed.add_done_callback(_seen)
        if self.ended or self._client is None:
            confirmed.set_exception(self._gone())
            return confirmed
        info = self._client.publish(topic, payload, qos=qos, retain=retain)
        if info.rc != MQTTErrorCode.MQTT_ERR_SUCCESS:
            confirmed.set_exception(self._gone())
        elif qos == 0:
            confirmed.set_result(None)
        else:
            self._unconfirmed[info.mid] = confirmed
        return confirmed

    def ack(self, mid: int) -> bool:
        """Send a PUBACK, unless this connection is over; says whether it was sent."""
        if self.ended or self._client is None:
            return False
        return self._client.ack(mid, 1) == MQTTErrorCode.MQTT_ERR_SUCCESS

    async def wait_ended(self) -> str:
        """Wait until the connection is over; says why."""
        return await asyncio.shield(self._ended)

    async def close(self) -> None:
        """Say DISCONNECT and end the thread; harmless to repeat."""
        client, self._client = self._client, None
        if client is None:
            return
        client.disconnect()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_S if client.is_connected() else 0.1):
                await asyncio.shield(self._ended)
        cut = client.socket()
        if isinstance(cut, socket.socket):
            with contextlib.suppress(OSError):
                cut.shutdown(socket.SHUT_RDWR)
        await asyncio.to_thread(client.loop_stop)
        client.on_connect = client.on_disconnect = client.on_message = client.on_publish = client.on_subscribe = None
        self._end("closed by gengfu")

    def _make_client(self, clean_session: bool) -> paho.Client:
        client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=self._credentials.client_id,
            clean_session=clean_session,
            reconnect_on_failure=False,
            manual_ack=True,
        )
        client.username_pw_set(self._credentials.username, self._credentials.password)
        client.max_inflight_messages_set(0)
        client.connect_timeout = 5.0
        client.on_connect = self._paho_connect
        client.on_disconnect = self._paho_disconnect
        client.on_message = self._paho_message
        client.on_publish = self._paho_publish
        client.on_subscribe = self._paho_subscribe
        return client

    def _connect(self, client: paho.Client) -> None:
        if self._address.tls:
            client.tls_set_context(ssl.create_default_context())  # reads files, so not on the event loop
        client.connect(self._address.host, self._address.port, self._keepalive_s)

    def _running(self) -> paho.Client:
        if self._client is None or self.ended:
            raise self._gone()
        return self._client

    def _gone(self) -> BrokerUnavailable:
        return BrokerUnavailable(f"the connection to the broker at {self._address} is gone")

    # -- on paho's thread: nothing but handing over --------------------------------------------------------------

    def _post(self, handle: Callable[..., None], *values: Any) -> None:
        self._events.append((handle, values))
        with self._lock:
            if self._scheduled:
                return
            self._scheduled = True
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody is left to be told
            self._loop.call_soon_threadsafe(self._drain)

    def _paho_connect(self, _client: object, _data: object, flags: Any, reason: Any, _properties: object) -> None:
        self._post(self._connected, reason.value, str(reason), flags.session_present)

    def _paho_disconnect(self, _client: object, _data: object, _flags: Any, reason: Any, _properties: object) -> None:
        words = "the connection broke" if reason.value == _UNSPECIFIED else str(reason).lower()
        self._post(self._end, words)

    def _paho_message(self, _client: object, _data: object, message: paho.MQTTMessage) -> None:
        try:
            topic = message.topic
        except UnicodeDecodeError:
            topic = ""  # no pattern matches it, so it ends in quarantine instead of this thread
        self._post(
            self._received,
            Inbound(
                message.mid, topic, bytes(message.payload), message.qos, message.dup, message.retain, datetime.now(UTC)
            ),
        )

    def _paho_publish(self, _client: object, _data: object, mid: int, _reason: object, _properties: object) -> None:
        self._post(self._confirmed, mid)

    def _paho_subscribe(self, _client: object, _data: object, mid: int, reasons: Any, _properties: object) -> None:
        self._post(self._subscribed, mid, [reason.value for reason in reasons])

    # -- on the event loop's thread ------------------------------------------------------------------------------

    def _drain(self) -> None:
        with self._lock:
            self._scheduled = False
        while True:
            try:
                handle, values = self._events.popleft()
            except IndexError:
                return
            handle(*values)

    def _connected(self, code: int, words: str, present: bool) -> None:
        if not self._connack.done():
            self._connack.set_result((code, words, present))
            self._answered.set()

    def _received(self, message: Inbound) -> None:
        if not self.ended:  # what is still queued from a closed link comes again on the next one
            self._on_message(self, message)

    def _confirmed(self, mid: int) -> None:
        confirmed = self._unconfirmed.pop(mid, None)
        if confirmed is not None and not confirmed.done():
            confirmed.set_result(None)

    def _subscribed(self, mid: int, codes: list[int]) -> None:
        answer = self._subscribing.pop(mid, None)
        if answer is not None and not answer.done():
            answer.set_result(codes)

    def _end(self, reason: str) -> None:
        if self.ended:
            return
        self._ended.set_result(reason)
        self._answered.set()
        waiting: list[asyncio.Future[Any]] = [*self._unconfirmed.values(), *self._subscribing.values()]
        self._unconfirmed.clear()
        self._subscribing.clear()
        for future in waiting:
            if not future.done():
                future.set_exception(self._gone())


def _seen(future: asyncio.Future[Any]) -> None:
    """Mark a failure as looked at: whoever publishes without waiting learns of it by its missing receipt."""
    if not future.cancelled():
        future.exception()
