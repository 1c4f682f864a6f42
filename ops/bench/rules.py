"""Measures the rules: what a duty costs, how soon a verdict follows, how fast a month is run again."""

import asyncio
import math
import sys
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic, process_time
from typing import Any

from ingest.database import make_pool
from ingest.engines import choose_engine
from ingest.queries import load_queries
from ops.bench.cpu import clock_of
from ops.bench.database import Database, own_database
from ops.bench.errors import BenchError
from ops.bench.rules_figures import CaseName, RulesFigures, Spent
from ops.bench.rules_month import fill_month
from ops.bench.stage import temporary
from ops.embedded import ChildSpec, DataDir, Supervisor
from ops.serve import child_environment, with_values
from ops.settings import Settings
from rules.backtest import backtest, question
from rules.desk import Desk
from rules.duty_lane import DutyLane
from rules.options import Options

SQL = load_queries("ops.bench", "rules.sql")
CASES: tuple[CaseName, ...] = ("month", "towns", "minute", "second", "ordinary")
POINTS = 10  # checkpoints of a unit's round, so that so many duties settle together
UNITS_OF_TOWN = 100
SETTLE_S = 360.0  # a handset's two reports, after the late limit of five minutes
LEAD_S = 15.0  # a worker starts, plans and falls silent before the first duty settles
DAY_S = 86_400.0
DUTIES_OF_DAY = 100_000
PATIENCE_S = 180.0
LOOK_S = 0.25

Tell = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class RulesPlan:
    """What to measure.

    Attributes:
        cases: in this order.
        settings: of the rules; the database's address is replaced.
        towns: how many, one measurement each.
        windows: duties that settle in the case `minute` and at once in `second`.
        seconds: over which `minute` spreads them, and for which `ordinary` runs.
        days: of the month.
        parent: where the temporary folder is made.
        keep: leave it.
    """

    cases: Sequence[CaseName]
    settings: Settings
    towns: Sequence[int] = (1, 10, 100)
    windows: int = 10_000
    seconds: float = 60.0
    days: int = 30
    parent: Path | None = None
    keep: bool = False


async def measure_rules(plan: RulesPlan, *, tell: Tell, say: Tell) -> AsyncGenerator[RulesFigures, None]:
    """Play the cases.

    Args:
        plan: what.
        tell: told what is going on.
        say: told where the folder stays, if it does.

    Yields:
        The figures of each case.
    """
    with temporary(plan.parent, keep=plan.keep) as folder:
        if plan.keep:
            say(f"logs and data stay in {folder.path}")
        tell("starting the database")
        async with own_database(folder) as database:
            for case in plan.cases:
                yield await _Play(plan, folder, database, tell).run(case)


