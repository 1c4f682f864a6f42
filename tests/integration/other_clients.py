"""paho and aiomqtt behind one face, as the other side of tests of the protocol."""

import asyncio
import contextlib
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Literal

import aiomqtt
import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from typing_extensions import override

USER = "test"  # its password too
Library = Literal["paho", "aiomqtt"]


@dataclass(frozen=True)
class Heard:
    """A message that it received."""

    topic: str
    payload: bytes
    qos: int
    retain: bool


class OtherClient(ABC):
    """A client of another make."""

    def __init__(self) -> None:
        self.heard: list[Heard] = []

    @abstractmethod
    async def publish(self, topic: str, payload: bytes, *, qos: int = 1, retain: bool = False) -> None:
        """Publish, and wait for the confirmation."""

    @abstractmethod
    async def subscribe(self, name: str) -> None:
        """Subscribe at QoS 1, and wait for the answer."""

    async def publish_many(self, topic: str, payloads: list[bytes]) -> None:
        for payload in payloads:
            await self.publish(topic, payload)


class _Aiomqtt(OtherClient):
    def __init__(self, client: aiomqtt.Client) -> None:
        super().__init__()
        self._client = client

    @override
    async def publish(self, topic: str, payload: bytes, *, qos: int = 1, retain: bool = False) -> None:
        await self._client.publish(topic, payload, qos=qos, retain=retain)

    @override
    async def subscribe(self, name: str) -> None:
        await self._client.subscribe(name, qos=1)

    async def listen(self) -> None:
        async for one in self._client.messages:
            assert isinstance(one.payload, bytes)
            self.heard.append(Heard(one.topic.value, one.payload, one.qos, one.retain))


class _Paho(OtherClient):
    def __init__(self, client: paho.Client) -> None:
        super().__init__()
        self._client = client
        self._loop = asyncio.get_running_loop()
        self._granted = asyncio.Event()
        client.on_message = self._message
        client.on_subscribe = self._subscribed

    @override
    async def publish(self, topic: str, payload: bytes, *, qos: int = 1, retain: bool = False) -> None:
        info = self._client.publish(topic, payload, qos=qos, retain=retain)
        await asyncio.to_thread(info.wait_for_publish, 10)
        assert info.is_published()

    @override
    async def publish_many(self, topic: str, payloads: list[bytes]) -> None:
        infos = [self._client.publish(topic, payload, qos=1) for payload in payloads]
        for info in infos:
            await asyncio.to_thread(info.wait_for_publish, 30)
            assert info.is_published()

    @override
    async def subscribe(self, name: str) -> None:
        self._client.subscribe(name, 1)
        async with asyncio.timeout(10):
            await self._granted.wait()

    def _message(self, _client: object, _data: object, one: paho.MQTTMessage) -> None:
        self.heard.append(Heard(one.topic, bytes(one.payload), one.qos, one.retain))

    def _subscribed(self, *_values: Any) -> None:
        self._loop.call_soon_threadsafe(self._granted.set)


@contextlib.asynccontextmanager
async def other_client(library: Library, port: int, *, client_id: str = "the-other") -> AsyncIterator[OtherClient]:
    """A connected client of that make."""
    if library == "aiomqtt":
        async with aiomqtt.Client(
            "127.0.0.1", port, username=USER, password=USER, identifier=client_id, max_inflight_messages=10_000
        ) as inner:
            modern = _Aiomqtt(inner)
            async with asyncio.TaskGroup() as tasks:
                listening = tasks.create_task(modern.listen(), name="listen")
                yield modern
                listening.cancel()
        return
    client = paho.Client(CallbackAPIVersion.VERSION2, client_id=client_id)
    client.username_pw_set(USER, USER)
    client.max_inflight_messages_set(0)
    classic = _Paho(client)
    connected = asyncio.Event()
    loop = asyncio.get_running_loop()

    def on_connect(*_values: Any) -> None:
        loop.call_soon_threadsafe(connected.set)

    client.on_connect = on_connect
    await asyncio.to_thread(client.connect, "127.0.0.1", port)
    client.loop_start()
    try:
        async with asyncio.timeout(10):
            await connected.wait()
        yield classic
    finally:
        client.disconnect()
        await asyncio.to_thread(client.loop_stop)
