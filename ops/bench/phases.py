"""The phases of a case: the limits, full speed, a given pace, a backlog, a growing table."""

import asyncio
from contextlib import AsyncExitStack, suppress
from dataclasses import replace
from datetime import datetime
from time import monotonic

from ops.bench.case import GROWTH_STEPS, LIMIT_S, PACED_PER_S, URGENT_PER_S, WARM_S, Case
from ops.bench.copying import copy_limit
from ops.bench.cpu import Clock, clock_of, per_million, read_all
from ops.bench.errors import BenchError
from ops.bench.feeding import Tell, full_speed, stop, until
from ops.bench.figures import Figures, reckon_ledger
from ops.bench.peer import Peer
from ops.bench.stage import Ingest, Running, Stage, workers_of

READY_S = 30.0


class Play:
    """One case on its stage."""

    def __init__(self, stage: Stage, case: Case, *, tell: Tell) -> None:
        """Prepare.

        Args:
            stage: where.
            case: what.
            tell: told what is going on, often; must not block.
        """
        self._stage = stage
        self._database = stage.database
        self._case = case
        self._tell = tell
        self.figures = Figures(
            case=case.name,
            broker=stage.kind,
            engine=stage.database.engine,
            devices=case.devices,
            workers=case.workers,
            seq=case.seq,
            rows_before=case.rows,
            seconds=case.seconds,
        )

    async def run(self) -> Figures:
        """Measure it."""
        await self._database.register(self._case.devices)
        phases = self._case.phases
        if "growth" in phases:
            await self._growth()
            return self.figures
        began = await self._table()
        if "limits" in phases:
            self.figures.limit_session_per_s = await self._session_limit()
        if "backlog" in phases:
            await self._backlog()
        else:
            await self._live()
        if "limits" in phases:
            self._tell("COPY of the same rows into the same table")
            self.figures.limit_copy_per_s, self.figures.limit_copy_by = await copy_limit(
                self._database, since=began, folder=self._stage.folder.path, keep=bool(self._case.rows)
            )
            self.figures.reckon_ratio()
        return self.figures

    async def _table(self) -> datetime:
        """Make the table what the case wants: empty, or with at least so many rows of its devices."""
        if not self._case.rows:
            await self._database.empty()
        elif self._database.filled != (self._case.rows, self._case.devices):
            await self._fill(self._case.rows, of=self._case.rows)
        else:
            await self._database.settle()
        await self._database.forget_runs()
        return await self._database.now()

    async def _fill(self, rows: int, *, of: int) -> None:
        self._tell(f"filling the table with {rows:,} rows")
        await self._database.empty()
        await self._database.fill(rows=rows, of=of, devices=self._case.devices)

    # -- the phases --------------------------------------------------------------------------------------------

    async def _session_limit(self) -> float:
        async with AsyncExitStack() as stack:
            running = await stack.enter_async_context(self._stage.broker(self._case))
            drains = [await stack.enter_async_context(running.drain(worker)) for worker in workers_of(self._case)]
            for drain in drains:
                await drain.hears("ready", within_s=READY_S)
            load = await stack.enter_async_context(running.load())
            await load.hears("ready", within_s=READY_S)

            async def taken() -> int:
                for drain in drains:
                    drain.check()
                return sum(int(drain.heard.get("taken", 0)) for drain in drains)

            window = await full_speed(
                load, taken, {}, seconds=LIMIT_S, tell=self._tell, what="broker and session without a database"
            )
            return window.per_s

    async def _live(self) -> None:
        async with (
            self._stage.broker(self._case) as running,
            running.ingest() as ingest,
            running.load() as load,
        ):
            await load.hears("ready", within_s=READY_S)
            rows = await self._database.rows()
            if "full" in self._case.phases:
                await self._full(running, ingest, load)
            if "paced" in self._case.phases:
                await self._paced(load)
            await self._settle(ingest, load, rows_before=rows)

    async def _full(self, running: Running, ingest: Ingest, load: Peer) -> None:
        window = await full_speed(
            load,
            self._received,
            self._clocks(running, ingest, load),
            seconds=self._case.seconds,
            tell=self._tell,
            what="full speed",
        )
        ingest.check()
        self.figures.committed_per_s = window.per_s
        self.figures.seconds = window.seconds
        self.figures.cpu_s_per_million = dict(window.cpu_s_per_million)

    async def _paced(self, load: Peer) -> None:
        self._tell(f"{PACED_PER_S:,} messages a second")
        load.tell(paced=PACED_PER_S, urgent=URGENT_PER_S)
        await asyncio.sleep(WARM_S)
        since, sent, began = await self._database.now(), load.heard["sent"], monotonic()
        await asyncio.sleep(self._case.paced_s)
        self.figures.paced_per_s = (load.heard["sent"] - sent) / (monotonic() - began)
        upto = await self._database.now()
        await self._finish(load)
        await self._lag(since, upto, fixes=True)

    async def _backlog(self) -> None:
        messages = self._case.messages
        async with self._stage.broker(self._case) as running, running.load() as load:
            await load.hears("ready", within_s=READY_S)
            rows = await self._database.rows()
            self._tell("ingest subscribes and goes away again")
            async with running.ingest():
                pass

            async def queued() -> int:
                load.check()
                return int(load.heard.get("confirmed", 0))

            began = monotonic()
            load.tell(full=True, allow=messages)
            await until(queued, messages, tell=self._tell, what="queueing")
            self.figures.backlog, self.figures.queued_per_s = messages, messages / (monotonic() - began)
            await stop(load)
            async with running.ingest() as ingest:
                await self._drain(running, ingest, load)
                await self._settle(ingest, load, rows_before=rows)

    async def _drain(self, running: Running, ingest: Ingest, load: Peer) -> None:
        messages, began = self._case.messages, monotonic()
        load.tell(urgent=URGENT_PER_S)
        clocks = self._clocks(running, ingest, load)
        since, first, cpu = await self._database.now(), await self._received(), read_all(clocks)
        await until(self._received, messages, tell=self._tell, what="draining")
        self.figures.drained_per_s = (messages - first) / (monotonic() - began)
        self.figures.cpu_s_per_million = per_million(cpu, read_all(clocks), messages=messages - first)
        upto = await self._database.now()
        ingest.check()
        await self._finish(load)
        await self._lag(since, upto, fixes=False)

    async def _growth(self) -> None:
        """Full speed into tables of rising size; each begins anew, so that only its own rows are in it."""
        for rows in GROWTH_STEPS:
            case = replace(self._case, phases=("full",), rows=rows)
            if rows:
                await self._fill(rows, of=GROWTH_STEPS[-1])
            one = await Play(self._stage, case, tell=self._tell).run()
            self.figures.add_step(rows, one)

    # -- what they share ---------------------------------------------------------------------------------------

    async def _received(self) -> int:
        """Fixes whose fate is committed."""
        return (await self._database.counted("up"))["received"]

    async def _urgent_received(self) -> int:
        return (await self._database.counted("urgent"))["received"]

    def _clocks(self, running: Running, ingest: Ingest, load: Peer) -> dict[str, Clock | None]:
        return {
            "ingest": clock_of(pids=ingest.pids),
            "broker": running.broker_cpu,
            "postgres": self._database.cpu,
            "load": clock_of(pids=(load.pid,)),
        }

    async def _finish(self, load: Peer) -> None:
        """Stop sending, and wait until all of it is committed."""
        state = await stop(load)
        await until(self._received, state["sent"], tell=self._tell, what="the rest")
        await until(self._urgent_received, state["urgent_sent"], tell=self._tell, what="the urgent rest")

    async def _lag(self, since: datetime, upto: datetime, *, fixes: bool) -> None:
        if not self._database.times_commits:
            return
        self._tell("reading the times of the commits")
        self.figures.latency_by = "pg_xact_commit_timestamp"
        if fixes:
            lag = await self._database.one("lag_of_positions", since=since, until=upto)
            self.figures.p50_ms, self.figures.p99_ms = lag["quantiles"] or (None, None)
        lag = await self._database.one("lag_of_urgent", since=since, until=upto)
        self.figures.urgent_p50_ms, self.figures.urgent_p99_ms = lag["quantiles"] or (None, None)

    async def _settle(self, ingest: Ingest, load: Peer, *, rows_before: int) -> None:
        """Hold the ledger against the table, and see that the broker has every acknowledgement."""
        sent, seen = load.heard["sent"], [0]

        async def acknowledged() -> int:
            seen.append(await ingest.acknowledged())
            return max(seen)

        with suppress(BenchError):  # what is missing shows in the figure
            await until(acknowledged, sent, tell=self._tell, what="the last acknowledgements")
        self.figures.acknowledged = max(seen)
        self.figures.ingest_memory_mb = ingest.peak_memory_mb()
        reckon_ledger(
            self.figures,
            sent=sent,
            counted=await self._database.counted("up"),
            rows=await self._database.rows() - rows_before,
        )
