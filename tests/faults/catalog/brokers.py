"""The broker is restarted with a queue, killed, at the limit of its queue, and out of disk."""

import asyncio
import signal
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic

from typing_extensions import override

from tests.faults.catalog.database import ballast_of
from tests.faults.plain import encoded, numbered, plain, publish, up
from tests.faults.scenario import Fault, Run
from tests.faults.stage import eventually
from tests.faults.tmpfs import Tmpfs, cannot_mount

BULK = "BULK"


class Restarted(Fault):
    """SIGTERM and a start, with a long queue for an ingest that is away."""

    name = "broker-restarted"
    number = "11"
    title = "broker restarted with a queue"
    brokers = ("nats", "mosquitto")
    more_devices = (BULK,)
    drain_s = 240.0

    @override
    async def inject(self, run: Run) -> None:
        messages = 100_000 if run.long else 20_000
        stage = run.stage
        await run.early()
        await stage.ingest.down()
        began = datetime.now(UTC) - timedelta(hours=12)
        async with plain(run, BULK) as session:
            times = (began + timedelta(seconds=place / 10) for place in range(messages))
            await publish(session, up(BULK), encoded(numbered(run, BULK, times)))
        await stage.broker.program.down()
        await stage.broker.program.start()
        before = await stage.stored()
        await stage.ingest.start()
        await stage.wait_hearing("1")
        drained_from = monotonic()
        run.healed()

        async def drained() -> bool:
            return await stage.stored() >= before + messages

        await eventually(drained, within_s=self.drain_s, what=stage.ingest.said)
        run.injected = f"SIGTERM with {messages:,} messages queued"
        run.notes.append(f"drained {messages / (monotonic() - drained_from):,.0f} msg/s")


class Killed(Fault):
    """kill -9; what it had confirmed and not yet written is gone, and devices say it again."""

    name = "broker-killed"
    number = "12"
    title = "broker killed"
    brokers = ("nats", "mosquitto")

    @override
    async def inject(self, run: Run) -> None:
        await run.early()
        await run.stage.broker.program.down(signal.SIGKILL)
        await run.last(run.dice.uniform(0.5, 2.0))
        await run.stage.broker.program.start()
        run.injected = "kill -9, started again"


class QueueFull(Fault):
    """Ingest is away for so long that the broker's queue is full: what it drops, devices say again.

    Mosquitto drops without a word, so somebody else has to raise the alarm, and before the first is dropped.
    """

    name = "broker-queue-full"
    number = "13"
    title = "broker's queue at its limit"
    brokers = ("mosquitto",)
    roles = ("rules",)
    limit = 12_000  # messages, of the 500 that come each second; a worker is called silent after ten seconds

    @override
    async def inject(self, run: Run) -> None:
        program = run.stage.broker.program
        run.stage.broker.limit_queue(self.limit)
        await program.down()
        await program.start()
        await run.stored_more(50)
        await run.stage.ingest.down()
        before = run.fleet.sent
        query = "SELECT count(*) FROM alert WHERE rule = 'ingest_silent'"

        async def raised() -> bool:
            return await run.stage.number(query) > 0

        await eventually(raised, within_s=60, what=lambda: "an alert that ingest is silent")
        at = run.fleet.sent - before
        run.notes.append(f"alarm after {at:,} readings")
        assert at < self.limit, f"the alarm came only after {at} readings, when some were dropped already"
        await eventually(lambda: run.fleet.sent >= before + self.limit * 4 // 3, within_s=120)
        came = run.fleet.sent - before
        await run.stage.ingest.start()
        run.injected = f"limit {self.limit:,}, {came:,} readings came while ingest was away"


class DiskFull(Fault):
    """The broker's disk is full for a while and its process is then killed."""

    name = "broker-disk-full"
    number = "14"
    title = "disk of the broker full"
    brokers = ("nats", "mosquitto")
    size_mib = 64

    @override
    def skip(self) -> str:
        return cannot_mount()

    @override
    def prepare(self, folder: Path) -> Callable[[], None]:
        return Tmpfs(folder / "broker", size_mib=self.size_mib).mounted()

    @override
    async def inject(self, run: Run) -> None:
        ballast = run.stage.folder / "broker" / "ballast"
        await run.early()
        await asyncio.to_thread(ballast_of, ballast)
        await run.last(8)
        ballast.unlink()
        # A broker that could not write may believe what is not on disk; only a restart makes it read its disk again.
        await run.stage.broker.program.down(signal.SIGKILL)
        await run.stage.broker.program.start()
        run.injected = "full for 8 s, then kill -9"


faults: tuple[Fault, ...] = (Restarted(), Killed(), QueueFull(), DiskFull())
