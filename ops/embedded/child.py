"""One supervised child over all its lives: start, readiness, death, another start, and at last its stop."""

import asyncio
import os
import shutil
from collections import deque
from pathlib import Path

from ops.embedded.errors import ChildFailedError, EmbeddedError
from ops.embedded.files import size_of
from ops.embedded.pid_file import remove_pid_file, write_pid_file
from ops.embedded.process import Process, tail
from ops.embedded.spec import ChildEvent, ChildSpec, ChildState, EventKind, OnEvent

FIRST_PAUSE_S = 0.2
LONGEST_PAUSE_S = 5.0
FLAP_DEATHS = 5  # deaths within FLAP_WINDOW_S are no accident any more
FLAP_WINDOW_S = 60.0
PROBE_PAUSE_S = 0.05
LONGEST_PROBE_S = 5.0
LOG_LIMIT = 32 * 1024 * 1024  # bytes; a longer log is put aside
LOG_CHECK_S = 30.0


class Child:
    """Keeps one process running until told to stop."""

    def __init__(self, spec: ChildSpec, *, log: Path, pid_file: Path, on_event: OnEvent) -> None:
        self.spec = spec
        self.state = ChildState(spec.name)
        self.log = log
        self._pid_file = pid_file
        self._on_event = on_event
        self._process: Process | None = None
        self._changed = asyncio.Event()  # ready, failed or stopping: whoever waits looks again
        self._stopping = asyncio.Event()
        self._deaths: deque[float] = deque(maxlen=FLAP_DEATHS)
        self._attempt = 1
        self._flap_told_at = float("-inf")
        self._failure = ""

    async def run(self) -> None:
        """Starts the process again whenever it ends, until `stop`."""
        if size_of(self.log) > 0:
            self.log.replace(aside(self.log))
        while not self._stopping.is_set():
            try:
                await self._live()
            except EmbeddedError as error:
                self._failure = f"could not be started: {error}"
            if self._stopping.is_set():
                break
            await self._pause()

    async def wait_ready(self) -> None:
        """Waits until the child can be used.

        Raises:
            ChildFailedError: it died again and again, or time is up; carries the end of its log.
        """
        try:
            async with asyncio.timeout(self.spec.ready_timeout_s):
                while not self.state.ready:
                    if len(self._deaths) >= FLAP_DEATHS:
                        raise ChildFailedError(
                            f"{self.spec.called} died {FLAP_DEATHS} times before it was ready, and at last "
                            f"{self._failure}; {self._evidence()}"
                        )
                    if self._stopping.is_set():
                        raise ChildFailedError(f"{self.spec.called} was stopped before it was ready")
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            raise ChildFailedError(
                f"{self.spec.called} was not ready within {self.spec.ready_timeout_s:g} s; {self._evidence()}"
            ) from None

    async def stop(self, *, grace_s: float) -> None:
        """Asks the process to end, and kills it when it does not.

        Args:
            grace_s: so long it may take.
        """
        self._stopping.set()
        self._changed.set()
        process = self._process
        if process is None or process.returncode is not None:
            return
        self._tell(EventKind.STOPPING, f"stopping {self.spec.called}")
        process.send(self.spec.stop_signal)
        if await process.wait_for(grace_s):
            self._tell(EventKind.STOPPED, f"{self.spec.called} stopped")
            return
        self._tell(
            EventKind.KILLED,
            f"{self.spec.called} did not stop within {grace_s:.1f} s of {self.spec.stop_signal.name} and is killed",
        )
        process.kill()
        await process.wait()

    async def _live(self) -> None:
        """One life: from the start of the process to its end."""
        if self.spec.tidy:
            await self.spec.tidy()
        if self._stopping.is_set():
            return
        process = Process.start(
            self.spec.argv,
            log=self.log,
            death_signal=self.spec.stop_signal,
            identity=self.spec.identity,
            env=self.spec.env,
            cwd=self.spec.cwd,
        )
        self._process = process
        try:
            write_pid_file(self._pid_file, pid=process.pid, stop_signal=self.spec.stop_signal)
            self.state.pid = process.pid
            self.state.starts += 1
            self._tell(EventKind.STARTED, f"{self.spec.called} started (process {process.pid})")
            async with asyncio.TaskGroup() as tasks:
                probing = tasks.create_task(self._probe(), name=f"{self.spec.name}: probe")
                trimming = tasks.create_task(self._trim(), name=f"{self.spec.name}: log")
                await process.wait()
                probing.cancel()
                trimming.cancel()
        finally:
            # Whatever ended this life, no process outlives it unseen.
            process.kill()
            await process.wait()
            self.state.pid, self.state.ready = None, False
            remove_pid_file(self._pid_file)
            if self.spec.tidy:
                await self.spec.tidy()
        self._failure = process.how_it_ended

    async def _probe(self) -> None:
        while self.spec.ready:
            try:
                async with asyncio.timeout(LONGEST_PROBE_S):
                    if await self.spec.ready():
                        break
            except TimeoutError:
                pass
            await asyncio.sleep(PROBE_PAUSE_S)
        self.state.ready = True
        self._tell(EventKind.READY, f"{self.spec.called} is ready")
        self._changed.set()

    async def _trim(self) -> None:
        while True:
            await asyncio.sleep(LOG_CHECK_S)
            trim(self.log, limit=LOG_LIMIT)

    async def _pause(self) -> None:
        """Tells of the death and waits before the next start, longer with every death of the last minute."""
        now = asyncio.get_running_loop().time()
        self._deaths.append(now)
        while self._deaths[0] < now - FLAP_WINDOW_S:
            self._deaths.popleft()
        self._attempt = self._attempt + 1 if len(self._deaths) > 1 else 2
        pause_s = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2 ** (len(self._deaths) - 1))
        self._tell(EventKind.DIED, f"{self.spec.called} {self._failure}; starting it again, attempt {self._attempt}")
        if len(self._deaths) >= FLAP_DEATHS and now - self._flap_told_at >= FLAP_WINDOW_S:
            self._flap_told_at = now
            self._tell(
                EventKind.FLAPPING,
                f"{self.spec.called} died {FLAP_DEATHS} times within a minute; it is tried again every {pause_s:g} s; "
                + self._evidence(),
            )
        self._changed.set()
        try:
            async with asyncio.timeout(pause_s):
                await self._stopping.wait()
        except TimeoutError:
            return

    def _evidence(self) -> str:
        lines = tail(self.log)
        said = f"last lines of {self.log}:\n  " + "\n  ".join(lines) if lines else f"its log {self.log} is empty"
        return f"{self.spec.advice}; {said}" if self.spec.advice else said

    def _tell(self, kind: EventKind, sentence: str) -> None:
        self._on_event(ChildEvent(kind, self.spec.name, sentence))


def trim(log: Path, *, limit: int) -> None:
    """Puts the content of a log aside as NAME.1 and empties it, when it is longer than the limit.

    Lines that are written meanwhile may be lost; the writer keeps the file open and goes on at its new end.

    Args:
        log: the file, opened for appending by its writer.
        limit: bytes that it may have.
    """
    if size_of(log) > limit:
        shutil.copy(log, aside(log))
        os.truncate(log, 0)


def aside(log: Path) -> Path:
    """Where the content before that of a log is kept."""
    return log.with_name(log.name + ".1")
