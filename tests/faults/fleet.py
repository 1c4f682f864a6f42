"""The load: devices that number their readings, report at a steady rate, and send again what has no receipt."""

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random
from time import monotonic
from types import TracebackType
from typing import Any, Self

from gateway import LANES, DeviceClient, pause
from gateway.device_outbox.store import TOP
from tests.faults.ledger import Key, Ledger

READY_S = 90.0
URGENT_SHARE = 0.01  # of the readings of those devices that have a second session
URGENT_DEVICES = 5


@dataclass(frozen=True)
class Load:
    """How much is reported.

    Attributes:
        devices: how many report.
        per_s: readings a second, of all together.
        seconds: for at least so long, and until the fault is over.
    """

    devices: int = 200
    per_s: float = 500.0
    seconds: float = 15.0

    @property
    def names(self) -> list[str]:
        """The devices."""
        return [f"D-{number:03}" for number in range(1, self.devices + 1)]


QUICK = Load(devices=20, per_s=120, seconds=3)


class Fleet:
    """The devices of a run; use it with `async with`. They connect at once and report from `report` on."""

    def __init__(self, url: str, *, secrets: Mapping[str, str], load: Load, ledger: Ledger, dice: Random) -> None:
        self._url = url
        self._secrets = secrets
        self._load = load
        self._ledger = ledger
        self._dice = dice
        self._clients: dict[str, DeviceClient] = {}
        self._ready: set[str] = set()
        self._numbers = dict.fromkeys(load.names, 0)
        self._all_ready = asyncio.Event()
        self._go, self._over, self._leave = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._began = 0.0

    async def __aenter__(self) -> Self:
        self._group = asyncio.TaskGroup()
        await self._group.__aenter__()
        try:
            self._devices = [
                self._group.create_task(self._live(name, place), name=f"device {name}")
                for place, name in enumerate(self._load.names)
            ]
            async with asyncio.timeout(READY_S):
                await self._all_ready.wait()
        except BaseException:
            await self.__aexit__(None, None, None)
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for event in (self._go, self._over, self._leave):
            event.set()
        if error is not None:
            for device in self._devices:
                device.cancel()
        await self._group.__aexit__(None, None, None)

    @property
    def sent(self) -> int:
        """Readings so far."""
        return sum(self._numbers.values())

    @property
    def open(self) -> int:
        """Readings that are not safe yet, as far as their devices know."""
        return sum(max(client.unreceipted, client.unacknowledged) for client in self._clients.values())

    @property
    def receipted(self) -> int:
        """Readings that a receipt made safe."""
        return sum(client.counts.receipted for client in self._clients.values())

    @property
    def parked(self) -> int:
        """Readings that their devices gave up for want of a receipt."""
        return sum(client.counts.parked for client in self._clients.values())

    def queued(self) -> Iterator[Key]:
        """Readings that their devices still keep."""
        for client in self._clients.values():
            yield from waiting_in(client)

    def report(self) -> None:
        """Begin."""
        self._began = monotonic()
        self._go.set()

    async def stop(self) -> None:
        """No new readings once the load's time is over; what is queued is still sent."""
        await pause(self._leave, at_most_s=max(0.0, self._began + self._load.seconds - monotonic()))
        self._over.set()

    async def _live(self, name: str, place: int) -> None:
        async with DeviceClient(self._url, device=name, secret=self._secrets[name]) as client:
            self._clients[name] = client
            await client.wait_ready(timeout_s=READY_S)
            self._ready.add(name)
            if len(self._ready) == self._load.devices:
                self._all_ready.set()
            await self._go.wait()
            await self._report(name, client, place)
            await self._leave.wait()

    async def _report(self, name: str, client: DeviceClient, place: int) -> None:
        every_s = self._load.devices / self._load.per_s
        due = self._began + self._dice.random() * every_s
        epoch = datetime.now(UTC).timestamp() - monotonic()
        while not await pause(self._over, at_most_s=max(0.0, due - monotonic())):
            self._numbers[name] += 1
            number = self._numbers[name]
            self._ledger.note(name, client.boot, [number])
            urgent = place < URGENT_DEVICES and self._dice.random() < URGENT_SHARE
            reading = _button() if urgent else _reading(number, place, self._dice)
            await client.send([{**reading, "t": round((epoch + due) * 1000)}], lane="urgent" if urgent else "up")
            due += every_s


def waiting_in(client: DeviceClient) -> Iterator[Key]:
    """Readings that a device keeps in its outbox."""
    outbox = client._outbox
    if outbox is not None:
        for lane in LANES:
            for entry in outbox._store.newest(lane, below=TOP, most=outbox.open):
                yield Key(client.device, *entry.key)


def _reading(number: int, place: int, dice: Random) -> dict[str, Any]:
    if number % 10 == 0:
        return {"type": "status", "battery_pct": 100 - number % 90, "signal_dbm": -60 - place % 40}
    return {
        "type": "position",
        "lat": round(30.0 + place * 1e-4 + number * 1e-6, 7),
        "lon": round(111.0 + dice.random() * 0.02, 7),
        "accuracy_m": 6,
        "speed_mps": 1.3,
        "battery_pct": 80,
    }


def _button() -> dict[str, Any]:
    return {"type": "button", "button": "check_in", "pressed": True}
