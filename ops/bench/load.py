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

from gateway import Credentials
from gateway.mqtt.publisher import Publisher
from ops.bench.case import device_name
from ops.bench.fixes import Box, Fixes
from ops.bench.peer import orders, say

CHUNK = 500  # fixes made and sent at a time at full speed
WINDOW = 5_000  # messages of one connection that the broker has not confirmed yet
TICK_S = 0.002  # of the pace: at 5,000 a second ten messages at a time, as from ten devices
CONFIRM_S = 60.0  # so long the broker may take to confirm the last
TELL_S = 0.1


class Load:
    """All that is sent in one measurement."""

    def __init__(self, settings: dict[str, Any], lines: list[Publisher], urgent: Publisher) -> None:
        """Make the devices.

        Args:
            settings: number of `devices`, the `box` they move in, `seq`.
            lines: connections for fixes.
            urgent: the connection for urgent readings, so that these never wait behind fixes on our side.
        """
        self._names = [device_name(number) for number in range(settings["devices"])]
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
        return sum(line.published for line in self._lines)

    def allow(self, messages: int) -> None:
        """So many fixes may be sent in all."""
        self._allowed = messages
        self._may.set()

    async def full(self) -> None:
        """As fast as the broker confirms and as is allowed."""
        while not self._stop.is_set():
            self._may.clear()
            if (count := min(CHUNK, self._allowed - self.sent)) <= 0:
                await self._may.wait()
                continue
            line = self._next_line()
            self._send(line, min(count, await line.wait_room()))
            await asyncio.sleep(0)  # let the connections write and read

    async def paced(self, per_s: float) -> None:
        """So many a second, evenly."""
        began, given = time.monotonic(), 0
        while not self._stop.is_set():
            while (due := int((time.monotonic() - began) * per_s) - given) > 0:
                line = self._next_line()
                given += self._send(line, min(due, CHUNK, await line.wait_room()))
            await asyncio.sleep(TICK_S)

    async def press(self, per_s: float) -> None:
        """So many urgent readings a second, evenly."""
        began, before = time.monotonic(), self._urgent.published
        while not self._stop.is_set():
            while self._urgent.published - before < int((time.monotonic() - began) * per_s):
                await self._urgent.wait_room()
                self._urgent.publish_now([self._pressed()])
            await asyncio.sleep(0.5 / per_s)

    async def finish(self) -> None:
        """Send no more, and wait until the broker has confirmed all."""
        self._stop.set()
        self._may.set()
        async with asyncio.timeout(CONFIRM_S):
            for line in (*self._lines, self._urgent):
                await line.wait_confirmed()

    def begin(self) -> None:
        """Sending may begin, again."""
        self._stop = asyncio.Event()

    def state(self) -> dict[str, int]:
        """How far it is."""
        return {
            "sent": self.sent,
            "confirmed": sum(line.confirmed for line in self._lines),
            "refused": sum(line.refused for line in (*self._lines, self._urgent)),
            "urgent_sent": self._urgent.published,
        }

    def _next_line(self) -> Publisher:
        self._turn = (self._turn + 1) % len(self._lines)
        return self._lines[self._turn]

    def _send(self, line: Publisher, count: int) -> int:
        who, payloads = self._fixes.take(count, at_us=self._now_us())
        topics = self._topics
        line.publish_now([(topics[number], payload) for number, payload in zip(who, payloads, strict=True)])
        return len(who)

    def _pressed(self) -> tuple[str, bytes]:
        name = self._names[self._urgent.published % len(self._names)]
        payload = f'{{"type":"button","t":"{_rfc3339(self._now_us())}","button":"check_in","pressed":true}}'
        return f"gengfu/v1/{name}/urgent", payload.encode()

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
        lines = []
        for account in settings["accounts"]:
            line = Publisher(settings["url"], credentials=Credentials(**account), in_flight=WINDOW)
            await line.open()
            stack.push_async_callback(line.close)
            lines.append(line)
        load = Load(settings, lines[:-1], lines[-1])
        say(ready=True)
        async with asyncio.TaskGroup() as tasks:
            running = [tasks.create_task(_tell(load), name="tell")]
            async for order in told:
                if "allow" in order:
                    load.allow(order["allow"])
                if order.keys() & {"full", "paced", "urgent"}:
                    load.begin()
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
