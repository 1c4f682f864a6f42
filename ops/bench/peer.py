"""A process of the measurement's own that is told what to do and tells how far it is, one JSON object a line."""

import asyncio
import contextlib
import json
import os
import signal
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from ops.bench.errors import BenchError
from ops.embedded.process import LAUNCHER, tail

STOP_S = 5.0  # so long one may take to end when its input ends
LINE_BYTES = 1 << 20

Words = dict[str, Any]


class Peer:
    """Our side: starts `python -m MODULE`, which dies with us. Use it with `async with`."""

    def __init__(self, module: str, *, log: Path, settings: Mapping[str, object]) -> None:
        """Remembers what to run.

        Args:
            module: its name.
            log: gets what it says on stderr.
            settings: its first line.
        """
        self._module = module
        self._log = log
        self._settings = dict(settings)
        self.heard: Words = {}
        self._changed = asyncio.Event()
        self._ended = False

    async def __aenter__(self) -> Self:
        command = [sys.executable, "-I", "-S", str(LAUNCHER), str(os.getpid()), str(int(signal.SIGTERM)), "self"]
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *command,
                sys.executable,
                "-m",
                self._module,
                stdin=PIPE,
                stdout=PIPE,
                stderr=log,
                start_new_session=True,
                limit=LINE_BYTES,
            )
        self._tasks = asyncio.TaskGroup()
        await self._tasks.__aenter__()
        self._tasks.create_task(self._listen(), name=f"what {self._module} says")
        self.tell(**self._settings)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # The reader ends by itself when the process has, so that nothing is left even when we were cancelled.
        await asyncio.shield(self._stop())
        await self._tasks.__aexit__(None, None, None)

    @property
    def pid(self) -> int:
        """Process number."""
        return self._process.pid

    def tell(self, **words: object) -> None:
        """Say something to it."""
        if self._process.stdin and not self._ended:
            self._process.stdin.write(json.dumps(words).encode() + b"\n")

    async def hears(self, key: str, *, within_s: float) -> Any:
        """Wait until it has said something under this key, and take it.

        Raises:
            BenchError: it ended, or did not say it in time.
        """
        try:
            async with asyncio.timeout(within_s):
                while key not in self.heard:
                    self._changed.clear()
                    if self._ended:
                        raise BenchError(f"{self._module} ended before it said {key!r}; {self._evidence()}")
                    await self._changed.wait()
        except TimeoutError:
            raise BenchError(f"{self._module} did not say {key!r} within {within_s:g} s; {self._evidence()}") from None
        return self.heard.pop(key)

    def check(self) -> None:
        """See that it still runs.

        Raises:
            BenchError: it does not.
        """
        if self._ended:
            raise BenchError(f"{self._module} ended by itself; {self._evidence()}")

    async def _listen(self) -> None:
        output = self._process.stdout
        while output and (line := await output.readline()):
            self.heard |= json.loads(line)
            self._changed.set()
        self._ended = True
        self._changed.set()

    async def _stop(self) -> None:
        if self._process.stdin:
            self._process.stdin.close()
        try:
            async with asyncio.timeout(STOP_S):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
            await self._process.wait()

    def _evidence(self) -> str:
        return "it said: " + (" / ".join(tail(self._log)) or f"nothing, see {self._log}")


async def orders() -> AsyncIterator[Words]:
    """The other side: what we are told, line by line, until nobody is there to tell."""
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        yield json.loads(line)


def say(**words: object) -> None:
    """The other side: say something; nobody there to hear it is no error, our input ends next."""
    with contextlib.suppress(BrokenPipeError):
        sys.stdout.write(json.dumps(words) + "\n")
        sys.stdout.flush()
