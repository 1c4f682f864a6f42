"""The one scenario of all faults: load runs, the fault comes, it goes, everything is drained, the ledger is held up."""

import asyncio
import logging
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from time import monotonic

from tests.faults.fleet import Fleet, Load
from tests.faults.lag import WATCH, Lag
from tests.faults.ledger import Balance, Key, Ledger
from tests.faults.stage import Stage, eventually, staged

log = logging.getLogger(__name__)

PROGRESS_S = 120.0  # within which a number of readings must be stored, when a fault waits for that


@dataclass
class Run:
    """One run of a fault, as the fault sees it.

    Attributes:
        long: the long variant was asked for.
        notes: what the table says beside the figures.
        injected: what was done, in words.
    """

    stage: Stage
    fleet: Fleet
    lag: Lag
    ledger: Ledger
    dice: Random
    load: Load
    long: bool
    notes: list[str] = field(default_factory=list)
    injected: str = ""
    healed_at: float | None = None

    async def stored_more(self, readings: int) -> None:
        """Wait until so many more readings are stored."""
        goal = await self.stage.stored() + readings

        async def reached() -> bool:
            return await self.stage.stored() >= goal

        await eventually(reached, within_s=PROGRESS_S, what=lambda: f"{readings} more readings stored")

    async def early(self) -> None:
        """Wait for a moment of the dice in the first third of the load."""
        await self.stored_more(self.dice.randint(1, max(2, int(self.load.per_s * self.load.seconds / 3))))

    async def last(self, seconds: float) -> None:
        """Let the fault last; it is defined by its length."""
        await asyncio.sleep(seconds)

    def healed(self) -> None:
        """The fault is over: recovery counts from here."""
        self.healed_at = monotonic()


class Fault:
    """What goes wrong, and what must be true afterwards beside the ledger.

    Attributes:
        name: machine word; `-k name` chooses it.
        number: of the fault in docs/reference/faults.md.
        title: for the table.
        quick: part of `make test`.
        only_quick: a shorter form of another, which `--all-faults` leaves out.
        brokers: on which it is run.
        load: what the devices do meanwhile.
        more_devices: registered beside the load's, for the fault's own use.
        relayed: which links go through a proxy: `broker`, `database`, `devices`.
        roles: that run beside the gateway and ingest.
        options: settings that differ from the default.
        drain_s: within which everything must be safe after the fault.
    """

    name: str
    number: str
    title: str
    quick = False
    only_quick = False
    brokers: tuple[str, ...] = ("nats",)
    load = Load()
    more_devices: tuple[str, ...] = ()
    relayed: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    options: dict[str, object] = {}  # noqa: RUF012  read only
    drain_s = 120.0

    def prepare(self, folder: Path) -> Callable[[], None]:
        """Given the empty folder before anything starts; returns what is to be undone at the end."""
        return lambda: None

    def workers(self, broker: str) -> int:  # those that need more say so
        """How many ingest workers run."""
        return 1

    def skip(self) -> str:
        """Why it cannot be run here; empty when it can."""
        return ""

    async def inject(self, run: Run) -> None:
        """Do it, and undo it."""
        raise NotImplementedError

    async def expect(self, run: Run) -> None:
        """Look at more than the ledger."""


@dataclass(frozen=True)
class Result:
    """A line of the table."""

    fault: Fault
    broker: str
    injected: str
    balance: Balance
    recovery_s: float | None
    worst_lag_s: float
    p99_lag_s: float
    notes: str


async def play(fault: Fault, *, broker: str, dice: Random, load: Load, long: bool, keep: Path | None) -> Result:
    """Run a fault once; the ledger's verdict is not yet asserted."""
    async with AsyncExitStack() as stack:
        stage = await stack.enter_async_context(
            staged(
                kind=broker,
                devices=[*load.names, WATCH, *fault.more_devices],
                workers=fault.workers(broker),
                relayed=fault.relayed,
                roles=fault.roles,
                options=fault.options,
                prepare=fault.prepare,
            )
        )
        if keep is not None:
            stack.callback(keep_logs, stage.folder, keep)
        return await _play(fault, stage, dice=dice, load=load, long=long)


async def _play(fault: Fault, stage: Stage, *, dice: Random, load: Load, long: bool) -> Result:
    ledger = Ledger()
    lag = Lag(stage.device_url, secret=stage.secrets[WATCH], database_url=lambda: stage.database_url, ledger=ledger)
    fleet = Fleet(stage.device_url, secrets=stage.secrets, load=load, ledger=ledger, dice=dice)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(lag.run(), name="watch")
        async with fleet:
            await lag.wait_ready()
            run = Run(stage, fleet, lag, ledger, dice, load, long)
            fleet.report()
            await fault.inject(run)
            if run.healed_at is None:
                run.healed()
            await fleet.stop()
            await _settle(run, within_s=fault.drain_s)
            await fault.expect(run)
            async with stage.database() as connection:
                balance = await ledger.balance(connection, queued=_queued(run))
            lag.leave()
    return Result(
        fault,
        stage.broker.kind,
        run.injected or fault.title,
        balance,
        lag.recovered(run.healed_at or 0.0),
        lag.worst(),
        lag.p99(),
        "; ".join(run.notes),
    )


async def _settle(run: Run, *, within_s: float) -> None:
    """Wait until the watch is fresh again and no device keeps anything."""
    since = run.healed_at or 0.0
    await eventually(
        lambda: run.lag.recovered(since) is not None,
        within_s=within_s,
        what=lambda: f"the newest readings stored; ingest says:\n{run.stage.ingest.said()}",
    )
    run.lag.stop()
    await eventually(
        lambda: run.fleet.open + run.lag.open == 0,
        within_s=within_s,
        what=lambda: (
            f"a receipt for all: {run.fleet.open} readings are without; ingest says:\n{run.stage.ingest.said()}"
        ),
    )


def _queued(run: Run) -> Iterator[Key]:
    yield from run.fleet.queued()
    yield from run.lag.queued()


def keep_logs(folder: Path, target: Path) -> None:
    """Copy the logs of a run to where they can be read."""
    target.mkdir(parents=True, exist_ok=True)
    for log_file in folder.glob("*.log"):
        (target / log_file.name).write_bytes(log_file.read_bytes())
