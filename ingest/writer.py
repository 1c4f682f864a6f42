"""One transaction per batch: readings, last known, dirty marks, quarantine, counters, progress."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from devices.codecs import Refusal
from devices.times import EPOCH
from ingest.columns import Other, Positions
from ingest.database import Connection
from ingest.excess import note
from ingest.ledger import Sheet
from ingest.match import Mark
from ingest.progress import Place, committed
from ingest.queries import load_queries

_SQL = load_queries("ingest", "writer.sql")
_POSITION_TYPES = ("int4", "timestamptz", *["int4"] * 3, *["int2"] * 6, *["int4"] * 3, "timestamptz")
_READING_TYPES = ("int4", "timestamptz", "int4", "text", "int4", "int4", "int2", *["int4"] * 3, "timestamptz", "jsonb")


@dataclass(frozen=True)
class Quarantined:
    """A refusal with where it came from; `readings` says how many it holds."""

    topic: str
    codec: str
    refusal: Refusal
    received_at: datetime
    readings: int = 1


@dataclass
class Batch:
    """All that one transaction writes.

    Attributes:
        received: readings, counted where they were decoded.
        excess: readings beyond the allowance, by device number; they are among the quarantined.
    """

    positions: Positions
    others: list[Other]
    received: int
    marks: list[Mark] = field(default_factory=list)
    quarantined: list[Quarantined] = field(default_factory=list)
    ignored: Counter[str] = field(default_factory=Counter)
    excess: Counter[int] = field(default_factory=Counter)

    def times(self) -> list[datetime]:
        """A time in each day that the batch touches, and perhaps more."""
        days = {us // 86_400_000_000 for us in self.positions.time_us.tolist()}
        return [EPOCH + timedelta(days=day) for day in days] + [other.time for other in self.others]


async def prepare(connection: Connection) -> None:
    """Make the connection's own staging tables; once per connection, before any `write`."""
    await connection.execute(_SQL["stage_positions"])
    await connection.execute(_SQL["stage_readings"])


async def write(connection: Connection, batch: Batch, place: Place) -> Sheet:
    """Write a batch in the transaction that the caller holds.

    Args:
        connection: in a transaction, and prepared.
        batch: what to write; the partitions of its times exist.
        place: for counters and progress.

    Returns:
        What became of its readings.
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
    await note(connection, place.worker, batch.excess)
    quarantined: Counter[str] = Counter()
    for one in batch.quarantined:
        quarantined[one.refusal.reason] += one.readings
    sheet = Sheet(
        received=batch.received,
        stored=kept,
        repeated=readings - kept,
        quarantined=quarantined,
        ignored=batch.ignored,
    )
    await _write_counters(connection, sheet, place)
    await committed(connection, place)
    if batch.marks:
        await connection.execute("NOTIFY gengfu_dirty")
    return sheet


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


async def _write_counters(connection: Connection, sheet: Sheet, place: Place) -> None:
    who = {"worker": place.worker, "lane": place.lane}
    rows = [
        {**who, "name": name, "reason": reason, "value": value}
        for (name, reason), value in sorted(sheet.entries().items())
    ]
    await connection.cursor().executemany(_SQL["count"], rows)
