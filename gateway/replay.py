"""Plays recorded tracks as devices: in file order as fast as the broker takes them, or paced by their own times."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from gateway.accounts import Lane
from gateway.address import Tls
from gateway.client import DeviceClient
from gateway.errors import Stalled
from gateway.tracks import Row, read_tracks

READY_S = 20.0  # seconds until the broker must have let a device in
TICK_S = 0.2  # between looks at the progress, and the grain of pacing
_URGENT = frozenset({"button", "task", "report"})


@dataclass(frozen=True)
class Plan:
    """What to play, and how.

    Attributes:
        file: as `tracks.read_tracks` takes it.
        url: of the broker.
        secrets: of every device in the file.
        prefix: put before each device's name; None for the file's default.
        shift: added to each time.
        speed: so many times as fast as it was recorded; None for as fast as possible.
        batch: readings in one message at the most.
        receipts: wait until each reading is receipted.
        stall_s: give up after so many seconds in which nothing was confirmed though something was under way.
        state: folder of the devices' outboxes, so that what is under way survives this process; None for memory.
        tls: for `mqtts://`; None trusts whom the system trusts.
    """

    file: Path
    url: str
    secrets: Mapping[str, str]
    prefix: str | None = None
    shift: timedelta = timedelta()
    speed: float | None = None
    batch: int = 50
    receipts: bool = True
    stall_s: float = 60.0
    state: Path | None = None
    tls: Tls | None = None


@dataclass(frozen=True)
class Totals:
    """Readings over all devices: taken from the file, confirmed by the broker, made safe by a receipt, given up.

    Besides them, `carried`: found in the outboxes at the start, and `carried_receipted`: those of them made safe.
    """

    sent: int = 0
    acknowledged: int = 0
    receipted: int = 0
    parked: int = 0
    carried: int = 0
    carried_receipted: int = 0

    @property
    def open(self) -> int:
        """Readings that the broker has not confirmed."""
        return self.sent - self.acknowledged


class Replay:
    """One run of a plan; `totals` may be read at any time."""

    def __init__(self, plan: Plan, *, on_progress: Callable[[Totals], None] = lambda _: None) -> None:
        self._plan = plan
        self._on_progress = on_progress
        self._clients: dict[str, DeviceClient] = {}
        self._stack = AsyncExitStack()

    @property
    def totals(self) -> Totals:
        """Where it stands."""
        counts = [client.counts for client in self._clients.values()]
        return Totals(
            sum(count.sent for count in counts),
            sum(count.acknowledged for count in counts),
            sum(count.receipted for count in counts),
            sum(count.parked for count in counts),
            sum(count.carried for count in counts),
            sum(count.carried_receipted for count in counts),
        )

    @property
    def connected(self) -> bool:
        """Whether any device is connected; before the first it counts as connected."""
        return not self._clients or any(client.connected for client in self._clients.values())

    async def run(self) -> Totals:
        """Play it all and wait until all is confirmed.

        Raises:
            TrackError: the file cannot be read.
            BrokerRefused: the broker does not want one of the devices.
            BrokerUnavailable: the broker was not there at the start.
            Stalled: it was lost on the way and did not come back.
        """
        try:
            async with asyncio.TaskGroup() as tasks:
                watching = tasks.create_task(self._watch(), name="replay progress")
                await self._play()
                watching.cancel()
        except BaseExceptionGroup as group:
            raise _first(group) from None
        return self.totals

    async def _play(self) -> None:
        async with self._stack:
            if self._plan.speed is None:
                await self._play_fast()
            else:
                await self._play_paced(self._plan.speed)
            for client in self._clients.values():
                # The watch ends a stall; a client alone cannot tell one from a long queue before it.
                await client.drain(stall_s=float("inf"))
            self._on_progress(self.totals)

    async def _play_fast(self) -> None:
        waiting: dict[tuple[str, Lane], list[dict[str, Any]]] = defaultdict(list)
        for row in read_tracks(self._plan.file, prefix=self._plan.prefix):
            if not isinstance(row, Row):
                continue
            lane = _lane(row)
            batch = waiting[row.device, lane]
            batch.append(self._shifted(row))
            if len(batch) >= self._plan.batch:
                await self._send(row.device, batch, lane)
                batch.clear()
        for (device, lane), batch in waiting.items():
            await self._send(device, batch, lane)

    async def _play_paced(self, speed: float) -> None:
        rows: dict[str, list[Row]] = defaultdict(list)
        for row in read_tracks(self._plan.file, prefix=self._plan.prefix):
            if isinstance(row, Row):
                rows[row.device].append(row)
        if not rows:
            return
        for device in rows:
            await self._client(device)
        oldest = min(row.time for tracks in rows.values() for row in tracks)
        began = asyncio.get_running_loop().time()
        async with asyncio.TaskGroup() as tasks:
            for device, tracks in rows.items():
                due = [began + (row.time - oldest).total_seconds() / speed for row in tracks]
                tasks.create_task(self._pace(device, tracks, due), name=f"replay {device}")

    async def _pace(self, device: str, rows: list[Row], due: list[float]) -> None:
        loop = asyncio.get_running_loop()
        at = 0
        while at < len(rows):
            await asyncio.sleep(max(0.0, due[at] - loop.time()))
            now, lane = loop.time() + TICK_S, _lane(rows[at])
            batch: list[dict[str, Any]] = []
            while at < len(rows) and due[at] <= now and _lane(rows[at]) == lane and len(batch) < self._plan.batch:
                batch.append(self._shifted(rows[at]))
                at += 1
            await self._send(device, batch, lane)

    async def _send(self, device: str, batch: list[dict[str, Any]], lane: Lane) -> None:
        await (await self._client(device)).send(batch, lane=lane)
        await asyncio.sleep(0)  # reading the file never waits, so without this nobody else would come to turn

    async def _client(self, device: str) -> DeviceClient:
        if device not in self._clients:
            client = DeviceClient(
                self._plan.url,
                device=device,
                secret=self._plan.secrets[device],
                state=self._plan.state,
                fsync=False,  # after a loss of power the file is still there to be replayed
                patient=True,
                receipts=self._plan.receipts,
                tls=self._plan.tls,
            )
            await self._stack.enter_async_context(client)
            await client.wait_ready(timeout_s=READY_S)
            self._clients[device] = client
        return self._clients[device]

    def _shifted(self, row: Row) -> dict[str, Any]:
        if not self._plan.shift:
            return row.reading
        return row.reading | {"t": (row.time + self._plan.shift).isoformat().replace("+00:00", "Z")}

    async def _watch(self) -> None:
        loop = asyncio.get_running_loop()
        before, moved_at = Totals(), loop.time()
        while True:
            await asyncio.sleep(TICK_S)
            now = self.totals
            self._on_progress(now)
            busy = any(client.unreceipted or client.unacknowledged for client in self._clients.values())
            if now != before or not busy:
                before, moved_at = now, loop.time()
            elif loop.time() - moved_at >= self._plan.stall_s:
                unsafe = now.sent - now.receipted if self._plan.receipts else 0
                raise Stalled(
                    f"nothing was confirmed for {self._plan.stall_s:g} s, with {now.open} readings not taken by the "
                    f"broker and {unsafe} without a receipt; "
                    "see that the broker and `gengfu run ingest` run, then replay again: nothing is stored twice"
                )


def _lane(row: Row) -> Lane:
    return "urgent" if row.reading.get("type") in _URGENT else "up"


def _first(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
