"""Processes that can be killed, frozen, told to end and held down; one that ends by itself is started again."""

import asyncio
import os
import signal
from dataclasses import replace
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

from ops.embedded.process import Process, tail
from ops.embedded.procfs import working_in
from ops.embedded.spec import ChildSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

READY_S = 90.0  # a busy machine; a healthy one needs two
PAUSE_S = 0.2  # before a start after a death, as the supervisor's first
END_S = 30.0


class Program:
    """One process over all its lives. `run` keeps it; everything else tells it what to do.

    Attributes:
        starts: how often it was started.
        more_environment: environment of its next starts, by their number (the first is 1), over what the spec says.
    """

    def __init__(self, spec: ChildSpec, *, log: Path) -> None:
        self.spec = spec
        self.log = log
        self.starts = 0
        self.more_environment: Callable[[int], Mapping[str, str]] = lambda _start: {}
        self._process: Process | None = None
        self._wanted = asyncio.Event()
        self._changed = asyncio.Condition()

    @property
    def pid(self) -> int | None:
        """Process number, None while it does not run."""
        return self._process.pid if self._process else None

    @property
    def rss_mib(self) -> float:
        """Resident memory."""
        text = Path(f"/proc/{self.pid}/status").read_text()
        line = next(line for line in text.splitlines() if line.startswith("VmRSS:"))
        return int(line.split()[1]) / 1024

    async def run(self) -> None:
        """Start it whenever it is wanted and does not run, until cancelled."""
        try:
            while True:
                await self._wanted.wait()
                await self._live()
                if self._wanted.is_set():
                    await asyncio.sleep(PAUSE_S)
        finally:
            if self._process is not None:
                self._process.kill()
                await self._process.wait()

    async def _live(self) -> None:
        if self.spec.tidy:
            await self.spec.tidy()
        self.starts += 1
        environment = None if self.spec.env is None else {**self.spec.env, **self.more_environment(self.starts)}
        spec = replace(self.spec, env=environment)
        process = Process.start(
            spec.argv, log=self.log, death_signal=spec.stop_signal, identity=spec.identity, env=spec.env, cwd=spec.cwd
        )
        await self._note(process)
        await process.wait()
        await self._note(None)
        if self.spec.tidy:
            await self.spec.tidy()

    async def _note(self, process: Process | None) -> None:
        async with self._changed:
            self._process = process
            self._changed.notify_all()

    async def start(self) -> None:
        """Start it, and wait until it is ready."""
        self._wanted.set()
        async with asyncio.timeout(READY_S):
            while not (self.pid and (self.spec.ready is None or await self.spec.ready())):  # noqa: ASYNC110  another process
                await asyncio.sleep(0.05)

    def kill(self) -> None:
        """kill -9; it is started again."""
        if self._process is not None:
            self._process.kill()

    async def down(self, number: signal.Signals | None = None) -> float:
        """Tell it to end and hold it down.

        Args:
            number: the signal; by default the one that it is stopped with.

        Returns:
            Seconds that it took.
        """
        began = monotonic()
        self._wanted.clear()
        process = self._process
        if process is not None:
            process.send(number or self.spec.stop_signal)
            if not await process.wait_for(END_S):
                process.kill()
                raise AssertionError(f"{self.spec.called} did not end within {END_S:g} s; see {self.log}")
        async with self._changed:
            await self._changed.wait_for(lambda: self._process is None)
        return monotonic() - began

    def freeze(self) -> None:
        """SIGSTOP to it and to all that it has started in its folder."""
        self._signal_all(signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT to the same."""
        self._signal_all(signal.SIGCONT)

    def _signal_all(self, number: signal.Signals) -> None:
        pids = [self.pid] if self.pid else []
        folder = self.workers_in
        if folder is not None:
            pids += [mark.pid for mark in working_in(folder, program="postgres")]
        for pid in dict.fromkeys(pids):
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                continue

    @property
    def workers_in(self) -> Path | None:
        """The data folder in which the workers of a PostgreSQL server are found."""
        words = [str(word) for word in self.spec.argv]
        return Path(words[words.index("-D") + 1]) if "-D" in words else None

    def said(self, *, lines: int = 15) -> str:
        """The end of its log."""
        return "\n".join(tail(self.log, lines=lines))
