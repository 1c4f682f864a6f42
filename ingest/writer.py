"""One transaction per batch: readings, last known, dirty marks, quarantine, counters, progress."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import numpy as np

from devices.codecs import Refusal
from devices.times import EPOCH
from ingest.columns import Ints, Other, Positions, microseconds
from ingest.database import Connection
from ingest.late import count_late
from ingest.match import Mark
from ingest.queries import load_queries

_SQL = load_queries("ingest", "writer.sql")
_POSITION_TYPES = ("int4", "timestamptz", *["int4"] * 3, *["int2"] * 6, *["int4"] * 3, "timestamptz")
_READING_TYPES = ("int4", "timestamptz", "int4", "text", "int4", "int4", "int2", *["int4"] * 3, "timestamptz", "jsonb")


@dataclass(frozen=True)
class Quarantined:
    """A refusal with where it came from."""

    topic: str
    codec: str
    refusal: Refusal
    received_at: datetime


@dataclass
class Batch:
    """All that one transaction writes."""

    positions: Positions
    others: list[Other]
    marks: list[Mark] = field(default_factory=list)
    quarantined: list[Quarantined] = field(default_factory=list)
    ignored: Counter[str] = field(default_factory=Counter)

    def times(self) -> list[datetime]:
        """A time in each day that the batch touches, and perhaps more."""
        days = {us // 86_400_000_000 for us in self.positions.time_us.tolist()}
        return [EPOCH + timedelta(days=day) for day in days] + [other.time for other in self.others]

    def times_us(self) -> Ints:
        """The times of all readings, microseconds since 1970."""
        others = np.array([microseconds(other.time) for other in self.others], np.int64)
        return np.concatenate([self.positions.time_us, others])


@dataclass(frozen=True)
class Written:
    """What became of a batch: received = stored + repeated + the quarantined + the ignored."""

    stored: int
    repeated: int


@dataclass
class Place:
    """Which worker and lane writes.

    Attributes:
        worker: its name among its kind.
        lane: `up` or `urgent`.
        up_since: since when it has heard the broker without a break; None for one that works off a list and ends,
            so that nobody waits for it.
        hears: whether its session with the broker stands.
    """

    worker: str
    lane: str
    up_since: datetime | None
    hears: bool = True


async def prepare(connection: Connection) -> None:
    """Make the connection's own staging tables; once per connection, before any `write`."""
    await connection.execute(_SQL["stage_positions"])
    await connection.execute(_SQL["stage_readings"])


async def write(connection: Connection, batch: Batch, place: Place) -> Written:
    """Write a batch in the transaction that the caller holds.

    Args:
        connection: in a transaction, and prepared.
        batch: what to write; the partitions of its times exist.
        place: for counters and progress.

    Returns:
        How many readings were new and how many were there before.
    """
    kept = await _write_positions(connection, batch.positions) + await _write_others(connection, batch.others)
    readings = len(batch.positions) + len(batch.others)
    if readings:
        await connection.execute(_SQL["last_heard"])
    if batch.others:
        await connection.execute(_SQL["last_batteries"])
        await connection.execute(_SQL["last_equipment"])
    await _write_marks(connection, batch.marks)
    await _write_quarantine(connection, batch.quarantined)
    written = Written(stored=kept, repeated=readings - kept)
    await _write_counters(connection, batch, written, place)
    await count_late(connection, batch.times_us(), worker=place.worker, lane=place.lane)
    if batch.marks:
        await connection.execute("NOTIFY gengfu_dirty")
    return written


async def _write_positions(connection: Connection, positions: Positions) -> int:
    if not len(positions):
        return 0
    cursor = connection.cursor()
    async with cursor.copy(_SQL["copy_position"]) as copy:
        copy.set_types(_POSITION_TYPES)
        for row in positions.rows():
            await copy.write_row(row)
    kept = (await connection.execute(_SQL["keep_positions"])).rowcount
    await connection.execute(_SQL["last_positions"])
    await connection.execute(_SQL["touch_hours"])
    return kept


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
        }
        # Sorted, so that two workers that meet the same poison do not wait for each other in a ring.
        for digest, one in sorted(((_digest(one), one) for one in quarantined), key=lambda pair: pair[0])
    ]
    if rows:
        await connection.cursor().executemany(_SQL["quarantine"], rows)


def _digest(one: Quarantined) -> bytes:
    return hashlib.sha256(one.topic.encode() + b"\0" + one.refusal.fragment).digest()


async def _write_counters(connection: Connection, batch: Batch, written: Written, place: Place) -> None:
    readings = len(batch.positions) + len(batch.others)
    reasons = Counter(one.refusal.reason for one in batch.quarantined)
    counts = {
        ("received", ""): readings + len(batch.quarantined) + batch.ignored.total(),
        ("stored", ""): written.stored,
        ("repeated", ""): written.repeated,
        **{("quarantined", reason): count for reason, count in reasons.items()},
        **{("ignored", reason): count for reason, count in batch.ignored.items()},
    }
    who = {"worker": place.worker, "lane": place.lane}
    rows = [
        {**who, "name": name, "reason": reason, "value": value}
        for (name, reason), value in sorted(counts.items())
        if value
    ]
    await connection.cursor().executemany(_SQL["count"], rows)
    if place.up_since is not None:
        await connection.execute(_SQL["progress"], vars(place))


async def beat(connection: Connection, place: Place) -> None:
    """Say that the lane is alive."""
    await connection.execute(_SQL["beat"], vars(place))
