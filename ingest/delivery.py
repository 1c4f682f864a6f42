"""A frame as the session hands it on, with the promise to acknowledge it later."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Delivery:
    """One message of the broker that has not been acknowledged yet.

    Attributes:
        topic: the topic it was published to.
        payload: the bytes as they came.
        received_at: aware UTC, when it was read off the connection.
        dup: the broker says that it may have been delivered before.
        settle: acknowledges it; bound to its connection, and harmless once that is gone. Call it in the order of
            delivery, after the commit, from the event loop's thread.
    """

    topic: str
    payload: bytes
    received_at: datetime
    dup: bool
    settle: Callable[[], None]
