"""A client that can misbehave on purpose: keep a session, share a client id, acknowledge late; on paho's thread."""

import asyncio
import ssl
from collections import deque
from types import TracebackType
from typing import Any, Self

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from gateway.address import Address, Credentials
from ops.doctor.broker.errors import NotLetIn, NotThere

ANSWER_S = 8.0


class Client:
    """One connection; use it with `async with`, which connects.

    Attributes:
        received: messages that came, oldest first.
        session_present: whether the broker still had the session.
    """

    def __init__(
        self,
        address: Address,
        *,
        credentials: Credentials,
        clean: bool = True,
        acknowledge: bool = True,
        tls: ssl.SSLContext | None,
    ) -> None:
        self.received: deque[paho.MQTTMessage] = deque()
        self.session_present = False
        self._address = address
        self._acknowledge = acknowledge
        self._loop = asyncio.get_running_loop()
        self._came = asyncio.Event()
        self._over = False
        self._connected: asyncio.Future[tuple[int, str, bool]] = self._loop.create_future()
        self._answers: dict[int, asyncio.Future[list[int] | None]] = {}
        self._client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=credentials.client_id,
            clean_session=clean,
            protocol=paho.MQTTv311,
            manual_ack=not acknowledge,
            reconnect_on_failure=False,
        )
        self._client.max_inflight_messages_set(1000)
        self._client.username_pw_set(credentials.username, credentials.password)
        if tls is not None:
            self._client.tls_set_context(tls)
        self._client.on_connect = lambda _c, _u, flags, code, _p: self._tell(
            self._connected_as, code.value, str(code), flags.session_present
        )
        self._client.on_message = lambda _c, _u, message: self._tell(self._take, message)
        self._client.on_publish = lambda _c, _u, mid, _code, _p: self._tell(self._answered, mid, [])
        self._client.on_subscribe = lambda _c, _u, mid, codes, _p: self._tell(
            self._answered, mid, [code.value for code in codes]
        )
        self._client.on_disconnect = lambda *_: self._tell(self._ended)

    async def __aenter__(self) -> Self:
        try:
            await asyncio.to_thread(self._client.connect, self._address.host, self._address.port, 30)
        except (OSError, ValueError) as error:
            raise NotThere(f"no connection to {self._address}: {error}") from error
        self._client.loop_start()
        try:
            async with asyncio.timeout(ANSWER_S):
                code, words, self.session_present = await self._connected
        except TimeoutError:
            await self._stop()
            raise NotThere(f"{self._address} takes the connection but does not answer CONNECT") from None
        if code:
            await self._stop()
            raise NotLetIn(f"the broker says: {words}")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.disconnect()
        await self._stop()

    async def subscribe(self, topic: str) -> bool:
        """Whether the broker grants it at QoS 1."""
        return await self._answer(self._client.subscribe(topic, 1)[1] or 0) == [1]

    async def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> bool:
        """At QoS 1; whether the broker confirmed it."""
        return await self._answer(self._client.publish(topic, payload, 1, retain).mid) is not None

    async def publish_all(self, topic: str, payloads: list[bytes]) -> int:
        """Many at once; returns how many the broker confirmed."""
        mids = [self._client.publish(topic, payload, 1).mid for payload in payloads]
        return sum([await self._answer(mid) is not None for mid in mids])

    async def wait_for(self, count: int, *, quiet_s: float) -> int:
        """Wait until so many have come, or none for `quiet_s` seconds; returns how many have."""
        while len(self.received) < count:
            self._came.clear()
            try:
                async with asyncio.timeout(quiet_s):
                    await self._came.wait()
            except TimeoutError:
                break
        return len(self.received)

    def acknowledge_all(self) -> int:
        """Acknowledge what came and forget it; returns how many those were."""
        number = len(self.received)
        while self.received:
            message = self.received.popleft()
            if not self._acknowledge:
                self._client.ack(message.mid, message.qos)
        return number

    async def _answer(self, mid: int) -> list[int] | None:
        answer = self._answers.setdefault(mid, self._loop.create_future())
        if self._over and not answer.done():
            answer.set_result(None)
        try:
            async with asyncio.timeout(ANSWER_S):
                return await answer
        except TimeoutError:
            return None
        finally:
            self._answers.pop(mid, None)

    async def _stop(self) -> None:
        await asyncio.to_thread(self._client.loop_stop)

    def _tell(self, callback: Any, *arguments: Any) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(callback, *arguments)

    def _connected_as(self, code: int, words: str, present: bool) -> None:
        if not self._connected.done():
            self._connected.set_result((code, words, present))

    def _take(self, message: paho.MQTTMessage) -> None:
        self.received.append(message)
        self._came.set()

    def _ended(self) -> None:
        self._over = True
        for answer in self._answers.values():
            if not answer.done():
                answer.set_result(None)

    def _answered(self, mid: int, codes: list[int]) -> None:
        answer = self._answers.setdefault(mid, self._loop.create_future())
        if not answer.done():
            answer.set_result(codes)
