"""Publishing as fast as a broker takes it: a connection with a window, without a future for each message."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from itertools import islice

from typing_extensions import override

from gateway.address import Address, Credentials, Tls
from gateway.mqtt import packets
from gateway.mqtt.connection import Connection
from gateway.mqtt.packets import Version

Message = tuple[str, bytes]
TOPICS = 200_000  # encoded topics kept
MIDS = 65_534  # packet ids in use; the last one is for SUBSCRIBE
PACE_S = 0.005  # a broker confirms one by one; read together they cost half as much
BURST = 512  # messages in one write


_HEADS = [bytes((packets.PUBLISH | 0x02,)) + packets.remaining_length(length) for length in range(1024)]


class Publisher(Connection):
    """A connection that publishes at QoS 1 only, in order, with a bounded number of messages under way.

    It is for load: nothing is sent again after the connection was lost. What lacks confirmation then is known, because
    confirmations are counted in the order of publishing.
    """

    most_unconfirmed = MIDS

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
            pace_s=PACE_S,
        )
        self.published = 0
        self.confirmed = 0
        self.refused = 0
        self._in_flight = in_flight
        self._on_confirmed = on_confirmed
        tail = b"\x00" if version == 5 else b""  # no properties
        self._ids = [mid.to_bytes(2, "big") + tail for mid in range(1, MIDS + 1)]
        self._behind_mid = len(self._ids[0])
        self._sent_mid = 0  # they count from 1 to `MIDS` and round, so their order need not be kept
        self._confirmed_mid = 0
        self._early: set[int] = set()  # confirmed before one that was published earlier
        self._raw: dict[str, bytes] = {}
        self._room = asyncio.Event()

    async def publish_all(self, messages: Iterable[Message]) -> None:
        """Publish messages, each as soon as there is room for it.

        Args:
            messages: topic and payload of each; taken from the iterator only when there is room.

        Raises:
            BrokerUnavailable: the connection is over.
        """
        source = iter(messages)
        enough = max(1, min(BURST, self._in_flight // 4, self._out.limit // 4))  # so that a write is worth its while
        while burst := list(islice(source, min(await self.wait_room(at_least=enough), BURST))):
            self.publish_now(burst)

    async def wait_room(self, *, at_least: int = 1) -> int:
        """Wait until so many messages may be published; how many may.

        Raises:
            BrokerUnavailable: the connection is over.
        """
        while not self.ended and (self._out.blocked or self.room < at_least):
            self._room.clear()
            await self._room.wait()
        if self.ended:
            raise self._out.gone()
        return self.room

    @property
    def room(self) -> int:
        """Messages that may be published now."""
        return min(self._in_flight, self._out.limit) - (self.published - self.confirmed)

    async def wait_confirmed(self) -> None:
        """Wait until everything is confirmed.

        Raises:
            BrokerUnavailable: the connection ended before that.
        """
        while self.confirmed < self.published:
            if self.ended:
                raise self._out.gone()
            self._room.clear()
            await self._room.wait()

    def publish_now(self, messages: Sequence[Message]) -> None:
        """Publish messages in one write; no more than there is `room` for.

        Raises:
            BrokerUnavailable: the connection is over.
            ValueError: a topic is too long, or there are more messages than room.
        """
        if self.ended:
            raise self._out.gone()
        if len(messages) > self.room:
            raise ValueError(f"{len(messages)} messages where {self.room} have room; wait for room first")
        raws, ids, behind = self._raw, self._ids, self._behind_mid
        start = self._sent_mid
        parts: list[bytes] = []
        add = parts.extend
        for mid, (topic, payload) in enumerate(messages, start):
            raw = raws.get(topic) or self._encoded(topic)
            length = len(raw) + len(payload) + behind
            head = _HEADS[length] if length < len(_HEADS) else b"2" + packets.remaining_length(length)
            add((head, raw, ids[mid % MIDS], payload))
        self._sent_mid = (start + len(messages)) % MIDS
        self.published += len(messages)
        self._write(b"".join(parts))

    def _encoded(self, topic: str) -> bytes:
        if len(self._raw) >= TOPICS:
            self._raw.clear()
        self._raw[topic] = raw = packets.text(topic)
        return raw

    @override
    def _confirm(self, mids: Sequence[int]) -> None:
        first = self._confirmed_mid
        count = len(mids)
        in_order = list(range(first + 1, first + count + 1))
        under_way = self.published - self.confirmed
        if self._early or in_order != mids or count > under_way:
            self._early.update(mid for mid in mids if (mid - 1 - first) % MIDS < under_way)
            count = 0
            while count < under_way and (first + count) % MIDS + 1 in self._early:
                self._early.remove((first + count) % MIDS + 1)
                count += 1
        self._confirmed_mid = (first + count) % MIDS
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
    def resume_writing(self) -> None:
        super().resume_writing()
        self._room.set()
