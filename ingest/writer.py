"""One transaction per batch: readings, last known, dirty marks, quarantine, counters, progress."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from typing import Any

import numpy as np

from devices.plausibility import Flag
from ingest.columns import Ints, Positions, microseconds, moment_of
from ingest.database import Connection
from ingest.decode import Quarantined
from ingest.excess import note
from ingest.late import count_late
from ingest.ledger import Sheet
from ingest.match import Mark
from ingest.mode import Mode
from ingest.newest import heard_of, newest_of
from ingest.others import Other
from ingest.pack import copy_rows, time_array
from ingest.progress import Place, committed
from ingest.queries import load_queries
from ingest.withheld import Withheld, write_withheld

_SQL = load_queries("ingest", "writer.sql")
_READING_TYPES = ("int4", "timestamptz", "int4", "text", "int4", "int4", "int2", *["int4"] * 3, "timestamptz", "jsonb")
_HOUR_US = 3_600_000_000
_DAY_US = 24 * _HOUR_US
DAYS = 200  # that one transaction writes into: each partition costs locks, of which a server has some thousands


@dataclass
class Batch:
    """All that one transaction writes.

    Attributes:
        positions: every accepted fix, ordered by device, time and digest, repetitions and all.
        fresh: those of them that the database is asked to keep: each key once.
        others: accepted readings of other types, in order.
        received: readings, counted where they were decoded, apart from what became of them.
        marks: what to judge anew.
        quarantined: what was refused.
        ignored: what was left out, by reason.
        excess: readings beyond the allowance, by device number; they are among the quarantined.
        withheld: what is sealed instead of stored.
        released: all of it was sealed before, and was counted then.
    """

    positions: Positions
    fresh: Positions
    others: list[Other]
    received: int
    marks: list[Mark] = field(default_factory=list)
    quarantined: list[Quarantined] = field(default_factory=list)
    ignored: Counter[str] = field(default_factory=Counter)
    excess: Counter[int] = field(default_factory=Counter)
    withheld: Withheld | None = None
    released: bool = False

    @property
    def readings(self) -> int:
        """How many were accepted."""
        return len(self.positions) + len(self.others)

    def parts(self) -> "list[Batch]":
        """The batch as transactions that a server can do: by days when it has very many, else itself.

        Each part adds up by itself. The last one carries all that has no day, and the marks: what they wake must find
        the readings there.
        """
        times_us = self.times_us()
        if not len(times_us) or times_us.max() - times_us.min() < DAYS * _DAY_US:
            return [self]
        days = np.unique(times_us // _DAY_US)
        *parts, last = [self._of_days(set(days[start : start + DAYS].tolist())) for start in range(0, len(days), DAYS)]
        received = self.received - sum(part.received for part in parts)
        rest = replace(self, received=received, positions=last.positions, fresh=last.fresh, others=last.others)
        return [*parts, rest]

    def _of_days(self, days: set[int]) -> "Batch":
        wanted = np.array(sorted(days), np.int64)
        positions, fresh = (
            some.take(np.isin(some.time_us // _DAY_US, wanted)) for some in (self.positions, self.fresh)
        )
        others = [other for other in self.others if microseconds(other.time) // _DAY_US in days]
        return Batch(positions, fresh, others, received=len(positions) + len(others), released=self.released)

    def times(self) -> list[datetime]:
        """A time in each day that the batch touches, and perhaps more."""
        days = np.unique(self.positions.time_us // _DAY_US).tolist()
        return [moment_of(day * _DAY_US) for day in days] + [other.time for other in self.others]

    @cached_property
    def stream(self) -> bytes:
        """The fresh rows for COPY; packed once, however often the transaction is tried."""
        return copy_rows(self.fresh)

    @cached_property
    def newest(self) -> dict[str, Any] | None:
        """Parameters of `last_positions`."""
        return newest_of(self.positions)

    @cached_property
    def heard(self) -> dict[str, Any] | None:
        """Parameters of `last_heard`: devices that did not say where they are."""
        nowhere = self.positions.take(self.positions.flags & int(Flag.NULL_ISLAND) != 0)
        received: Ints = np.array([microseconds(other.received_at) for other in self.others], np.int64)
        devices = np.array([other.device for other in self.others], np.int64)
        sealed = self.withheld.heard() if self.withheld else (devices[:0], received[:0])
        return heard_of(
            np.concatenate((devices, nowhere.device, sealed[0])),
            np.concatenate((received, nowhere.received_us, sealed[1])),
        )

    def times_us(self) -> Ints:
        """The times of all readings, microseconds since 1970."""
        others = np.array([microseconds(other.time) for other in self.others], np.int64)
        return np.concatenate([self.positions.time_us, others])


@dataclass(frozen=True)
class Written:
    """What became of a batch.

    Attributes:
        sheet: of its readings.
        offered: positions that the database was asked to keep.
        found: how many of those it had.
    """

    sheet: Sheet
    offered: int = 0
    found: int = 0


async def prepare(connection: Connection) -> None:
    """Make the connection's own staging tables; once per connection, before any `write`."""
    await connection.execute(_SQL["stage_positions"])
    await connection.execute(_SQL["stage_readings"])


