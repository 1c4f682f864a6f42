"""The load, a process of its own: publishes fixes as fast as it may, or at a given pace, and urgent ones beside.

Started by `ops.bench.peer`. Its orders: `{"full": true}`, `{"paced": MESSAGES_PER_S}`, `{"urgent": MESSAGES_PER_S}`,
`{"allow": MESSAGES}` (in all, since it began), `{"stop": true}`, which it answers when the broker has confirmed all.
"""

import asyncio
import logging
import time
from contextlib import AsyncExitStack
from typing import Any

import uvloop

from gateway import Credentials, Session
from ops.bench.fixes import Box, Fixes
from ops.bench.peer import orders, say

CHUNK = 500  # fixes made and sent at a time at full speed
WINDOW = 8_000  # messages that the broker has not confirmed yet, of one connection
TICK_S = 0.002  # of the pace: at 5,000 a second ten messages at a time, as from ten devices
CONFIRM_S = 60.0  # so long the broker may take to confirm the last
TELL_S = 0.1


class Line:
    """One connection to the broker with a window."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.sent = self.confirmed = self.failed = 0
        self._moved = asyncio.Event()

    @property
    def room(self) -> int:
        """Messages that it takes now."""
        return WINDOW - (self.sent - self.confirmed - self.failed)

    def send(self, topic: str, payload: bytes) -> None:
        """Publish at QoS 1."""
        self.sent += 1
        self.session.send(topic, payload).add_done_callback(self._done)

    async def wait_moved(self) -> None:
        """Until the broker has confirmed something."""
        self._moved.clear()
        await self._moved.wait()

    def _done(self, future: "asyncio.Future[None]") -> None:
        if future.cancelled() or future.exception():
            self.failed += 1
        else:
            self.confirmed += 1
        self._moved.set()


class Load:
    """All that is sent in one measurement."""

    def __init__(self, settings: dict[str, Any], lines: list[Line], urgent: Line) -> None:
        """Make the devices.

        Args:
            settings: `names` of the devices, the `box` they move in, `seq`.
            lines: connections for fixes.
            urgent: the connection for urgent readings, so that these never wait behind fixes on our side.
        """
        self._names: list[str] = settings["names"]
        self._topics = [f"gengfu/v1/{name}/up" for name in self._names]
        self._fixes = Fixes(Box(**settings["box"]), devices=len(self._names), seq=settings["seq"])
        self._lines = lines
        self._urgent = urgent
        self._allowed = 0
        self._may = asyncio.Event()
        self._stop = asyncio.Event()
        self._turn = 0
        self._at_us = 0

    @property
    def sent(self) -> int:
        """Fixes published so far."""
        return sum(line.sent for line in self._lines)

    def allow(self, messages: int) -> None:
        """So many fixes may be sent in all."""
        self._allowed = messages
        self._may.set()

    async def full(self) -> None:
        """As fast as the broker confirms and as is allowed."""
        while not self._stop.is_set():
            line = self._next_line()
            count = min(CHUNK, line.room, self._allowed - self.sent)
            if self._allowed <= self.sent:
                self._may.clear()
                await self._may.wait()
            elif count < min(CHUNK, self._allowed - self.sent):
                await line.wait_moved()
            else:
                self._send(line, count)
                await asyncio.sleep(0)  # let the connections write and read

    async def paced(self, per_s: float) -> None:
        """So many a second, evenly."""
        began, given = time.monotonic(), 0
        while not self._stop.is_set():
            due = int((time.monotonic() - began) * per_s) - given
            while due > 0:
                given += (taken := self._send(self._next_line(), min(due, CHUNK)))
                due -= taken
            await asyncio.sleep(TICK_S)

    async def press(self, per_s: float) -> None:
        """So many urgent readings a second, evenly."""
        began = time.monotonic()
        while not self._stop.is_set():
            while self._urgent.sent < int((time.monotonic() - began) * per_s):
                self._send_urgent()
            await asyncio.sleep(0.5 / per_s)

    async def finish(self) -> None:
        """Send no more, and wait until the broker has confirmed all."""
        self._stop.set()
        self._may.set()
        async with asyncio.timeout(CONFIRM_S):
            for line in (*self._lines, self._urgent):
                while line.sent > line.confirmed + line.failed:
                    await line.wait_moved()
        self._stop = asyncio.Event()

    def state(self) -> dict[str, int]:
        """How far it is."""
        return {
            "sent": self.sent,
            "confirmed": sum(line.confirmed for line in self._lines),
            "failed": sum(line.failed for line in (*self._lines, self._urgent)),
            "urgent_sent": self._urgent.sent,
        }

    def _next_line(self) -> Line:
        self._turn = (self._turn + 1) % len(self._lines)
        return self._lines[self._turn]

    def _send(self, line: Line, count: int) -> int:
        who, payloads = self._fixes.take(count, at_us=self._now_us())
        topics = self._topics
        for number, payload in zip(who, payloads, strict=True):
            line.send(topics[number], payload)
        return len(who)

    def _send_urgent(self) -> None:
        name = self._names[self._urgent.sent % len(self._names)]
        now_us = self._now_us()
        payload = f'{{"type":"button","t":"{_rfc3339(now_us)}","button":"check_in","pressed":true}}'
        self._urgent.send(f"gengfu/v1/{name}/urgent", payload.encode())

    def _now_us(self) -> int:
        # Two chunks of one device within a microsecond would be one reading.
        self._at_us = max(self._at_us + 1, time.time_ns() // 1000)
        return self._at_us


def _rfc3339(at_us: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at_us // 1_000_000)) + f".{at_us % 1_000_000:06d}Z"


async def serve() -> None:
    """Do as told until our input ends."""
    told = orders()
    settings = await anext(told)
    async with AsyncExitStack() as stack:
        accounts = [Credentials(**one) for one in settings["accounts"]]
        lines = [
            Line(
                await stack.enter_async_context(
                    Session(settings["url"], credentials=account, name="bench load", clean_session=True)
                )
            )
            for account in accounts
        ]
        for line in lines:
            await line.session.wait_up(timeout_s=20)
        load = Load(settings, lines[:-1], lines[-1])
        say(ready=True)
        async with asyncio.TaskGroup() as tasks:
            running = [tasks.create_task(_tell(load), name="tell")]
            async for order in told:
                if "allow" in order:
                    load.allow(order["allow"])
                if "full" in order:
                    running.append(tasks.create_task(load.full(), name="full speed"))
                if "paced" in order:
                    running.append(tasks.create_task(load.paced(order["paced"]), name="pace"))
                if "urgent" in order:
                    running.append(tasks.create_task(load.press(order["urgent"]), name="urgent"))
                if "stop" in order:
                    await load.finish()
                    say(stopped=load.state())
            for task in running:
                task.cancel()


async def _tell(load: Load) -> None:
    while True:
        say(**load.state())
        await asyncio.sleep(TELL_S)


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING)
    uvloop.run(serve())