class _Play:
    """One case."""

    def __init__(self, plan: RulesPlan, folder: DataDir, database: Database, tell: Tell) -> None:
        self._plan = plan
        self._folder = folder
        self._database = database
        self._tell = tell
        self._zone = plan.settings.site.zone

    async def run(self, case: CaseName) -> RulesFigures:
        figures = RulesFigures(case)
        match case:
            case "towns":
                await self._towns(figures)
            case "minute":
                await self._live(figures, units=self._plan.windows // POINTS, over_s=self._plan.seconds)
            case "second":
                await self._live(figures, units=self._plan.windows // POINTS, over_s=0.0)
            case "ordinary":
                await self._ordinary(figures)
            case "month":
                await self._month(figures)
        return figures

    # -- a world -----------------------------------------------------------------------------------------------------

    async def _build(self, *, units: int, ends_at: datetime, step_s: float, until: datetime, walkers: int) -> None:
        """Units with rounds that end a step after each other, and the walks of the first so many."""
        run = self._database.connection.execute
        await run(SQL["clear"])
        await self._database.register(units)
        engine = await choose_engine(self._database.connection, wish="auto")
        days = [ends_at - timedelta(days=1), ends_at, until + timedelta(days=1)]
        await engine.ensure_partitions(self._database.connection, days)
        values = {"units": units, "ends_at": ends_at, "step_s": step_s, "zone": self._zone, "until": until}
        for name in ("handsets", "units", "custody", "checkpoints", "routes", "shifts"):
            await run(SQL[name], values)
        self._tell(f"{walkers:,} units walk")
        await run(SQL["walks"], values | {"units": walkers})
        await run("VACUUM ANALYZE")
        await run("CHECKPOINT")

    @contextmanager
    def _spending(self) -> Iterator[Spent]:
        """Measures what a block takes, when the rules work in this process."""
        spent, postgres = Spent(), self._database.cpu or (lambda: 0.0)
        wall, own, theirs = monotonic(), process_time(), postgres()
        try:
            yield spent
        finally:
            spent.wall_s, spent.rules_s = monotonic() - wall, process_time() - own
            spent.postgres_s = postgres() - theirs

    # -- cost of a duty --------------------------------------------------------------------------------------------

    async def _towns(self, figures: RulesFigures) -> None:
        """Plan, judge and finalise a day's duties in one, ten, a hundred towns, by a clock that is set."""
        costs = []
        for towns in self._plan.towns:
            units = towns * UNITS_OF_TOWN
            name = f"{towns} town{'s' if towns > 1 else ''}"
            ends_at = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(days=1)
            settled = ends_at + timedelta(seconds=SETTLE_S + 60)
            self._tell(f"{name}: building")
            await self._build(units=units, ends_at=ends_at, step_s=0, until=settled, walkers=units)
            costs.append(await self._a_day(figures, name, ends_at=ends_at, settled=settled))
        if len(costs) > 1:
            figures.add(f"judging in {self._plan.towns[-1]} towns to {self._plan.towns[0]}", costs[-1] / costs[0], "x")
        row = await (await self._database.connection.execute(SQL["verdicts"])).fetchall()
        figures.verdicts = {it["verdict"]: it["duties"] for it in row}

    async def _a_day(self, figures: RulesFigures, name: str, *, ends_at: datetime, settled: datetime) -> float:
        now = ends_at - timedelta(hours=1, minutes=5)
        options = Options(zone=self._zone)
        async with make_pool(self._database.url, name="bench rules", size=2) as pool:
            desk = Desk(pool, options=options, clock=lambda: now)
            await self._database.connection.execute(SQL["lead"], {"planned_until": now})
            lane = DutyLane(desk, only={"missed_checkpoint"})
            self._tell(f"{name}: planning")
            with self._spending() as planning:
                await lane.step()
            duties = int((await self._one("planned"))["duties"])
            await self._database.connection.execute(SQL["changed"])
            with self._spending() as again:
                await lane.step()
            now = settled
            self._tell(f"{name}: judging {duties:,} duties")
            with self._spending() as judging:
                await _work_off(lane)
            now = settled + options.backfill
            self._tell(f"{name}: the last look at {duties:,} duties")
            with self._spending() as final:
                await _work_off(lane)
        figures.add(f"{name}: duties", duties, "")
        for what, spent in (("planning", planning), ("planning again", again), ("judging", judging), ("final", final)):
            figures.add(f"{name}: {what}", spent.each(duties), "CPU-s per 1,000")
        figures.add(f"{name}: judging, rules alone", judging.rules_s / duties * 1000, "CPU-s per 1,000")
        figures.add(f"{name}: judging", duties / judging.wall_s, "duties/s")
        if duties >= DUTIES_OF_DAY:
            spent_s = sum(it.rules_s + it.postgres_s for it in (planning, judging, final))
            figures.add(f"{name}: a day of one core", spent_s / DAY_S * 100, "%")
        return judging.each(duties) or math.nan

    async def _one(self, name: str, **values: object) -> dict[str, Any]:
        row = await (await self._database.connection.execute(SQL[name], values)).fetchone()
        return row or {}

    # -- how soon --------------------------------------------------------------------------------------------------

    async def _ordinary(self, figures: RulesFigures) -> None:
        """100,000 duties a day over 10,000 devices, at the pace of a day."""
        units = max(self._plan.towns) * UNITS_OF_TOWN
        step_s = DAY_S / (DUTIES_OF_DAY / POINTS)
        settling = math.ceil(self._plan.seconds / step_s)
        await self._settle_live(figures, units=units, step_s=step_s, settling=settling, goal_s=1.0)

    async def _live(self, figures: RulesFigures, *, units: int, over_s: float) -> None:
        await self._settle_live(figures, units=units, step_s=over_s / units, settling=units, goal_s=10.0)

    async def _settle_live(
        self, figures: RulesFigures, *, units: int, step_s: float, settling: int, goal_s: float
    ) -> None:
        """A worker process by the clock on the wall, while duties settle."""
        # Building takes its time, and the moments must lie ahead when it is done.
        building_s = 15.0 + settling / 25 + units / 120
        first = datetime.now(UTC) + timedelta(seconds=building_s + LEAD_S)
        last = first + timedelta(seconds=step_s * (settling - 1) + 0.001)
        ends_at = first - timedelta(seconds=SETTLE_S)
        self._tell("building")
        await self._build(units=units, ends_at=ends_at, step_s=step_s, until=first, walkers=settling)
        await self._database.connection.execute(SQL["lead"], {"planned_until": ends_at - timedelta(hours=1)})
        if (late := (datetime.now(UTC) - first).total_seconds() + LEAD_S) > 0:
            raise BenchError(f"building took {late:.0f} s longer than thought; measure fewer windows with --windows")
        async with Supervisor(log_dir=self._folder.log, run_dir=self._folder.run / f"rules-{first:%H%M%S}") as run:
            await run.add(self._role())
            await self._until(first - timedelta(seconds=1), "waiting for the first duty to settle")
            rules = clock_of(pids=tuple(it.pid for it in run.children.values() if it.pid))
            postgres = self._database.cpu or (lambda: 0.0)
            before = (rules() if rules else 0.0, postgres())
            await self._all_judged(last)
            after = (rules() if rules else 0.0, postgres())
        delays = await self._one("delays", until=last)
        p50, p99 = delays["quantiles"] or (None, None)
        duties = int(delays["duties"])
        figures.add("duties", duties, "")
        figures.add("settling to verdict p50", p50, "s")
        figures.add("settling to verdict p99", p99, "s", goal=goal_s)
        figures.add("settling to verdict at most", delays["most"], "s", goal=goal_s)
        figures.add("rules", (after[0] - before[0]) / duties * 1000, "CPU-s per 1,000")
        figures.add("postgres", (after[1] - before[1]) / duties * 1000, "CPU-s per 1,000")
        rows = await (await self._database.connection.execute(SQL["verdicts"])).fetchall()
        figures.verdicts = {it["verdict"]: it["duties"] for it in rows if it["verdict"] != "none"}

    async def _until(self, moment: datetime, saying: str) -> None:
        self._tell(saying)
        await asyncio.sleep(max(0.0, (moment - datetime.now(UTC)).total_seconds()))

    async def _all_judged(self, last: datetime) -> None:
        gives_up_at = last + timedelta(seconds=PATIENCE_S)
        while True:
            row = await self._one("judged", until=last)
            self._tell(f"judging: {row['judged']:,} of {row['all']:,}")
            if row["all"] and row["judged"] == row["all"]:
                return
            if datetime.now(UTC) > gives_up_at:
                raise BenchError(
                    f"{row['judged']:,} of {row['all']:,} duties had a verdict {PATIENCE_S:g} s after the last; "
                    "look at rules.log (--keep keeps it)"
                )
            await asyncio.sleep(LOOK_S)

    def _role(self) -> ChildSpec:
        settings = with_values(
            self._plan.settings,
            {"database.url": self._database.url, "metrics.rules_port": 0, "log_level": "warning"},
        )
        return ChildSpec(
            name="rules",
            title="the rules worker",
            argv=[Path(sys.executable), "-m", "ops.cli", "run", "rules"],
            env=child_environment(settings),
            advice="look at the end of its log",
        )

    # -- a month again ---------------------------------------------------------------------------------------------

    async def _month(self, figures: RulesFigures) -> None:
        """The sample town's rounds of a month, walked by the simulator, run again."""
        until = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=1)
        since = until - timedelta(days=self._plan.days)
        filled = monotonic()
        rows = await fill_month(self._database, since=since, days=self._plan.days, zone=self._zone, tell=self._tell)
        figures.add("fixes", rows, "")
        figures.add("making them", monotonic() - filled, "s")
        asked = question("missed_checkpoint", since=since, until=until, now=until)
        backfill = timedelta(hours=self._plan.settings.rules.backfill_hours)
        with self._spending() as spent:
            result = await backtest(
                self._database.connection,
                asked,
                zone=self._zone,
                backfill=backfill,
                progress=lambda done, all_of: self._tell(f"running the month again: {done:,} of {all_of:,} duties"),
            )
        figures.add("duties", result.judged, "")
        figures.add("raised", len(result.raised), "times")
        figures.add("back-test", spent.wall_s, "s", goal=60.0)
        figures.add("back-test, rules", spent.rules_s, "CPU-s")
        figures.add("back-test, postgres", spent.postgres_s, "CPU-s")
        figures.add("back-test, each", spent.each(result.judged), "CPU-s per 1,000")
        figures.verdicts = dict(result.verdicts)


async def _work_off(lane: DutyLane) -> None:
    while await lane.step():
        pass
