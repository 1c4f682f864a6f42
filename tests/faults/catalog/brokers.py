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
SEEN_DISK = "SELECT count(store_looked_at) FROM broker_state"
FULL_DISK = "SELECT count(*) FROM alert WHERE fingerprint = 'broker_disk:full' AND state <> 'resolved'"


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
        drained_from = monotonic()
        await stage.ingest.start()
        await stage.wait_hearing("1")
        run.healed()

        async def drained() -> bool:
            return await stage.stored() >= before + messages

        await eventually(drained, within_s=self.drain_s, what=stage.ingest.said)
        run.injected = f"SIGTERM with {messages:,} messages queued"
        run.notes.append(f"drained {messages / (monotonic() - drained_from):,.0f} msg/s, with ingest's start")


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
    """The broker's disk is full until the alarm comes, and its process is then killed."""

    name = "broker-disk-full"
    number = "14"
    title = "disk of the broker full"
    brokers = ("nats", "mosquitto")
    roles = ("rules",)
    size_mib = 64
    full_mb = 8  # instead of 200: a disk of this size would be called full from the beginning
    alarm_s = 30.0

    @override
    def skip(self) -> str:
        return cannot_mount()

    @override
    def prepare(self, folder: Path) -> Callable[[], None]:
        return Tmpfs(folder / "broker", size_mib=self.size_mib).mounted()

    @override
    async def inject(self, run: Run) -> None:
        ballast = run.stage.folder / "broker" / "ballast"
        stage = run.stage
        async with stage.database() as connection:
            await connection.execute(
                "INSERT INTO rule_setting (rule, key, value) VALUES ('broker_disk', 'full_mb', to_jsonb(%s::int))",
                [self.full_mb],
            )
        await run.early()

        async def seen_with_room() -> bool:
            return await stage.number(SEEN_DISK) > 0 and await stage.number(FULL_DISK) == 0

        await eventually(seen_with_room, within_s=60, what=lambda: "a look at the broker's disk, which has room")
        await asyncio.to_thread(ballast_of, ballast)
        began = monotonic()

        async def raised() -> bool:
            return await stage.number(FULL_DISK) > 0

        await eventually(raised, within_s=self.alarm_s, what=lambda: "an alert that the broker's disk is full")
        full_s = monotonic() - began
        run.notes.append(f"alarm after {full_s:.0f} s")
        await run.last(max(0.0, 8 - full_s))
        ballast.unlink()
        # A broker that could not write may believe what is not on disk; only a restart makes it read its disk again.
        await run.stage.broker.program.down(signal.SIGKILL)
        await run.stage.broker.program.start()
        run.injected = f"full for {max(8.0, full_s):.0f} s, then kill -9"


faults: tuple[Fault, ...] = (Restarted(), Killed(), QueueFull(), DiskFull())
