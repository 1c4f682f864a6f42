"""The table of one device's outbox: SQLite in a file or in memory; knows nothing of brokers, receipts or time."""

import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from gateway.accounts import LANES, Lane
from gateway.errors import OutboxError
from ingest.queries import load_queries

Key = tuple[int, int]
"""`boot` and `seq` of a reading; keys rise in the order in which a device says things."""

TOP: Key = (2**40, 0)  # above every key
VERSION = 1  # of the file's layout
BUSY_MS = 2000  # that a command beside a running device may hold it up

_SQL = {name: text.decode() for name, text in load_queries("gateway.device_outbox", "store.sql").items()}


@dataclass(frozen=True, slots=True)
class Entry:
    """One reading in the outbox, as JSON with its counters in it."""

    lane: Lane
    key: Key
    reading: bytes
    tries: int = 0
    thins: bool = False


@dataclass(frozen=True)
class Status:
    """How an outbox stands.

    Attributes:
        waiting: readings that no receipt has covered, by lane.
        parked: readings that were put aside.
        payload_bytes: of all of them.
        thinned: readings that were dropped for want of room, in the outbox's whole life.
        oldest: the time in the oldest reading, as the device wrote it.
        newest: likewise.
    """

    waiting: dict[Lane, int]
    parked: int
    payload_bytes: int
    thinned: int
    oldest: str | int | None
    newest: str | int | None


