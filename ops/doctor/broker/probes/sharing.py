"""Are shared subscriptions served? Ingest workers divide the load by them on every broker but nats-server."""

from ops.doctor.broker.ground import QUIET_S, Ground, said
from ops.doctor.finding import Finding, Grade

MESSAGES = 10


async def look(ground: Ground) -> list[Finding]:
    """Subscribe two members of a group and count what each gets."""
    if ground.kind == "nats":
        seen = "not tried: nats-server grants shared subscriptions and serves none, so there is one ingest worker"
        return [said("sharing", Grade.SAFE, seen)]
    shared = f"$share/gengfu-doctor/{ground.topic}"
    async with ground.client(ground.own) as one, ground.client(ground.helper) as other:
        granted = [await member.subscribe(shared) for member in (one, other)]
        sent = await one.publish_all(ground.topic, [b"shared"] * MESSAGES)
        await one.wait_for(sent, quiet_s=QUIET_S)
        await other.wait_for(sent, quiet_s=QUIET_S / 2)
        first, second = len(one.received), len(other.received)
    if not all(granted) or first + second != sent:
        return [
            said(
                "sharing",
                Grade.LOSES,
                f"of {sent} messages to a shared subscription {first} and {second} came to its two members",
                "ingest reads through shared subscriptions with this kind of broker and would miss messages",
                "broker.kind = nats, when it is nats-server; else a broker with shared subscriptions",
            )
        ]
    return [said("sharing", Grade.SAFE, f"a shared subscription divides messages ({first} and {second})")]
