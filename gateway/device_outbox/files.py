"""Where outboxes lie: one file for each device in a folder, with a lock, so that nobody plays a device twice."""

import fcntl
import logging
import os
import sqlite3
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType

from gateway.device_outbox.store import Store
from gateway.errors import OutboxError, OutboxInUse

log = logging.getLogger(__name__)

SUFFIX = ".outbox"


class OutboxFile:
    """The outbox of a device that is being played; use it with `with`, or `open` and `close`."""

    def __init__(self, folder: Path | None, *, device: str, fsync: bool = True) -> None:
        """Say where it lies.

        Args:
            folder: of the outboxes, made when it is missing; None keeps it in memory.
            device: its name.
            fsync: as `Store` has it.
        """
        self._folder = folder
        self._device = device
        self._fsync = fsync
        self._lock: int | None = None
        self._store: Store | None = None

    def open(self) -> Store:
        """Lock and open it. A damaged file is moved aside, and an empty outbox begun in its place.

        Raises:
            OutboxInUse: another process plays this device from the same folder.
            OutboxError: the folder or the file cannot be used.
        """
        if self._folder is None:
            self._store = Store(None)
            return self._store
        file = self._folder / f"{self._device}{SUFFIX}"
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lock = os.open(file.with_suffix(".lock"), os.O_WRONLY | os.O_CREAT, 0o600)
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._store = self._opened(file)
        except BaseException as error:
            self.close()
            if isinstance(error, BlockingIOError):
                raise OutboxInUse(
                    f"another process plays {self._device} with the outbox {file}; end it, or use another folder"
                ) from None
            if isinstance(error, OSError | sqlite3.Error):
                words = getattr(error, "strerror", None) or error
                raise OutboxError(f"cannot use the outbox {file}: {words}; see its folder's owner and room") from error
            raise
        return self._store

    def close(self) -> None:
        """Close it and let others have it; harmless to repeat."""
        if self._store is not None:
            self._store.close()
        if self._lock is not None:
            os.close(self._lock)
        self._store = self._lock = None

    def __enter__(self) -> Store:
        return self.open()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _opened(self, file: Path) -> Store:
        try:
            return Store(file, fsync=self._fsync)
        except sqlite3.OperationalError:  # no room, no right: nothing is wrong with what is in it
            raise
        except sqlite3.DatabaseError as error:
            aside = _moved_aside(file)
            log.error(  # noqa: TRY400  the reason is in the sentence; the place in the code helps nobody
                "the outbox of %s was damaged (%s); it is kept as %s, and an empty one begun: "
                "what was not receipted before may be lost",
                self._device,
                error,
                aside,
                extra={"event": "outbox_damaged"},
            )
            return Store(file, fsync=self._fsync)


def _moved_aside(file: Path) -> Path:
    aside = file.with_name(f"{file.name}.damaged-{datetime.now(UTC):%Y%m%dT%H%M%S%f}")
    for end in ("", "-wal", "-shm"):
        with suppress(FileNotFoundError):
            file.with_name(file.name + end).replace(aside.with_name(aside.name + end))
    return aside


def outboxes_in(folder: Path) -> Iterator[tuple[str, Store]]:
    """Each outbox of a folder with its device, also while that device is being played; closed after its turn.

    Raises:
        OutboxError: there is none, or one cannot be read.
    """
    files = sorted(folder.glob(f"*{SUFFIX}"))
    if not files:
        raise OutboxError(f"there is no outbox in {folder}; give the folder that --state named")
    for file in files:
        try:
            store = Store(file)
        except sqlite3.Error as error:
            raise OutboxError(f"cannot read {file}: {error}; it is moved aside when its device starts") from error
        try:
            yield file.name.removesuffix(SUFFIX), store
        finally:
            store.close()
