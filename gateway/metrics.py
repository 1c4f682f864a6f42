"""What the sessions and the provisioning count, for Prometheus; every series is there, at zero, from the start."""

import math

from prometheus_client import Counter, Gauge

CONNECTED = Gauge(
    "gengfu_mqtt_connected", "1 while the session is connected and all its filters are granted", ["session"]
)
CONNECTS = Counter("gengfu_mqtt_connects", "Connections that the broker accepted", ["session"])
RECEIVED = Counter("gengfu_mqtt_received", "Messages handed on", ["session"])
REDELIVERED = Counter(
    "gengfu_mqtt_redelivered_pending", "Redeliveries of messages that were still under way, not handed on", ["session"]
)
RETAINED = Counter("gengfu_mqtt_retained_ignored", "Retained messages, acknowledged and ignored", ["session"])
SHED = Counter("gengfu_mqtt_shed", "Messages at QoS 0 left out because ingest could not keep up", ["session"])
PUT_OFF = Counter(
    "gengfu_mqtt_put_off", "Messages at QoS 1 left to the broker for now because ingest could not keep up", ["session"]
)
SESSIONS_LOST = Counter(
    "gengfu_mqtt_sessions_lost", "Reconnects at which the broker no longer had the session, nor its queue", ["session"]
)
SETTLED = Counter("gengfu_mqtt_settled", "Messages acknowledged after they had been dealt with", ["session"])
LATE = Counter("gengfu_mqtt_settled_late", "Acknowledgements not sent because their connection was gone", ["session"])
REFUSED = Counter("gengfu_mqtt_filters_refused", "Filters that the broker did not grant at QoS 1", ["session"])
PUBLISHED = Counter("gengfu_mqtt_published", "Messages that the broker confirmed", ["session"])
PUBLISH_FAILED = Counter("gengfu_mqtt_publish_failed", "Messages whose confirmation did not come", ["session"])

ACCOUNTS = Gauge("gengfu_broker_accounts", "Device accounts in force at the broker")
RELOADS = Counter("gengfu_broker_reloads", "Times the broker took over changed accounts")
RELOADS_FAILED = Counter("gengfu_broker_reloads_failed", "Times the broker did not act on the accounts written")
STORE_FREE = Gauge("gengfu_broker_store_free_bytes", "Bytes that the broker can still write; NaN when nobody knows")
STORE_SIZE = Gauge("gengfu_broker_store_size_bytes", "Size of the disk with the broker's queues; NaN when nobody knows")
OUTBOX_SENT = Counter("gengfu_outbox_down_sent", "Rows of the outbox confirmed by the broker")
OUTBOX_FAILED = Counter("gengfu_outbox_down_failed", "Attempts at a row of the outbox that failed")

_OF_A_SESSION = (
    CONNECTS, RECEIVED, REDELIVERED, RETAINED, SHED, PUT_OFF, SESSIONS_LOST, SETTLED, LATE, REFUSED, PUBLISHED,
    PUBLISH_FAILED,
)  # fmt: skip


STORE_FREE.set(math.nan)  # zero would be a full disk
STORE_SIZE.set(math.nan)


def show_zero(session: str) -> None:
    """Make every series of a session visible before it first counts."""
    CONNECTED.labels(session).set(0)
    for counter in _OF_A_SESSION:
        counter.labels(session)
