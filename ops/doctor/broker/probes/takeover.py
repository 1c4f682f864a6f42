"""Can another account take a session, and wipe what waits in it, by naming its client id?"""

import contextlib

from ops.doctor.broker.errors import NotLetIn
from ops.doctor.broker.ground import QUIET_S, Ground, said
from ops.doctor.finding import Finding, Grade

MESSAGES = 20


async def look(ground: Ground) -> list[Finding]:
    """Leave messages for a session of one account, and connect with its client id as the other."""
    topic = ground.topic
    async with ground.client(ground.own, session="taken", clean=False) as owner:
        await owner.subscribe(topic)
    async with ground.client(ground.helper) as sender:
        sent = await sender.publish_all(topic, [b"%d" % number for number in range(MESSAGES)])
    with contextlib.suppress(NotLetIn):
        async with ground.client(ground.stranger, session="taken", clean=True):
            pass
    async with ground.client(ground.own, session="taken", clean=False) as owner:
        kept = await owner.wait_for(sent, quiet_s=QUIET_S)
        owner.acknowledge_all()
    if kept < sent:
        return [
            said(
                "takeover",
                Grade.RECEIPTS,
                f"another account that named the client id wiped {sent - kept} of {sent} messages",
                "gengfu's client ids are random and secret, and stand in the broker's log: keep that to yourself",
                "use_username_as_clientid true    # mosquitto, below each listener; nats-server has nothing like it",
            )
        ]
    return [said("takeover", Grade.SAFE, "a session survives another account that names its client id")]
