"""PostgreSQL is killed, down, frozen, turned read-only, contended, and out of space."""

import asyncio
import contextlib
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import psycopg
from typing_extensions import override

from ingest.database import connect
from tests.faults.fleet import QUICK, Load
from tests.faults.scenario import Fault, Run
from tests.faults.stage import eventually
from tests.faults.standby import follow, promote
from tests.faults.tmpfs import Tmpfs, cannot_mount

GROWTH_MIB = 50.0  # that ingest may grow by while it waits


class Killed(Fault):
    """kill -9 of the server; it recovers from its log at the next start."""

    name = "postgres-killed"
    number = "4"
    title = "PostgreSQL killed"

    def __init__(self, *, quick: bool = False, load: Load | None = None) -> None:
        self.quick = self.only_quick = quick
        self.load = load or Fault.load
        if quick:
            self.name += "-quick"

    @override
    async def inject(self, run: Run) -> None:
        await run.early()
        lives = run.stage.ingest.starts
        await run.stage.postgres.down(signal.SIGKILL)
        await run.last(run.dice.uniform(0.5, 2.0))
        await run.stage.postgres.start()
        run.injected = "kill -9, started again"
        run.healed()
        await run.stored_more(50)
        assert run.stage.ingest.starts == lives, "ingest was restarted, and should have healed by itself"


class Down(Fault):
    """The server is away for long; ingest holds on, does not grow, and heals without a restart."""

    name = "postgres-down"
    number = "5"
    title = "PostgreSQL down"
    brokers = ("nats", "mosquitto")
    drain_s = 240.0

    @override
    async def inject(self, run: Run) -> None:
        seconds = 360 if run.long else 20
        await run.early()
        ingest = run.stage.ingest
        lives, before = ingest.starts, ingest.rss_mib
        await run.stage.postgres.down()
        await run.last(seconds)
        growth = ingest.rss_mib - before
        await run.stage.postgres.start()
        run.healed()
        run.injected = f"down for {seconds} s"
        run.notes.append(f"ingest grew by {growth:.0f} MiB")
        await run.stored_more(50)
        assert ingest.starts == lives, "ingest was restarted, and should have healed by itself"
        assert growth < GROWTH_MIB, f"ingest grew by {growth:.0f} MiB in {seconds} s without a database"


class Frozen(Fault):
    """The server hangs and does not refuse: every call must end by itself within ten seconds."""

    name = "postgres-frozen"
    number = "6"
    title = "PostgreSQL frozen"

    @override
    async def inject(self, run: Run) -> None:
        seconds = 60 if run.long else 20
        await run.early()
        before = len(_complaints(run))
        run.stage.postgres.freeze()
        try:
            await run.last(seconds)
            said = _complaints(run)[before:]
        finally:
            run.stage.postgres.thaw()
        run.injected = f"SIGSTOP for {seconds} s"
        assert said, f"ingest did not notice within {seconds} s that the database does not answer"


class ReadOnly(Fault):
    """As after a failover to a standby: nothing may be acknowledged while nothing can be written."""

    name = "postgres-read-only"
    number = "7"
    title = "PostgreSQL read-only"

    @override
    async def inject(self, run: Run) -> None:
        await run.early()
        await self._set(run, "on")
        # The connections of ingest are in the middle of transactions; those end, and then nothing moves.
        before = await _standstill(run)
        receipts = run.fleet.receipted
        await run.last(5)
        assert await run.stage.stored() == before, "readings were stored while the database was read-only"
        assert run.fleet.receipted == receipts, "receipts went out while the database was read-only"
        await self._set(run, "off")
        run.injected = "default_transaction_read_only for 5 s"

    @staticmethod
    async def _set(run: Run, value: str) -> None:
        async with run.stage.database() as connection:
            await connection.execute("SET default_transaction_read_only = off")
            await connection.execute(f"ALTER SYSTEM SET default_transaction_read_only = {value}".encode())
            await connection.execute("SELECT pg_reload_conf()")


