"""Processes that an earlier gengfu left in a data folder when it was killed: found, proved to be its own, stopped."""

import signal
from pathlib import Path

from ops.embedded.data_dir import DataDir
from ops.embedded.errors import EmbeddedError
from ops.embedded.pid_file import read_pid_file
from ops.embedded.process import until
from ops.embedded.procfs import ProcessMark, given, mark_of, send, working_in
from ops.embedded.spec import ChildEvent, EventKind, OnEvent

STOP_S = 15.0  # a PostgreSQL that still writes its last checkpoint may need it; nobody waits at a prompt here
KILL_S = 5.0
ORPHAN_S = 0.5  # backends without a postmaster notice that by themselves, unless they compute


async def stop_leftovers(folder: DataDir, *, on_event: OnEvent) -> None:
    """Stops what still runs for a data folder that we hold.

    Args:
        folder: the folder, held by us, so nobody can be using what is found.
        on_event: told of each process that is stopped.

    Raises:
        EmbeddedError: one cannot be stopped.
    """
    for path in sorted(folder.run.glob("*.pid")):
        found = read_pid_file(path)
        if found and found.mark.alive:
            await _stop(found.mark, name=path.stem, number=found.stop_signal, folder=folder.path, on_event=on_event)
        path.unlink(missing_ok=True)
    if postmaster := _postmaster(folder.postgres):
        await _stop(postmaster, name="postgres", number=signal.SIGINT, folder=folder.path, on_event=on_event)
    await clear_postgres(folder.postgres)


async def clear_postgres(data: Path) -> None:
    """Makes way for a new PostgreSQL after its main process is gone: ends its orphans and removes its stale lock file.

    A new server refuses to start while an orphan still holds the old one's shared memory, or while another process has
    by chance got the number in the lock file.

    Args:
        data: the data folder.

    Raises:
        EmbeddedError: a process does not go away.
    """
    for number, seconds in ((None, ORPHAN_S), (signal.SIGQUIT, ORPHAN_S), (signal.SIGKILL, KILL_S)):
        for mark in _servers(data):
            if number:
                _send(mark, number, folder=data)
        if await until(lambda: not _servers(data), seconds=seconds):
            _remove_lock_file(data)
            return
    left = ", ".join(str(mark.pid) for mark in _servers(data))
    raise EmbeddedError(f"old PostgreSQL processes ({left}) in {data} do not go away; stop them with: kill -9 {left}")


def _remove_lock_file(data: Path) -> None:
    (data / "postmaster.pid").unlink(missing_ok=True)


def _servers(data: Path) -> list[ProcessMark]:
    return working_in(data, program="postgres")


async def clear_initdb(data: Path) -> None:
    """Ends an initdb that still works on a data folder, and the servers that it started.

    Args:
        data: the unfinished data folder, which may be thrown away.

    Raises:
        EmbeddedError: a process does not go away.
    """

    def at_work() -> list[ProcessMark]:
        return [*given(str(data), program="initdb"), *_servers(data)]

    for mark in at_work():
        _send(mark, signal.SIGKILL, folder=data)
    if not await until(lambda: not at_work(), seconds=KILL_S):
        left = ", ".join(str(mark.pid) for mark in at_work())
        raise EmbeddedError(f"an initdb ({left}) still works in {data}; stop it with: kill -9 {left}")


def _postmaster(data: Path) -> ProcessMark | None:
    """The main process that the data folder's lock file names, if it runs there."""
    try:
        pid = int((data / "postmaster.pid").read_text(encoding="utf-8", errors="replace").split("\n", maxsplit=1)[0])
    except (OSError, ValueError):
        return None
    mark = mark_of(pid)
    return mark if mark and mark in _servers(data) else None


async def _stop(mark: ProcessMark, *, name: str, number: signal.Signals, folder: Path, on_event: OnEvent) -> None:
    on_event(
        ChildEvent(
            EventKind.LEFTOVER,
            name,
            f"an earlier gengfu left {name} (process {mark.pid}) running in {folder}; stopping it",
        )
    )
    for signal_number, seconds in ((number, STOP_S), (signal.SIGKILL, KILL_S)):
        _send(mark, signal_number, folder=folder)
        if await until(lambda: not mark.alive, seconds=seconds):
            return
    raise EmbeddedError(f"process {mark.pid} ({name}) in {folder} does not go away; stop it with: kill -9 {mark.pid}")


def _send(mark: ProcessMark, number: signal.Signals, *, folder: Path) -> None:
    try:
        send(mark, number)
    except PermissionError as error:
        raise EmbeddedError(
            f"process {mark.pid} still works in {folder} and belongs to another user; stop it as that user or as root"
        ) from error