async def write(connection: Connection, batch: Batch, place: Place, *, mode: Mode) -> Written:
    """Write a batch in the transaction that the caller holds.

    Args:
        connection: in a transaction, and prepared.
        batch: what to write; the partitions of its times exist.
        place: for counters and progress.
        mode: the way of the positions.

    Returns:
        What became of its readings.

    Raises:
        psycopg.errors.UniqueViolation: in mode `direct`, a position is there already; the transaction is lost.
        PictureStale: hours of duty changed since the batch was matched; the transaction is lost.
    """
    sealed = await write_withheld(connection, batch.withheld) if batch.withheld else 0
    positions = await _write_positions(connection, batch.fresh, batch, mode)
    kept = positions + await _write_others(connection, batch.others)
    offered = len(batch.fresh)
    written = Written(_sheet(batch, kept, sealed=sealed), offered=offered, found=offered - positions)
    async with connection.pipeline():  # nobody waits for an answer from here on, so all go out together
        await _write_rest(connection, batch, written, place)
    return written


def _sheet(batch: Batch, kept: int, *, sealed: int) -> Sheet:
    if batch.released:
        return Sheet(received=0, released=batch.readings)
    quarantined: Counter[str] = Counter()
    for one in batch.quarantined:
        quarantined[one.refusal.reason] += one.readings
    return Sheet(
        received=batch.received,
        stored=kept,
        repeated=batch.readings - kept + (len(batch.withheld) - sealed if batch.withheld else 0),
        quarantined=quarantined,
        ignored=batch.ignored,
        withheld=sealed,
    )


async def _write_rest(connection: Connection, batch: Batch, written: Written, place: Place) -> None:
    if batch.newest and batch.heard:
        both = {"placed": batch.newest["device"], "heard": batch.heard["device"]}
        await connection.execute(_SQL["hold_known"], both)
    if batch.newest:
        await connection.execute(_SQL["last_positions"], batch.newest)
    if batch.heard:
        await connection.execute(_SQL["last_heard"], batch.heard)
    if batch.others:
        await connection.execute(_SQL["last_batteries"])
        await connection.execute(_SQL["last_charges"])
        await connection.execute(_SQL["last_equipment"])
    await _touch_hours(connection, batch.fresh)
    await _write_marks(connection, batch.marks)
    await _write_quarantine(connection, batch.quarantined)
    await note(connection, place.worker, batch.excess)
    await _write_counters(connection, written.sheet, place)
    await committed(connection, place)
    await count_late(connection, batch.times_us(), worker=place.worker, lane=place.lane)
    if batch.marks:
        await connection.execute("NOTIFY gengfu_dirty")


async def _write_positions(connection: Connection, fresh: Positions, batch: Batch, mode: Mode) -> int:
    if not len(fresh):
        return 0
    cursor = connection.cursor()
    async with cursor.copy(_SQL[f"copy_{mode}"]) as copy:
        await copy.write(batch.stream)
    if mode == "direct":
        return cursor.rowcount
    return (await connection.execute(_SQL["keep_positions"])).rowcount


async def _touch_hours(connection: Connection, fresh: Positions) -> None:
    if len(fresh):
        hours = np.unique(fresh.time_us // _HOUR_US) * _HOUR_US
        await connection.execute(_SQL["touch_hours"], {"hours": time_array(hours)})


async def _write_others(connection: Connection, others: Sequence[Other]) -> int:
    if not others:
        return 0
    cursor = connection.cursor()
    async with cursor.copy(_SQL["copy_reading"]) as copy:
        copy.set_types(_READING_TYPES)
        for other in others:
            await copy.write_row(other.row())
    return (await connection.execute(_SQL["keep_readings"])).rowcount


async def _write_marks(connection: Connection, marks: Sequence[Mark]) -> None:
    if marks:
        columns = {
            "kinds": [mark.kind for mark in marks],
            "subjects": [mark.subject for mark in marks],
            "froms": [mark.window_from for mark in marks],
            "tos": [mark.window_to for mark in marks],
        }
        await connection.execute(_SQL["mark"], columns)


async def _write_quarantine(connection: Connection, quarantined: Sequence[Quarantined]) -> None:
    rows = [
        {
            "digest": digest,
            "topic": one.topic.replace("\0", "\N{REPLACEMENT CHARACTER}"),
            "payload": one.refusal.fragment,
            "codec": one.codec,
            "reason": one.refusal.reason,
            "detail": one.refusal.detail.replace("\0", "\N{REPLACEMENT CHARACTER}"),
            "received_at": one.received_at,
            "nonce": one.nonce,
        }
        # Sorted, so that two workers that meet the same poison do not wait for each other in a ring.
        for digest, one in sorted(((_digest(one), one) for one in quarantined), key=lambda pair: pair[0])
    ]
    if rows:
        await connection.cursor().executemany(_SQL["quarantine"], rows)


def _digest(one: Quarantined) -> bytes:
    return hashlib.sha256(one.topic.encode() + b"\0" + one.refusal.fragment).digest()


async def _write_counters(connection: Connection, sheet: Sheet, place: Place) -> None:
    rows = sorted((*key, value) for key, value in sheet.entries().items())
    if rows:
        names, reasons, values = map(list, zip(*rows, strict=True))
        who = {"worker": place.worker, "lane": place.lane}
        await connection.execute(_SQL["count"], {**who, "names": names, "reasons": reasons, "values": values})
