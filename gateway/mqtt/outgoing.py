"""What we asked of the broker over one connection, or published, and it has not answered yet."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from gateway.errors import BrokerRefused, BrokerUnavailable
from gateway.mqtt import packets, reasons
from gateway.mqtt.packets import Malformed, Version

UNCONFIRMED = 8192  # messages under way at once where the broker does not say what it takes
WAITING = 10_000  # more behind them: a broker that is alive and confirms nothing must not fill the memory
_HEADER_BYTES = 8  # of a PUBLISH, besides topic and payload, at the most

Confirmed = asyncio.Future[None]


class Outgoing:
    """Publishes within the broker's limits, in order, and holds the rest back.

    Args:
        write: sends bytes.
        version: 4 for MQTT 3.1.1, or 5.
        broker: its address, for messages of errors.
        account: whose connection it is, for the same.
    """

    def __init__(self, write: Callable[[bytes], None], *, version: Version, broker: str, account: str) -> None:
        self.limit = UNCONFIRMED
        self.most_bytes: int | None = None  # of a packet, where the broker said so
        self.blocked = False
        self.ended = False
        self._write = write
        self._version: Version = version
        self._broker = broker
        self._account = account
        self._loop = asyncio.get_running_loop()
        self._last_mid = 0
        self._unconfirmed: dict[int, Confirmed] = {}
        self._waiting: deque[tuple[bytes, bytes, bool, Confirmed]] = deque()
        self._asked: dict[int, asyncio.Future[list[int]]] = {}

    async def ask(self, make: Callable[[int], bytes]) -> list[int]:
        """Send SUBSCRIBE or UNSUBSCRIBE, made for a packet id; the codes of its answer.

        Raises:
            BrokerUnavailable: the connection ended before the answer.
        """
        if self.ended:
            raise self.gone()
        answer: asyncio.Future[list[int]] = self._loop.create_future()
        answer.add_done_callback(_seen)
        mid = self._next_mid()
        self._asked[mid] = answer
        self._write(make(mid))
        return await answer

    def answered(self, mid: int, codes: list[int]) -> None:
        """Take an answer.

        Raises:
            Malformed: nobody asked.
        """
        answer = self._asked.pop(mid, None)
        if answer is None:
            raise Malformed("an answer to a subscription that was not asked for")
        if not answer.done():
            answer.set_result(codes)

    def publish(self, topic: str, payload: bytes, *, qos: int, retain: bool) -> Confirmed:
        """See `Connection.publish`."""
        confirmed: Confirmed = self._loop.create_future()
        confirmed.add_done_callback(_seen)
        raw = packets.text(topic)
        if len(raw) + len(payload) + _HEADER_BYTES > packets.MOST_REMAINING:
            raise ValueError(f"a payload of {len(payload)} bytes is more than MQTT can carry; send it in parts")
        obstacle = self._obstacle(topic, len(raw) + len(payload), qos)
        if obstacle is not None:
            confirmed.set_exception(obstacle)
        elif not qos:
            self._write(packets.publish(raw, payload, retain=retain, version=self._version))
            confirmed.set_result(None)
        else:
            self._waiting.append((raw, payload, retain, confirmed))
            self.go_on()
        return confirmed

    def _obstacle(self, topic: str, size_bytes: int, qos: int) -> Exception | None:
        if self.ended:
            return self.gone()
        if self.most_bytes is not None and size_bytes + _HEADER_BYTES > self.most_bytes:
            return BrokerRefused(
                f"the broker at {self._broker} takes packets of {self.most_bytes} bytes at the most; "
                f"the message to {topic} makes one of {size_bytes + _HEADER_BYTES}"
            )
        if len(self._waiting) >= WAITING if qos else self.blocked:
            return BrokerUnavailable(f"the broker at {self._broker} is behind with what we send; try again later")
        return None

    def confirm(self, mids: Sequence[int]) -> None:
        """The broker has taken these."""
        for mid in mids:
            confirmed = self._unconfirmed.pop(mid, None)
            if confirmed is not None and not confirmed.done():
                confirmed.set_result(None)
        self.go_on()

    def refuse(self, mid: int, code: int) -> None:
        """The broker has not taken this one, and says why (MQTT 5)."""
        confirmed = self._unconfirmed.pop(mid, None)
        if confirmed is not None and not confirmed.done():
            confirmed.set_exception(
                BrokerRefused(
                    f"the broker at {self._broker} did not take a message of {self._account}: {reasons.words(code)}; "
                    "see its access list"
                )
            )
        self.go_on()

    def go_on(self) -> None:
        """Send what was held back and has room now."""
        while self._waiting and len(self._unconfirmed) < self.limit and not self.blocked:
            raw, payload, retain, confirmed = self._waiting.popleft()
            if confirmed.cancelled():
                continue
            mid = self._next_mid()
            self._unconfirmed[mid] = confirmed
            self._write(packets.publish(raw, payload, mid=mid, retain=retain, version=self._version))

    def end(self) -> None:
        """Nothing will be answered any more."""
        self.ended = True
        waiting: list[asyncio.Future[Any]] = [*self._unconfirmed.values(), *self._asked.values()]
        waiting += [confirmed for *_, confirmed in self._waiting]
        self._unconfirmed.clear()
        self._asked.clear()
        self._waiting.clear()
        for future in waiting:
            if not future.done():
                future.set_exception(self.gone())

    def gone(self) -> BrokerUnavailable:
        """What to raise once the connection has ended."""
        return BrokerUnavailable(f"the connection to the broker at {self._broker} is gone")

    def _next_mid(self) -> int:
        """The next packet id that is not under way; `limit` leaves enough of them."""
        while True:
            self._last_mid = self._last_mid % packets.MOST_TEXT + 1
            if self._last_mid not in self._unconfirmed and self._last_mid not in self._asked:
                return self._last_mid


def _seen(future: "asyncio.Future[Any]") -> None:
    """Mark a failure as looked at: whoever publishes without waiting learns of it by its missing receipt."""
    if not future.cancelled():
        future.exception()
