"""A small disk that can be full: a tmpfs, where root may mount one."""

import os
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

MIB = 1 << 20


class Tmpfs:
    """A file system of a fixed size."""

    def __init__(self, folder: Path, *, size_mib: int) -> None:
        self.folder = folder
        self.size_mib = size_mib

    def mounted(self) -> Callable[[], None]:
        """Mount it, and return what unmounts it."""
        self.folder.mkdir(parents=True)
        _call("mount", "-t", "tmpfs", "-o", f"size={self.size_mib}m,mode=755", "tmpfs", str(self.folder))
        return self.unmount

    def unmount(self) -> None:
        """Take it away, also from under a process that has not quite ended."""
        _call("umount", "--lazy", str(self.folder))

    def resize(self, *, size_mib: int) -> None:
        """Make it larger."""
        _call("mount", "-o", f"remount,size={size_mib}m", str(self.folder))


def cannot_mount() -> str:
    """Why no small disk can be made here; empty when one can."""
    if os.geteuid() != 0:
        return "a disk that is full needs a tmpfs, which only root may mount"
    with tempfile.TemporaryDirectory() as folder:
        disk = Tmpfs(Path(folder) / "disk", size_mib=1)
        try:
            disk.mounted()()
        except (OSError, subprocess.CalledProcessError) as error:
            return f"a disk that is full needs a tmpfs, which cannot be mounted here: {error}"
    return ""


def _call(*words: str) -> None:
    subprocess.run(words, check=True, capture_output=True)
