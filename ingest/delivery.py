"""A frame as the session hands it on, with the promise to acknowledge it later."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

import msgspec


class Settler(Protocol):
    """One connection, seen by whoever acknowledges what it brought."""

    def settle(self, tokens: Sequence[int]) -> None:
        """Acknowledge messages of this connection, in this order; harmless once it is gone, and when repeated."""
        ...


class Delivery(msgspec.Struct, eq=False, gc=False):  # a dataclass costs four times as much to make, and rounds of gc
    """One message of the broker that has not been acknowledged yet.

    Attributes:
        topic: the topic it was published to.
        payload: the bytes as they came.
        received_at: aware UTC, when it was read off the connection.
        dup: the broker says that it may have been delivered before.
        settler: the connection that brought it.
        token: what that connection knows it by.
    """

    topic: str
    payload: bytes
    received_at: datetime
    dup: bool
    settler: Settler
    token: int

    def settle(self) -> None:
        """Acknowledge it: after the commit, in the order of delivery, from the event loop's thread."""
        self.settler.settle((self.token,))


def settle_all(deliveries: Sequence[Delivery]) -> None:
    """Acknowledge many, in their order, with one call for each run of messages of one connection."""
    settlers = [delivery.settler for delivery in deliveries]
    tokens = [delivery.token for delivery in deliveries]
    start = 0
    while start < len(settlers):
        settler = settlers[start]
        end = start + 1
        while end < len(settlers) and settlers[end] is settler:
            end += 1
        settler.settle(tokens[start:end])
        start = end


class Nobody:
    """The settler of a message that no broker waits for."""

    def settle(self, tokens: Sequence[int]) -> None:
        """Nothing to do."""
