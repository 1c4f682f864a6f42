"""Pid files that name one process for certain, by number, boot and start, and the signal that ends it in good order."""

import signal
from dataclasses import dataclass
from pathlib import Path

from ops.embedded.procfs import ProcessMark, mark_of


@dataclass(frozen=True, slots=True)
class PidFile:
    """What a pid file says.

    Attributes:
        mark: the process.
        stop_signal: what ends it in good order.
    """

    mark: ProcessMark
    stop_signal: signal.Signals


def write_pid_file(path: Path, *, pid: int, stop_signal: signal.Signals) -> None:
    """Writes the pid file of a running child; does nothing when the child has ended already.

    Args:
        path: where.
        pid: the child's number.
        stop_signal: what ends it in good order.
    """
    mark = mark_of(pid)
    if mark is None:
        return
    unfinished = path.with_name(path.name + ".new")
    unfinished.write_text(f"{mark.pid}\n{mark.boot} {mark.start_ticks}\n{stop_signal.name}\n", encoding="ascii")
    unfinished.replace(path)


def read_pid_file(path: Path) -> PidFile | None:
    """Reads a pid file.

    Args:
        path: where it should be.

    Returns:
        What it says, or None when it is missing or not one of ours.
    """
    try:
        pid, start, name = path.read_text(encoding="ascii").splitlines()
        boot, ticks = start.split()
        return PidFile(ProcessMark(int(pid), boot, int(ticks)), signal.Signals[name])
    except (OSError, ValueError, KeyError):
        return None


def remove_pid_file(path: Path) -> None:
    """Removes a pid file if it is there."""
    path.unlink(missing_ok=True)
