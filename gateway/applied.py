"""Waiting until the broker acts on a change of the register."""

import asyncio
from enum import StrEnum

from gateway import register
from gateway.listening import wait_for
from ingest.database import connect

WAIT_S = 10.0  # seconds; twice the poll of the gateway
_LOOK_S = 0.1


class Applied(StrEnum):
    """What became of a change; the values are sentences for people."""

    YES = "the broker acts on it"
    NO_GATEWAY = "stored; the broker learns of it when `gengfu run gateway` runs"
    LATE = "stored; the gateway has not taken it over to the broker yet, see its log"


async def wait_applied(conninfo: str, *, number: int, at_most_s: float = WAIT_S) -> Applied:
    """Wait until the broker acts on a revision of the register, or say why it will not do so soon.

    Args:
        conninfo: of the database.
        number: the revision, as `register.revision` gave it in the transaction of the change.
        at_most_s: seconds to wait for a gateway that runs.

    Raises:
        DatabaseUnavailable: the database does not answer.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + at_most_s
    never = asyncio.Event()
    async with await connect(conninfo, name="wait for the broker") as connection:
        while True:
            now = await register.revision(connection)
            if now.applied >= number:
                return Applied.YES
            if not now.live:
                return Applied.NO_GATEWAY
            if loop.time() >= deadline:
                return Applied.LATE
            await wait_for(never, at_most_s=_LOOK_S)
