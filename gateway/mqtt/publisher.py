"""Publishing as fast as a broker takes it: a connection with a window, without a future for each message."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from operator import eq

from typing_extensions import override

from gateway.address import Address, Credentials, Tls
from gateway.mqtt import packets
from gateway.mqtt.connection import Connection
from gateway.mqtt.packets import Version

Message = tuple[str, bytes]
TOPICS = 200_000  # encoded topics kept
BURST = 512  # messages in one write


_HEADS = [bytes((packets.PUBLISH | 0x02, length)) for length in range(128)]


class Publisher(Connection):
    """A connection that publishes at QoS 1 only, in order, with a bounded number of messages under way.

    It is for load: nothing is sent again after the connection was lost. What lacks confirmation then is known, because
    confirmations are counted in the order of publishing.
    """

    def __init__(
        self,
        url: str,
        *,
        credentials: Credentials,
        in_flight: int = 1000,
        on_confirmed: Callable[[int], None] | None = None,
        version: Version = 4,
        tls: Tls | None = None,
        keep_alive_s: int = 30,
    ) -> None:
        """Prepare a publisher; `open` and `close` it.

        Args:
            url: `mqtt://` or `mqtts://` address.
            credentials: account and client id.
            in_flight: messages under way at the most, 1 to 65,534; less when a broker of MQTT 5 wants so.
            on_confirmed: told how many further messages, in the order of publishing, the broker has confirmed.
            version: 4 for MQTT 3.1.1, or 5.
            tls: certificates for `mqtts://`.
            keep_alive_s: seconds in which each side hears of the other.

        Raises:
            BadBrokerAddress: the URL cannot be read.
        """
        super().__init__(
            Address.parse(url),
            credentials=credentials,
            version=version,
            clean_session=True,
            tls=tls,
            keep_alive_s=keep_alive_s,
        )
        self.published = 0
        self.confirmed = 0
        self.refused = 0
        self._in_flight = in_flight
        self._on_confirmed = on_confirmed
        self._order: deque[int] = deque()
        self._early: set[int] = set()
        self._raw: dict[str, bytes] = {}
        self._room = asyncio.Event()
        self._blocked = False

    async def publish_all(self, messages: Iterable[Message]) -> None:
        """Publish messages, each as soon as there is room for it.

        Args:
            messages: topic and payload of each; taken from the iterator only when there is room.

        Raises:
            BrokerUnavailable: the connection is over.
        """
        source = iter(messages)
        while burst := list(islice(source, min(await self.wait_room(), BURST))):
            self.publish_now(burst)

    async def wait_room(self) -> int:
        """Wait until something may be published; how many messages.

        Raises:
            BrokerUnavailable: the connection is over.
        """
        while not self.ended and (self._blocked or self.room <= 0):
            self._room.clear()
            await self._room.wait()
        if self.ended:
            raise self._gone()
        return self.room

    @property
    def room(self) -> int:
        """Messages that may be published now."""
        return min(self._in_flight, self._limit) - (self.published - self.confirmed)

    async def wait_confirmed(self) -> None:
        """Wait until everything is confirmed.

        Raises:
            BrokerUnavailable: the connection ended before that.
        """
        while self.confirmed < self.published:
            if self.ended:
                raise self._gone()
            self._room.clear()
            await self._room.wait()

    def publish_now(self, messages: Sequence[Message]) -> None:
        """Publish messages in one write; no more than there is `room` for.

        Raises:
            BrokerUnavailable: the connection is over.
            ValueError: a topic is too long, or there are more messages than room.
        """
        if self.ended:
            raise self._gone()
        if len(messages) > self.room:
            raise ValueError(f"{len(messages)} messages where {self.room} have room; wait for room first")
        five = self._version == 5
        mid, raws, note = self._last_mid, self._raw, self._order.append
        parts: list[bytes] = []
        add = parts.append
        for topic, payload in messages:
            raw = raws.get(topic) or self._encoded(topic)
            mid = mid % 65_534 + 1  # the last one stays free, so that no SUBSCRIBE ever has to look for one
            length = len(raw) + len(payload) + (3 if five else 2)
            add(_HEADS[length] if length < 128 else b"2" + packets.remaining_length(length))
            add(raw)
            add(mid.to_bytes(2, "big"))
            if five:
                add(b"\x00")  # no properties
            add(payload)
            note(mid)
        self._last_mid = mid
        self.published += len(messages)
        self._write(b"".join(parts))

    def _encoded(self, topic: str) -> bytes:
        if len(self._raw) >= TOPICS:
            self._raw.clear()
        self._raw[topic] = raw = packets.text(topic)
        return raw

    @override
    def _confirm(self, mids: Sequence[int]) -> None:
        order = self._order
        count = len(mids)
        if not self._early and count <= len(order) and all(map(eq, mids, order)):
            for _ in mids:
                order.popleft()
        else:
            self._early.update(mids)
            count = 0
            while order and order[0] in self._early:
                self._early.remove(order.popleft())
                count += 1
            self._early.intersection_update(order)  # a confirmation of what is not under way counts for nothing
        self._count_confirmed(count)

    @override
    def _not_taken(self, mid: int, code: int) -> None:
        self.refused += 1
        self._confirm([mid])

    def _count_confirmed(self, count: int) -> None:
        self.confirmed += count
        if count and self._on_confirmed is not None:
            self._on_confirmed(count)
        self._room.set()

    @override
    def _end(self, reason: str) -> None:
        super()._end(reason)
        self._room.set()

    @override
    def pause_writing(self) -> None:
        self._blocked = True

    @override
    def resume_writing(self) -> None:
        self._blocked = False
        self._room.set()
