"""Does the broker keep everything for a session that is away, and how much does it hand out at once?"""

from devices.codec import MAX_PAYLOAD_BYTES
from ops.doctor.broker.ground import QUIET_S, Ground, said
from ops.doctor.finding import Finding, Grade

MESSAGES = 3000  # three times as many as mosquitto keeps by default
COMMIT_S = 0.1  # how long a message waits for its commit and acknowledgement at full load
ENOUGH = 1000  # in flight: 10,000 messages a second, more than any town says


async def look(ground: Ground) -> list[Finding]:
    """Publish to a session that is away, then see what comes back without and with acknowledgements."""
    topic = ground.topic
    async with ground.client(ground.own, session="queue", clean=False) as away:
        await away.subscribe(topic)
    async with ground.client(ground.helper) as sender:
        sent = await sender.publish_all(topic, [b"%d" % number for number in range(MESSAGES)])
    async with ground.client(ground.own, session="queue", clean=False, acknowledge=False) as back:
        window = await back.wait_for(sent, quiet_s=QUIET_S)
        numbers = {int(message.payload) for message in back.received}
        while back.acknowledge_all():
            await back.wait_for(ENOUGH, quiet_s=QUIET_S if len(numbers) < sent else 0.2)
            numbers |= {int(message.payload) for message in back.received if message.payload.isdigit()}
    return [_kept(sent, len(numbers)), _window(window, sent)]


def _kept(sent: int, came: int) -> Finding:
    if came < sent:
        return said(
            "queue",
            Grade.LOSES,
            f"{came:,} of {sent:,} messages came back that were confirmed while the session was away",
            "when ingest is away or slow the rest is dropped without a word, and the device is told that all is well",
            "max_queued_messages 0\nmax_queued_bytes 2000000000    # mosquitto.conf",
        )
    return said("queue", Grade.SAFE, f"all {sent:,} messages came back that were confirmed while the session was away")


def _window(window: int, sent: int) -> Finding:
    if window < min(ENOUGH, sent):
        return said(
            "window",
            Grade.RECEIPTS,
            f"{window:,} messages come before the first is acknowledged",
            f"ingest acknowledges after its commit, so no more than {window / COMMIT_S:,.0f} messages a second come "
            f"through, and the queue grows beyond that; arrays of up to {MAX_PAYLOAD_BYTES:,} bytes help",
            "max_inflight_messages 20000    # mosquitto.conf\nmqtt { max_ack_pending: 8000 }    # nats-server",
        )
    more = "at least " if window >= sent else ""
    return said("window", Grade.SAFE, f"{more}{window:,} messages come before the first is acknowledged")
