"""A whole run: the stages one after the other, each with its cases."""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ops.bench.case import Case
from ops.bench.database import Database, given_database, own_database
from ops.bench.feeding import Tell
from ops.bench.figures import Figures
from ops.bench.given import GivenBroker, Kind
from ops.bench.machine import describe
from ops.bench.phases import Play
from ops.bench.stage import Stage, temporary
from ops.embedded import DataDir
from ops.settings import Settings


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What to measure and on what.

    Attributes:
        cases: in this order.
        kind: of the broker.
        settings: of ingest and broker, but for addresses.
        given: a broker that somebody else runs, or None.
        parent: where the temporary folder is made; None is the system's place.
        keep: leave the folder with its logs.
        native: measure on a PostgreSQL of our own.
        timescale: address of a server with TimescaleDB, or None.
        database_pid: of that server.
        database_cgroup: of that server.
    """

    cases: Sequence[Case]
    kind: Kind
    settings: Settings
    given: GivenBroker | None = None
    parent: Path | None = None
    keep: bool = False
    native: bool = True
    timescale: str | None = None
    database_pid: int | None = None
    database_cgroup: Path | None = None

    def databases(self, folder: DataDir) -> list[AbstractAsyncContextManager[Database]]:
        """The databases to measure on."""
        found: list[AbstractAsyncContextManager[Database]] = [own_database(folder)] if self.native else []
        if self.timescale:
            found.append(
                given_database(self.timescale, timescale=True, pid=self.database_pid, cgroup=self.database_cgroup)
            )
        return found


async def measure(
    plan: Plan, *, tell: Tell, say: Callable[[str], None]
) -> AsyncGenerator[tuple[Case, Figures, dict[str, Any]], None]:
    """Play all cases.

    Args:
        plan: what.
        tell: told what is going on, many times a second.
        say: told where the folder stays, if it does.

    Yields:
        Each case with its figures, and what they were measured on.
    """
    with temporary(plan.parent, keep=plan.keep) as folder:
        if plan.keep:
            say(f"logs and data stay in {folder.path}")
        for made in plan.databases(folder):
            tell("starting the database")
            async with made as database:
                stage = Stage(folder, database, plan.kind, plan.settings, plan.given)
                about = await describe(stage)
                for case in plan.cases:
                    tell(f"case {case.name}")
                    figures = await Play(stage, case, tell=tell).run()
                    about["config"]["broker"] = dict(stage.broker_config)
                    yield case, figures, about
