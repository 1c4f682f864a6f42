"""Does the largest message of the contract pass, and is one refused that is far too large?"""

from devices.codec import MAX_PAYLOAD_BYTES
from ops.doctor.broker.ground import QUIET_S, Ground, said
from ops.doctor.finding import Finding, Grade

FAR_TOO_LARGE = 1 << 20


async def look(ground: Ground) -> list[Finding]:
    """Send one of 256 KiB and one of 1 MiB to oneself, on connections of their own."""
    if not await _passes(ground, MAX_PAYLOAD_BYTES):
        return [
            said(
                "size",
                Grade.LOSES,
                f"a message of {MAX_PAYLOAD_BYTES:,} bytes does not come through",
                "an outbox is flushed in arrays of up to that size, which would be sent for ever or dropped unseen",
                "max_packet_size 307200    # mosquitto.conf\nmax_payload: 307200    # nats-server",
            )
        ]
    if await _passes(ground, FAR_TOO_LARGE):
        return [
            said(
                "size",
                Grade.RECEIPTS,
                f"a message of {FAR_TOO_LARGE:,} bytes is taken too",
                "one device can fill the broker's memory until it is killed, with what it has not saved",
                "max_packet_size 307200    # mosquitto.conf",
            )
        ]
    return [said("size", Grade.SAFE, f"{MAX_PAYLOAD_BYTES:,} bytes pass, {FAR_TOO_LARGE:,} are refused")]


async def _passes(ground: Ground, size: int) -> bool:
    topic = ground.topic
    async with ground.client(ground.own) as receiver, ground.client(ground.helper) as sender:
        await receiver.subscribe(topic)
        await sender.publish(topic, b"x" * size)
        return await receiver.wait_for(1, quiet_s=QUIET_S) > 0
