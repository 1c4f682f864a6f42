"""gengfu's own accounts at the broker: their names, and what is derived for them from the broker secret."""

import base64
import hashlib
import hmac
from typing import Literal

from devices.codecs import TopicPattern, codecs
from gateway.address import Credentials
from gateway.errors import NoBrokerSecret
from ingest.probe import Kind, probe_topics

RESERVED = "gengfu-"  # no device may be named so
GATEWAY = "gengfu-gateway"
MARKER = "gengfu-marker"
Lane = Literal["up", "urgent"]
LANES: tuple[Lane, ...] = ("up", "urgent")


def ingest_account(worker: str, lane: Lane) -> str:
    """The account of one ingest worker for one lane; each session has its own, so that none can take another's over."""
    return f"gengfu-ingest-{worker}-{lane}"


def credentials_of(account: str, *, secret: str) -> Credentials:
    """Password and client id of one of gengfu's own accounts.

    The client id is as secret as the password: nats-server gives a session to whoever names its client id.
    """
    return Credentials(account, _derived(secret, "password:" + account), _derived(secret, "client:" + account))


def salt_of(account: str, *, secret: str) -> bytes:
    """16 bytes for the verifier of that account, always the same, so that rendering twice gives the same text."""
    return _digest(secret, "salt:" + account)[:16]


def lane_filters(lane: str) -> list[str]:
    """The MQTT filters of a lane, of all codecs, without repetition."""
    return list(dict.fromkeys(pattern.filter() for pattern in patterns() if pattern.lane == lane))


def lane_probes(worker: str, lane: Lane, *, kind: Kind) -> list[str]:
    """The topics on which the account of an ingest worker's lane may publish to itself, and does each second."""
    return probe_topics(worker, lane, filters=lane_filters(lane), kind=kind)


def shared_filters(lane: str, *, secret: str) -> list[str]:
    """The filters of a lane for a broker that lets workers share a subscription: each message goes to one of them.

    The group's name is secret. Mosquitto grants every subscription and checks rights only when it delivers, so whoever
    knew the name could join the group, and the messages dealt to that member would be gone.
    """
    group = _derived(secret, "share:" + lane)
    return [f"$share/{group}/{name}" for name in lane_filters(lane)]


def patterns() -> list[TopicPattern]:
    """Every topic that a codec uses."""
    return [pattern for codec in codecs().values() for pattern in codec.topics]


def down_topic(device: str) -> str:
    """Where messages for a device go: the first topic of the lane `down` that a codec declares."""
    return next(pattern.topic(device) for pattern in _native() if pattern.lane == "down")


def _native() -> tuple[TopicPattern, ...]:
    return codecs()["native"].topics


def _derived(secret: str, purpose: str) -> str:
    return base64.urlsafe_b64encode(_digest(secret, purpose)).rstrip(b"=").decode()


def _digest(secret: str, purpose: str) -> bytes:
    if not secret:
        raise NoBrokerSecret(
            "broker.secret is not set, and gengfu's own broker accounts are derived from it; "
            "set GENGFU_BROKER_SECRET to 32 or more random characters, the same for every role"
        )
    return hmac.digest(secret.encode(), purpose.encode(), hashlib.sha256)
