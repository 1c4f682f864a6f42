"""Files that must be whole, private, or still there after a power cut."""

import os
from pathlib import Path


def replace_private(path: Path, text: str) -> None:
    """Writes a file that only its owner may read, whole or not at all.

    Args:
        path: where; what was there is replaced.
        text: the content.
    """
    unfinished = path.with_name(path.name + ".new")
    unfinished.unlink(missing_ok=True)
    unfinished.touch(mode=0o600)
    with unfinished.open("w", encoding="utf-8") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    unfinished.replace(path)
    fsync_folder(path.parent)


def fsync_folder(folder: Path) -> None:
    """Makes renames in a folder survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def size_of(path: Path) -> int:
    """Length of a file in bytes; one that is missing has none."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
