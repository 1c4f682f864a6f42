"""One child process of the event loop, started through `launch.py`, its exit seen through a pidfd without threads."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from ops.embedded.errors import EmbeddedError, SetupError
from ops.embedded.files import size_of
from ops.embedded.identity import SELF, Identity

LAUNCHER = Path(__file__).with_name("launch.py")
TAIL_LINES = 20


class Process:
    """A running child. It is told to end when the thread that started it ends, so start it from one that stays."""

    def __init__(self, popen: "subprocess.Popen[bytes]") -> None:
        self._popen = popen
        self._exited = asyncio.Event()
        self._pidfd = os.pidfd_open(popen.pid)
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._pidfd, self._on_exit)

    @classmethod
    def start(
        cls,
        argv: Sequence[str | Path],
        *,
        log: Path,
        death_signal: signal.Signals = signal.SIGTERM,
        identity: Identity = SELF,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> "Process":
        """Starts a child in a session of its own, so that a Ctrl-C in the terminal reaches it only through us.

        Args:
            argv: program, with its full path, and arguments.
            log: file that gets its output, appended; readable by its owner only.
            death_signal: what the kernel sends it when we are gone.
            identity: as whom it runs.
            env: its whole environment; by default ours.
            cwd: its working folder; by default `/`, so that no folder is held.

        Returns:
            The child, running.

        Raises:
            EmbeddedError: no process could be made, or its log could not be opened.
        """
        command = [sys.executable, "-I", "-S", str(LAUNCHER), str(os.getpid()), str(int(death_signal)), identity.word]
        try:
            output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
            try:
                popen = subprocess.Popen(  # noqa: S603  the command is ours
                    [*command, *map(str, argv)],
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    env=dict(env) if env is not None else None,
                    cwd=cwd or "/",
                    start_new_session=True,
                )
            finally:
                os.close(output)
        except OSError as error:
            raise EmbeddedError(f"cannot start {argv[0]} (log {log}): {error}") from error
        return cls(popen)

    @property
    def pid(self) -> int:
        """Process number."""
        return self._popen.pid

    @property
    def returncode(self) -> int | None:
        """Exit code, minus the number of the signal that killed it, or None while it runs."""
        return self._popen.returncode

    @property
    def how_it_ended(self) -> str:
        """Words for the exit, to follow the child's name."""
        code = self._popen.returncode
        if code is None:
            return "is running"
        if code >= 0:
            return f"ended with exit code {code}"
        if code == -signal.SIGKILL:
            return "was killed (signal 9)"
        return f"was ended by {signal.Signals(-code).name} (signal {-code})"

    async def wait(self) -> int:
        """Waits for the exit and returns its code."""
        await self._exited.wait()
        return self._popen.wait()

    async def wait_for(self, seconds: float) -> bool:
        """Waits for the exit at most so long, and says whether it came."""
        try:
            async with asyncio.timeout(seconds):
                await self._exited.wait()
        except TimeoutError:
            return False
        return True

    def send(self, number: signal.Signals) -> None:
        """Sends a signal, unless the child has ended."""
        self._popen.send_signal(number)

    def kill(self) -> None:
        """Kills the child and all that is still in its process group."""
        if self._popen.poll() is None:
            os.killpg(self._popen.pid, signal.SIGKILL)

    def _on_exit(self) -> None:
        self._loop.remove_reader(self._pidfd)
        os.close(self._pidfd)
        self._popen.wait()
        self._exited.set()


async def run_to_end(
    argv: Sequence[str | Path],
    *,
    log: Path,
    timeout_s: float,
    identity: Identity = SELF,
    env: Mapping[str, str] | None = None,
) -> None:
    """Runs a program that does its work and ends.

    Args:
        argv: program, with its full path, and arguments.
        log: file that gets its output, appended.
        timeout_s: after so many seconds it is killed.
        identity: as whom it runs.
        env: its whole environment; by default ours.

    Raises:
        SetupError: it failed or took too long; carries what it said.
    """
    before = size_of(log)
    process = Process.start(argv, log=log, identity=identity, env=env)
    try:
        in_time = await process.wait_for(timeout_s)
    finally:
        process.kill()
        await process.wait()
    if not in_time:
        raise SetupError(f"{Path(argv[0]).name} did not end within {timeout_s:g} s and was killed; see {log}")
    if process.returncode != 0:
        said = " / ".join(tail(log, after=before)) or "it said nothing"
        raise SetupError(f"{Path(argv[0]).name} {process.how_it_ended}: {said}; see {log}")


def tail(log: Path, *, lines: int = TAIL_LINES, after: int = 0) -> list[str]:
    """Reads the last lines of a log, empty ones left out.

    Args:
        log: the file; one that cannot be read has no lines.
        lines: at most so many.
        after: look only behind this position, in bytes.
    """
    try:
        with log.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(after, size - 64 * 1024))
            text = file.read().decode(errors="replace")
    except OSError:
        return []
    return [line for line in text.splitlines() if line.strip()][-lines:]


async def until(condition: Callable[[], bool], *, seconds: float) -> bool:
    """Looks at a condition again and again until it holds or time is up, and says whether it holds."""
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    pause = 0.01
    while not condition():
        if loop.time() >= end:
            return False
        await asyncio.sleep(pause)
        pause = min(pause * 1.5, 0.1)
    return True
