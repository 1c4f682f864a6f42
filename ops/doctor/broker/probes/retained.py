"""Does the broker keep a retained message on a data topic, and does it forget it again?"""

from ops.doctor.broker.ground import QUIET_S, Ground, said
from ops.doctor.finding import Finding, Grade


async def look(ground: Ground) -> list[Finding]:
    """Publish one retained, see whether it is there for who comes later, and take it away."""
    topic = ground.topic
    async with ground.client(ground.helper) as sender:
        await sender.publish(topic, b"retained", retain=True)
    try:
        kept = await _there(ground, topic)
    finally:
        async with ground.client(ground.helper) as sender:
            await sender.publish(topic, b"", retain=True)
    if await _there(ground, topic):
        why = "an old reading would come again at each connection; ingest ignores and counts it"
        return [said("retained", Grade.RECEIPTS, "a retained message cannot be taken away", why)]
    words = "kept; ingest ignores and counts them" if kept else "refused"
    return [said("retained", Grade.SAFE, f"retained messages are {words}")]


async def _there(ground: Ground, topic: str) -> bool:
    async with ground.client(ground.own) as late:
        await late.subscribe(topic)
        return await late.wait_for(1, quiet_s=QUIET_S / 2) > 0