class Failover(Fault):
    """The primary dies and its standby takes its place, under the same address."""

    name = "postgres-failover"
    number = "7"
    title = "PostgreSQL fails over to its standby"
    relayed = ("database",)

    @override
    async def inject(self, run: Run) -> None:
        _, port = await follow(run.stage)
        await run.early()
        lives = run.stage.ingest.starts
        await run.stage.postgres.down(signal.SIGKILL)
        await promote(run.stage, port)
        run.injected = "primary killed, standby promoted"
        run.healed()
        await run.stored_more(50)
        assert run.stage.ingest.starts == lives, "ingest was restarted, and should have gone over by itself"


class DiskFull(Fault):
    """The disk under the database is full for a while."""

    name = "postgres-disk-full"
    number = "8"
    title = "disk of PostgreSQL full"
    size_mib = 300

    @override
    def skip(self) -> str:
        return cannot_mount()

    @override
    def prepare(self, folder: Path) -> Callable[[], None]:
        return Tmpfs(folder / "database", size_mib=self.size_mib).mounted()

    @override
    async def inject(self, run: Run) -> None:
        ballast = run.stage.folder / "database" / "ballast"
        await run.early()
        ballast_of(ballast)
        before = len(_complaints(run))
        await eventually(lambda: len(_complaints(run)) > before, within_s=60, what=run.stage.ingest.said)
        await run.last(3)
        ballast.unlink()
        await run.stage.postgres.start()
        run.injected = f"{self.size_mib} MiB filled to the last byte"


class Deadlock(Fault):
    """Somebody else updates the same rows in the opposite order; ingest is always the one that is sent away."""

    name = "deadlock"
    number = "10"
    title = "deadlocks with another writer"
    rounds = 4

    @override
    async def inject(self, run: Run) -> None:
        await run.early()
        async with await connect(run.stage.database_url, name="rival") as rival:
            await rival.execute("SET deadlock_timeout = '30s'")  # so that it is never the one who finds the ring
            deadlocks = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
            before = await run.stage.number(deadlocks)
            async with asyncio.timeout(60):
                while await run.stage.number(deadlocks) < before + self.rounds:
                    await self._against_the_order(rival)
            run.injected = f"{self.rounds} deadlocks"
        assert _complaints(run), "ingest met no deadlock"

    @staticmethod
    async def _against_the_order(rival: psycopg.AsyncConnection[dict[str, object]]) -> None:
        rows = await (await rival.execute("SELECT device FROM last_known ORDER BY device DESC")).fetchall()
        async with rival.transaction():
            for row in rows:
                await rival.execute("UPDATE last_known SET heard_at = heard_at WHERE device = %s", [row["device"]])


def ballast_of(file: Path) -> None:
    """Fill a disk to the last byte."""
    with file.open("wb", buffering=0) as out, contextlib.suppress(OSError):
        while True:
            out.write(bytes(1 << 20))
    free = shutil.disk_usage(file.parent).free
    if free:
        with file.open("ab", buffering=0) as out, contextlib.suppress(OSError):
            out.write(bytes(free))


def _complaints(run: Run) -> list[str]:
    """What ingest has said about a database that takes nothing."""
    text = run.stage.ingest.log.read_text(errors="replace")
    return [line for line in text.splitlines() if "cannot write to the database" in line]


async def _standstill(run: Run) -> int:
    """Wait until the number of stored readings stays the same for a second, and return it."""
    seen = [await run.stage.stored()]

    async def still() -> bool:
        await asyncio.sleep(0.25)
        seen.append(await run.stage.stored())
        return len(seen) > 5 and len(set(seen[-5:])) == 1

    await eventually(still, within_s=30)
    return seen[-1]


faults: tuple[Fault, ...] = (
    Killed(),
    Killed(quick=True, load=QUICK),
    Down(),
    Frozen(),
    ReadOnly(),
    Failover(),
    DiskFull(),
    Deadlock(),
)
