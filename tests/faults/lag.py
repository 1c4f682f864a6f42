"""How far behind the service is: a device of its own sends four readings a second and looks when each is stored."""

import asyncio
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from time import monotonic

import psycopg

from gateway import DeviceClient, pause
from ingest.database import Connection, connect
from ingest.errors import DatabaseUnavailable
from tests.faults.fleet import waiting_in
from tests.faults.ledger import Key, Ledger

WATCH = "WATCH"
EVERY_S = 0.25
FRESH_S = 1.0  # behind by less is recovered
SEEN = "SELECT seq FROM position p JOIN device d ON d.number = p.device WHERE d.name = 'WATCH' AND seq > %s"


class Lag:
    """Samples of the age of the oldest of its readings that is not stored; `run` it beside the load.

    Attributes:
        samples: moment (monotonic) and age in seconds.
    """

    def __init__(self, url: str, *, secret: str, database_url: Callable[[], str], ledger: Ledger) -> None:
        self.samples: list[tuple[float, float]] = []
        self._url = url
        self._secret = secret
        self._database_url = database_url
        self._ledger = ledger
        self._sent_at: dict[int, float] = {}
        self._client: DeviceClient | None = None
        self._over = asyncio.Event()
        self._leave = asyncio.Event()
        self._ready = asyncio.Event()

    async def run(self) -> None:
        """Until told to leave."""
        async with DeviceClient(self._url, device=WATCH, secret=self._secret) as client:
            self._client = client
            await client.wait_ready(timeout_s=90)
            self._ready.set()
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._send(client), name="watch sends")
                tasks.create_task(self._look(), name="watch looks")

    async def wait_ready(self) -> None:
        """Until it is connected."""
        await self._ready.wait()

    def stop(self) -> None:
        """No new readings."""
        self._over.set()

    def leave(self) -> None:
        """End."""
        self._over.set()
        self._leave.set()

    @property
    def open(self) -> int:
        """Readings of it that are not safe yet."""
        return self._client.unreceipted if self._client else 0

    def queued(self) -> Iterator[Key]:
        """Readings of it that it still keeps."""
        if self._client is not None:
            yield from waiting_in(self._client)

    def recovered(self, since: float) -> float | None:
        """Seconds from a moment until it was fresh and stayed so for three samples; None when it never was."""
        fresh = [(at, age < FRESH_S) for at, age in self.samples if at >= since]
        for place, (at, is_fresh) in enumerate(fresh[:-2]):
            if is_fresh and fresh[place + 1][1] and fresh[place + 2][1]:
                return max(0.0, at - since)
        return None

    def worst(self) -> float:
        """The greatest age seen, in seconds."""
        return max((age for _, age in self.samples), default=0.0)

    def p99(self) -> float:
        """Of the samples, in seconds."""
        ages = sorted(age for _, age in self.samples)
        return ages[int(len(ages) * 0.99)] if ages else 0.0

    async def _send(self, client: DeviceClient) -> None:
        number, due = 0, monotonic()
        while not await pause(self._over, at_most_s=max(0.0, due - monotonic())):
            number += 1
            self._ledger.note(WATCH, client.boot, [number])
            self._sent_at[number] = due
            reading = {"type": "position", "t": datetime.now(UTC).isoformat(), "lat": 30.001, "lon": 111.001}
            await client.send([reading])
            due += EVERY_S

    async def _look(self) -> None:
        connection: Connection | None = None
        try:
            while not await pause(self._leave, at_most_s=0.05):
                try:
                    async with asyncio.timeout(2):
                        connection = connection or await connect(self._database_url(), name="watch")
                        await self._sample(connection)
                except (psycopg.Error, DatabaseUnavailable, TimeoutError):
                    if connection is not None:
                        await connection.close()
                    connection = None
                    self._note()
        finally:
            if connection is not None:
                await connection.close()

    async def _sample(self, connection: Connection) -> None:
        floor = min(self._sent_at, default=1) - 1
        for row in await (await connection.execute(SEEN, [floor])).fetchall():
            self._sent_at.pop(row["seq"], None)
        self._note()

    def _note(self) -> None:
        now = monotonic()
        self.samples.append((now, max((now - at for at in self._sent_at.values()), default=0.0)))
