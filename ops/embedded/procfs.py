"""What /proc tells of processes: whether one is still the one that was meant, and who works in a folder."""

import os
import signal
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class ProcessMark:
    """A process that cannot be taken for another, even when its number has been given out again.

    Attributes:
        pid: process number.
        boot: id of the boot of the machine in which it was started.
        start_ticks: its start, in clock ticks since that boot.
    """

    pid: int
    boot: str
    start_ticks: int

    @property
    def alive(self) -> bool:
        """Whether that very process still runs; one that is dead but not yet collected does not."""
        return mark_of(self.pid) == self


def mark_of(pid: int) -> ProcessMark | None:
    """Marks a running process.

    Args:
        pid: its number.

    Returns:
        The mark, or None when there is no such process or only its remains.
    """
    try:
        # The name in brackets may hold anything, so count from the last bracket: state is field 3, start is field 22.
        fields = (PROC / str(pid) / "stat").read_text(errors="replace").rpartition(")")[2].split()
        boot = (PROC / "sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return None
    if fields[0] in "ZX":
        return None
    return ProcessMark(pid, boot, int(fields[19]))


def working_in(folder: Path, *, program: str) -> list[ProcessMark]:
    """Finds the processes of a program that work in a folder, as all parts of a PostgreSQL server do in its data.

    Args:
        folder: the working folder.
        program: file name of the program; a shell that somebody left in the folder is not meant.
    """
    meant = str(folder.resolve())
    marks = []
    for entry in PROC.iterdir():
        if not entry.name.isdecimal():
            continue
        try:
            works_here = str((entry / "cwd").readlink()) == meant
            runs = (entry / "exe").readlink().name.removesuffix(" (deleted)") if works_here else ""
        except OSError:
            continue  # gone meanwhile, or somebody else's
        if runs == program and (mark := mark_of(int(entry.name))):
            marks.append(mark)
    return marks


def given(argument: str, *, program: str) -> list[ProcessMark]:
    """Finds the processes of a program that were started with this argument.

    Args:
        argument: the whole argument.
        program: file name of the program.
    """
    marks = []
    for entry in PROC.iterdir():
        if not entry.name.isdecimal():
            continue
        try:
            words = (entry / "cmdline").read_bytes().decode(errors="replace").split("\0")
        except OSError:
            continue
        if Path(words[0]).name == program and argument in words and (mark := mark_of(int(entry.name))):
            marks.append(mark)
    return marks


def send(mark: ProcessMark, number: signal.Signals) -> bool:
    """Sends a signal to a process if it is still that one.

    Returns:
        Whether it was sent.

    Raises:
        PermissionError: it belongs to another user.
    """
    if not mark.alive:
        return False
    try:
        os.kill(mark.pid, number)
    except ProcessLookupError:
        return False
    return True
