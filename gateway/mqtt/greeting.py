"""What CONNECT asks of a broker, and what a refusal in its answer means."""

from gateway.errors import BrokerError, BrokerRefused, BrokerUnavailable
from gateway.mqtt import packets, properties, reasons
from gateway.mqtt.packets import Connack, Version

NEVER_EXPIRES = 0xFFFF_FFFF  # seconds, by the standard's own convention
DRAINED_BYTES = 16 * 1024 * 1024  # the largest packet we let a broker of MQTT 5 send; what is too large for us still
# must reach quarantine, and a broker that is told a lower limit throws larger messages away without a word


def wishes(*, clean_session: bool, window: int) -> dict[int, int]:
    """The properties of our CONNECT; MQTT 3.1.1 cannot carry them."""
    return {
        properties.SESSION_EXPIRY: 0 if clean_session else NEVER_EXPIRES,
        properties.RECEIVE_MAXIMUM: min(window, packets.MOST_TEXT),
        properties.MAXIMUM_PACKET_SIZE: DRAINED_BYTES,
    }


def refusal(answer: Connack, *, version: Version, broker: str, account: str) -> BrokerError:
    """The error for a CONNACK that is no welcome: the account's fault, or the broker's."""
    words = reasons.connack_words(answer.code, version=version)
    if reasons.is_refusal(answer.code):
        return BrokerRefused(
            f"the broker at {broker} does not let {account} in ({words}); "
            "see that it is registered, not revoked, and that the secret is its newest"
        )
    return BrokerUnavailable(f"the broker at {broker} refused the connection: {words}")