class Store:
    """Rows, and their numbers by heart. A method that returns has committed."""

    def __init__(self, file: Path | None, *, fsync: bool = True) -> None:
        """Open it, or make it.

        Args:
            file: None for one in memory, which ends with the process.
            fsync: an added row survives a loss of power; without it, only the end of this process.

        Raises:
            sqlite3.DatabaseError: the file is damaged.
            OutboxError: it cannot be opened, or a later version made it.
        """
        self.waiting: dict[Lane, int] = dict.fromkeys(LANES, 0)
        self.parked = 0
        self.payload_bytes = 0
        self._file = file
        self._careful = fsync and file is not None
        self._data_version = 0
        if file is not None:
            os.close(os.open(file, os.O_WRONLY | os.O_CREAT, 0o600))
        self._db = sqlite3.connect(file or ":memory:", isolation_level=None, check_same_thread=False)
        try:
            self._prepare()
        except BaseException:
            self._db.close()
            raise

    def _prepare(self) -> None:
        self._db.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = NORMAL")  # a row deleted in vain is only sent again
        (version,) = self._db.execute("PRAGMA user_version").fetchone()
        if version not in {0, VERSION}:
            raise OutboxError(f"{self._file} was made by a later gengfu (layout {version}); use that one")
        (found,) = self._db.execute("PRAGMA quick_check(1)").fetchone()
        if found != "ok":
            raise sqlite3.DatabaseError(found)
        self._db.execute(_SQL["schema"])
        self._db.execute(_SQL["tally"])
        self._db.execute(f"PRAGMA user_version = {VERSION}")
        self._recount()

    def close(self) -> None:
        """Close it; harmless to repeat."""
        self._db.close()

    @property
    def entries(self) -> int:
        """Rows, parked or not."""
        return sum(self.waiting.values()) + self.parked

    def add(self, entries: Sequence[Entry]) -> None:
        """Keep new readings; with `fsync` they are on the disk when this returns."""
        with self._writing(careful=self._careful):
            self._db.executemany(
                _SQL["add"], [(one.lane, *one.key, one.thins, memoryview(one.reading)) for one in entries]
            )
        for one in entries:
            self.waiting[one.lane] += 1
            self.payload_bytes += len(one.reading)

    def newest(self, lane: Lane, *, below: Key, most: int) -> list[Entry]:
        """What waits on a lane and was said before `below`, the newest first."""
        values = {"lane": lane, "boot": below[0], "seq": below[1], "most": most}
        return [
            Entry(lane, (boot, seq), reading, tries) for boot, seq, tries, reading in self._rows(_SQL["newest"], values)
        ]

    def forget(self, boot: int, ranges: Iterable[Sequence[int]]) -> list[tuple[Lane, Key]]:
        """Delete what a receipt covers; returns what was there."""
        gone: list[tuple[Lane, Key]] = []
        with self._writing():
            for first, last in ranges:
                values = {"boot": boot, "first": first, "last": last}
                for lane, of_boot, seq, parked, size in self._db.execute(_SQL["forget"], values).fetchall():
                    gone.append((lane, (of_boot, seq)))
                    self._took_away(lane, size, parked=parked)
        return gone

    def count_try(self, lane: Lane, keys: Iterable[Key], *, most: int) -> int:
        """Count a try that was in vain, and park what has had `most` of them; returns how many were parked."""
        parked = 0
        with self._writing():
            for boot, seq in keys:
                row = self._db.execute(_SQL["try"], (most, lane, boot, seq)).fetchone()
                parked += row[0] if row else 0
        self.waiting[lane] -= parked
        self.parked += parked
        return parked

    def requeue(self) -> int:
        """Let everything that is parked be sent again; returns how many."""
        with self._writing(careful=self._careful):
            number = self._db.execute(_SQL["requeue"]).rowcount
        self._recount()
        return number

    def put_aside(self) -> Iterator[Entry]:
        """What is parked, the oldest first."""
        for lane, boot, seq, tries, reading in self._rows(_SQL["parked"], {}):
            yield Entry(lane, (boot, seq), reading, tries)

    def thin(self, number: int) -> list[Key]:
        """Drop every second of the oldest readings that may be dropped, at most `number`; returns which."""
        gone: list[Key] = []
        with self._writing():
            for boot, seq, parked, size in self._db.execute(_SQL["thin"], {"number": number}).fetchall():
                gone.append((boot, seq))
                self._took_away("up", size, parked=parked)
            self._db.execute(_SQL["count"], {"name": "thinned", "by": len(gone)})
        return gone

    def changed_elsewhere(self) -> bool:
        """Whether another process has written to the file since this was last asked."""
        (now,) = self._db.execute("PRAGMA data_version").fetchone()
        before, self._data_version = self._data_version, now
        if now != before:
            self._recount()
        return bool(now != before)

    def last_boot(self) -> int:
        """The highest `boot` of any row, 0 when there is none."""
        return int(self._db.execute(_SQL["last_boot"]).fetchone()[0] or 0)

    def status(self) -> Status:
        """How it stands."""
        self._recount()
        oldest, newest = (_time_of(reading) for reading in self._db.execute(_SQL["ends"]).fetchone())
        row = self._db.execute(_SQL["counted"], {"name": "thinned"}).fetchone()
        return Status(dict(self.waiting), self.parked, self.payload_bytes, row[0] if row else 0, oldest, newest)

    def _recount(self) -> None:
        self.waiting = dict.fromkeys(LANES, 0)
        self.parked = self.payload_bytes = 0
        for lane, waiting, parked, size in self._rows(_SQL["totals"], {}):
            self.waiting[lane] = waiting
            self.parked += parked
            self.payload_bytes += size
        (self._data_version,) = self._db.execute("PRAGMA data_version").fetchone()

    def _took_away(self, lane: Lane, size: int, *, parked: bool) -> None:
        self.payload_bytes -= size
        if parked:
            self.parked -= 1
        else:
            self.waiting[lane] -= 1

    def _rows(self, statement: str, values: dict[str, Any]) -> list[Any]:
        return self._db.execute(statement, values).fetchall()

    @contextmanager
    def _writing(self, *, careful: bool = False) -> Iterator[None]:
        try:
            if careful:
                self._db.execute("PRAGMA synchronous = FULL")
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise
        except sqlite3.Error as error:
            self._recount()
            raise OutboxError(
                f"cannot write to the outbox {self._file or 'in memory'}: {error}; "
                "see that the disk has room and that the file may be written"
            ) from error
        finally:
            if careful:
                self._db.execute("PRAGMA synchronous = NORMAL")


def _time_of(reading: bytes | None) -> str | int | None:
    time = msgspec.json.decode(reading).get("t") if reading else None
    return time if isinstance(time, str | int) else None
