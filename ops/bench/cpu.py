"""CPU time and memory of processes, read from /proc and from cgroups.

A PostgreSQL server is a tree: sessions come and go, and what a finished one used is with the parent that collected it.
"""

import os
from collections.abc import Callable, Mapping
from pathlib import Path

from ops.bench.errors import BenchError

PROC = Path("/proc")
TICKS_PER_S = os.sysconf("SC_CLK_TCK")
UTIME, STIME, CUTIME, CSTIME = 11, 12, 13, 14  # places behind the bracketed name in /proc/PID/stat
PPID = 1

Clock = Callable[[], float]


def of_tree(pid: int) -> float:
    """CPU seconds of a process, of all below it, and of those below it that have ended and were collected.

    Raises:
        BenchError: there is no such process.
    """
    stats = _stats()
    if pid not in stats:
        raise BenchError(f"process {pid} is gone, so its CPU time cannot be read; see its log, or give another number")
    children: dict[int, list[int]] = {}
    for number, fields in stats.items():
        children.setdefault(int(fields[PPID]), []).append(number)
    ticks, waiting = 0, [pid]
    while waiting:
        number = waiting.pop()
        ticks += sum(int(stats[number][place]) for place in (UTIME, STIME, CUTIME, CSTIME))
        waiting += children.get(number, ())
    return ticks / TICKS_PER_S


def _stats() -> dict[int, list[str]]:
    """Fields behind the name, by process."""
    found = {}
    for entry in PROC.iterdir():
        if entry.name.isdecimal():
            try:
                text = (entry / "stat").read_text(errors="replace")
            except OSError:
                continue  # it ended meanwhile
            found[int(entry.name)] = text.rpartition(")")[2].split()
    return found


def of_cgroup(folder: Path) -> float:
    """CPU seconds of a control group (version 2), by its `cpu.stat`.

    Raises:
        BenchError: it cannot be read.
    """
    file = folder / "cpu.stat"
    try:
        values = dict(line.split() for line in file.read_text(encoding="ascii").splitlines())
        return int(values["usage_usec"]) / 1e6
    except (OSError, ValueError, KeyError) as error:
        raise BenchError(
            f"{file} gives no CPU time ({error}); give the folder of a version 2 control group, such as "
            f"/sys/fs/cgroup/system.slice/postgresql.service"
        ) from error


def peak_memory_mb(pid: int) -> float:
    """The most memory (1,000,000 bytes) that a process has had resident so far."""
    try:
        lines = (PROC / str(pid) / "status").read_text(errors="replace").splitlines()
    except OSError:
        return 0.0
    kib = next((int(line.split()[1]) for line in lines if line.startswith("VmHWM:")), 0)
    return kib * 1024 / 1e6


def clock_of(*, pids: tuple[int, ...] = (), cgroup: Path | None = None) -> Clock | None:
    """How to read the CPU seconds of one party; None when nothing is known of it."""
    if cgroup is not None:
        return lambda: of_cgroup(cgroup)
    if pids:
        return lambda: sum(of_tree(pid) for pid in pids)
    return None


def read_all(clocks: Mapping[str, Clock | None]) -> dict[str, float]:
    """CPU seconds by party, of those that can be read."""
    return {name: clock() for name, clock in clocks.items() if clock is not None}


def per_million(before: Mapping[str, float], after: Mapping[str, float], *, messages: int) -> dict[str, float]:
    """CPU seconds for each million of messages, by party."""
    if messages <= 0:
        return {}
    return {name: (after[name] - before[name]) / messages * 1e6 for name in after if name in before}
