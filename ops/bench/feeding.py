"""Windows at full speed: the load stays a little ahead of what is done, so that work waits but never piles up."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from time import monotonic

from ops.bench.case import WARM_S
from ops.bench.cpu import Clock, per_million, read_all
from ops.bench.errors import BenchError
from ops.bench.peer import Peer

AHEAD = 15_000  # messages that wait in the broker: enough to fill every window on the way, far from a backlog
LOOK_S = 0.05
STALL_S = 30.0  # without any progress something is wrong
CONFIRM_S = 90.0

Count = Callable[[], Awaitable[int]]
Tell = Callable[[str], None]


@dataclass(frozen=True)
class Window:
    """What was done between two moments.

    Attributes:
        messages: done.
        seconds: between them.
        cpu_s_per_million: by party.
    """

    messages: int
    seconds: float
    cpu_s_per_million: Mapping[str, float]

    @property
    def per_s(self) -> float:
        """Messages a second."""
        return self.messages / self.seconds if self.seconds else 0.0


async def full_speed(
    load: Peer, done: Count, clocks: Mapping[str, Clock | None], *, seconds: float, tell: Tell, what: str
) -> Window:
    """Feed at full speed, measure a window, and wait until all that was sent is done.

    Args:
        load: sends; stands still before and after.
        done: how many messages are done by now.
        clocks: CPU clocks by party.
        seconds: of the window.
        tell: told how fast it goes.
        what: is measured, in words.

    Raises:
        BenchError: nothing moves.
    """
    base, sent = await done(), int(load.heard.get("sent", 0))

    async def look() -> int:
        load.check()
        count = await done()
        load.tell(allow=sent + count - base + AHEAD)
        return count

    load.tell(full=True, allow=sent + AHEAD)
    await _watch(look, WARM_S, tell, what)
    before, began, cpu = await look(), monotonic(), read_all(clocks)
    await _watch(look, seconds, tell, what)
    after, ended = await look(), monotonic()
    window = Window(after - before, ended - began, per_million(cpu, read_all(clocks), messages=after - before))
    state = await stop(load)
    await until(done, base + state["sent"] - sent, tell=tell, what=f"{what}: the rest")
    return window


async def stop(load: Peer) -> dict[str, int]:
    """Stop sending; what was sent in all, once the broker has confirmed it."""
    load.tell(stop=True)
    state: dict[str, int] = await load.hears("stopped", within_s=CONFIRM_S)
    load.heard |= state
    return state


async def until(done: Count, wanted: int, *, tell: Tell, what: str) -> None:
    """Wait until so many are done.

    Raises:
        BenchError: no progress for a while.
    """
    count, moved = await done(), monotonic()
    while count < wanted:
        await asyncio.sleep(LOOK_S)
        now = await done()
        if now > count:
            count, moved = now, monotonic()
        elif monotonic() - moved > STALL_S:
            raise BenchError(
                f"{what} stands still at {count:,} of {wanted:,} messages; look at the logs (--keep keeps them)"
            )
        tell(f"{what}: {count:,} of {wanted:,}")


async def _watch(look: Count, seconds: float, tell: Tell, what: str) -> None:
    first, began = await look(), monotonic()
    count, moved = first, began
    while (now := monotonic()) - began < seconds:
        await asyncio.sleep(min(LOOK_S, max(0.0, seconds - (now - began))))
        if (newer := await look()) > count:
            count, moved = newer, now
        elif now - moved > STALL_S:
            raise BenchError(f"{what} stands still; look at the logs (--keep keeps them)")
        tell(f"{what}: {(count - first) / max(now - began, LOOK_S):,.0f} a second")
