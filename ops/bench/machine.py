"""What the figures were measured on: the machine, the versions, the configuration."""

import asyncio
import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from ops.bench.stage import Stage
from ops.embedded.binaries import find_mosquitto, find_nats
from ops.embedded.errors import EmbeddedError
from ops.embedded.mosquitto import version_of

PACKAGES = ("gengfu", "msgspec", "numpy", "psycopg", "pydantic", "uvloop")
ASK_S = 10.0


async def describe(stage: Stage) -> dict[str, Any]:
    """Machine, versions and configuration, for the report."""
    database = stage.database
    return {
        "machine": machine(stage.folder.path),
        "versions": {
            "python": platform.python_version(),
            **{name: found for name in PACKAGES if (found := _version(name))},
            **({} if stage.given else {stage.kind: await asyncio.to_thread(broker_version, stage.kind)}),
            "postgresql": database.version,
            **({"timescaledb": database.config["timescaledb"]} if "timescaledb" in database.config else {}),
        },
        "config": {
            "postgresql": {name: value for name, value in database.config.items() if name != "timescaledb"},
            "ingest": stage.settings.ingest.model_dump(exclude={"worker", "workers"}),
            "world": dict(database.world),
        },
    }


def machine(folder: Path) -> dict[str, Any]:
    """Processors, memory, kernel, how busy it is, and on what the files lie."""
    model = next((line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if "model name" in line), "")
    memory_kib = next((int(line.split()[1]) for line in _lines("/proc/meminfo") if line.startswith("MemTotal:")), 0)
    return {
        "cpus": len(os.sched_getaffinity(0)),
        "processor": model or platform.machine(),
        "memory_mb": memory_kib * 1024 // 1_000_000,
        "kernel": platform.release(),
        "file_system": file_system(folder),
        "load_average": round(os.getloadavg()[0], 1),
    }


def file_system(folder: Path) -> str:
    """Kind of the file system that holds a folder; on a tmpfs an fsync costs nothing and the figures flatter."""
    resolved = folder.resolve()
    best, kind = Path(), ""
    for line in _lines("/proc/self/mounts"):
        _, place, its_kind, *_ = line.split()
        mount = Path(place.replace("\\040", " "))
        if resolved.is_relative_to(mount) and len(mount.parts) >= len(best.parts):
            best, kind = mount, its_kind
    return kind


def broker_version(kind: str) -> str:
    """Version of the broker's program, empty when it does not say."""
    try:
        if kind == "mosquitto":
            return version_of(find_mosquitto())
        said = subprocess.run([find_nats(), "--version"], capture_output=True, text=True, timeout=ASK_S, check=False)  # noqa: S603  found by us
    except (EmbeddedError, OSError, subprocess.TimeoutExpired):
        return ""
    return said.stdout.rpartition(" ")[2].strip().removeprefix("v")


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
