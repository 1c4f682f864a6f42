"""A frame as the session hands it on, with the promise to acknowledge it later."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import groupby
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


def settle_all(deliveries: Iterable[Delivery]) -> None:
    """Acknowledge many, in their order, with one call for each run of messages of one connection."""
    for _, run in groupby(deliveries, key=lambda delivery: id(delivery.settler)):
        messages = list(run)
        messages[0].settler.settle([message.token for message in messages])


class Nobody:
    """The settler of a message that no broker waits for."""

    def settle(self, tokens: Sequence[int]) -> None:
        """Nothing to do."""
