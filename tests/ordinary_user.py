"""Running gengfu as another account than root, for the tests that root makes of that."""

import shutil
import sys
from pathlib import Path

import pytest

import ops
from ops.embedded.identity import may_enter


def runnable_python(*, uid: int, gid: int) -> Path:
    """Finds a Python of this version that another account may run; skips the test when there is none."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for place in (
        sys.executable,
        f"/usr/bin/{version}",
        f"/usr/local/bin/{version}",
        shutil.which(version) or sys.executable,
    ):
        if Path(place).exists() and may_enter(Path(place).resolve().parent, uid=uid, gid=gid):
            return Path(place)
    pytest.skip(f"no {version} that user {uid} may run")


def import_path(*, uid: int, gid: int) -> str:
    """PYTHONPATH for another account; skips the test when it may not read gengfu or its dependencies."""
    folders = [Path(ops.__file__).parent.parent, Path(pytest.__file__).parent.parent]
    for folder in folders:
        if not may_enter(folder, uid=uid, gid=gid):
            pytest.skip(f"{folder} is closed to user {uid}")
    return ":".join(map(str, folders))
