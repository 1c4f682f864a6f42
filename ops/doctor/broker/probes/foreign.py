"""Can an account publish in another's name, or read what is meant for another?"""

from ops.doctor.broker.ground import QUIET_S, Ground, said
from ops.doctor.finding import Finding, Grade

_RIGHTS = "acl_file written by gengfu    # mosquitto.conf; nats-server: include its accounts file"


async def look(ground: Ground) -> list[Finding]:
    """Let the second account publish to the first one's topic, and listen to everything."""
    async with ground.client(ground.own) as one, ground.client(ground.stranger) as other:
        await one.subscribe(ground.topic)
        for wide in ("#", "gengfu/doctor/+", ground.topic):
            await other.subscribe(wide)
        await other.publish(ground.topic, b"forged")
        forged = await one.wait_for(1, quiet_s=QUIET_S / 2)
        one.acknowledge_all()
        other.acknowledge_all()
        await one.publish(ground.topic, b"private")
        await one.wait_for(1, quiet_s=QUIET_S)
        overheard = await other.wait_for(1, quiet_s=QUIET_S / 2)
    return [_publishing(forged), _reading(overheard)]


def _publishing(forged: int) -> Finding:
    if forged:
        why = "any device can report in another's name, and what it says counts as proof"
        return said("foreign-publish", Grade.LOSES, "an account can publish to another's topic", why, _RIGHTS)
    return said("foreign-publish", Grade.SAFE, "publishing to another's topic is refused")


def _reading(overheard: int) -> Finding:
    if overheard:
        why = "any device can follow all others"
        return said("foreign-read", Grade.LOSES, "an account can read another's topic", why, _RIGHTS)
    return said("foreign-read", Grade.SAFE, "nothing of another's topic is delivered")
