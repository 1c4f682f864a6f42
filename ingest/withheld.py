"""Readings of carried devices from outside duty: sealed, kept for a while where no query finds a place, and dropped."""

import json
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import numpy as np
from psycopg import sql

from devices.codecs import codec_of_topic
from ingest.columns import Ints, Positions, microseconds, moment_of
from ingest.database import Connection
from ingest.decode import Quarantined
from ingest.errors import PictureStale
from ingest.locks import Lock
from ingest.others import Other
from ingest.queries import load_queries
from ingest.seal import Seal
from ingest.tracking import Tracking
from ingest.world import Register

# What somebody says to the desk on purpose: it is kept, with its place, whenever it is said.
SAID = frozenset({"button", "report", "task"})
# Refusals whose own time is not known or not one: whether it was duty cannot be told.
TIMELESS = frozenset({"clock", "rate"})
# Types without a place.
PLACELESS = frozenset({"status", "equipment"})
KEEP_H = 72
_HOUR = timedelta(hours=1)
_SPARE = timedelta(minutes=10)  # upkeep comes round so often: dropped before its time rather than after
_SQL = load_queries("ingest", "withheld.sql")
_FIX = np.dtype(
    [(name, ">i8") for name in ("boot", "seq")]
    + [(name, ">i4") for name in ("digest", "lat", "lon")]
    + [(name, ">i2") for name in ("accuracy", "speed", "heading", "altitude", "battery", "flags")]
)
_POSITION, _READING = b"P", b"R"

log = logging.getLogger(__name__)


@dataclass
class Withheld:
    """What of a batch is sealed.

    Attributes:
        hour: in which it is sealed, aware UTC.
        revision: of the picture by which it is withheld.
        positions: the fixes among it, for their receipts.
        rows: device, time, nonce, received_at, content.
    """

    hour: datetime
    revision: int
    positions: Positions
    rows: list[tuple[int, datetime, bytes, datetime, bytes]]

    def __len__(self) -> int:
        return len(self.rows)

    def heard(self) -> tuple[Ints, Ints]:
        """Device and time of receipt of each, which say that it lives and not where."""
        devices = np.array([row[0] for row in self.rows], np.int64)
        return devices, np.array([microseconds(row[3]) for row in self.rows], np.int64)


def withhold(
    seal: Seal, tracking: Tracking, positions: Positions, others: list[Other], *, now: datetime
) -> tuple[Positions, list[Other], Withheld | None]:
    """Part what was taken on duty from the rest, which is sealed.

    Args:
        seal: of the site.
        tracking: who may be tracked when.
        positions: of a batch, in any order; their grids do not matter.
        others: of the batch.
        now: aware UTC.

    Returns:
        What is stored, and what is withheld, None when nothing is.
    """
    off = tracking.withheld(positions.device, positions.time_us)
    private = [other for other in others if _is_private(tracking, other)]
    if off is None and not private:
        return positions, others, None
    kept = positions if off is None else positions.take(~off)
    held = positions.take(off if off is not None else np.zeros(len(positions), np.bool_))
    gone = {id(other) for other in private}
    rows = [*_sealed_positions(seal, held), *(_sealed_other(seal, other) for other in private)]
    withheld = Withheld(now.replace(minute=0, second=0, microsecond=0), tracking.revision, held, rows)
    return kept, [other for other in others if id(other) not in gone], withheld


def _is_private(tracking: Tracking, other: Other) -> bool:
    if other.type in SAID or other.type in PLACELESS:
        return False
    return tracking.off_duty(other.device, microseconds(other.time))


def _label(device: int, time: datetime) -> bytes:
    return device.to_bytes(4, "big") + microseconds(time).to_bytes(8, "big", signed=True)


def _sealed_positions(seal: Seal, held: Positions) -> Iterable[tuple[int, datetime, bytes, datetime, bytes]]:
    packed = np.empty(len(held), _FIX)
    for name in _FIX.names or ():
        packed[name] = getattr(held, name)
    stream, size = packed.tobytes(), _FIX.itemsize
    for row, (device, time_us, received_us) in enumerate(
        zip(held.device.tolist(), held.time_us.tolist(), held.received_us.tolist(), strict=True)
    ):
        time = moment_of(time_us)
        content = _POSITION + stream[row * size : (row + 1) * size]
        yield device, time, *_pair(seal.seal(_label(device, time), content), moment_of(received_us))


def _sealed_other(seal: Seal, other: Other) -> tuple[int, datetime, bytes, datetime, bytes]:
    fields = {name: getattr(other, name) for name in ("digest", "type", "lat", "lon", "flags", "boot", "seq", "body")}
    content = _READING + json.dumps(fields, sort_keys=True, separators=(",", ":")).encode()
    return other.device, other.time, *_pair(seal.seal(_label(other.device, other.time), content), other.received_at)


def _pair(sealed: tuple[bytes, bytes], received_at: datetime) -> tuple[bytes, datetime, bytes]:
    nonce, content = sealed
    return nonce, received_at, content


def opened(seal: Seal, rows: Sequence[tuple[int, datetime, bytes, datetime, bytes]]) -> tuple[Positions, list[Other]]:
    """What was sealed, as it would have been stored; grids are still to be found.

    Raises:
        SealBroken: one of them cannot be opened.
    """
    fixes: list[tuple[int, datetime, datetime, bytes]] = []
    others: list[Other] = []
    for device, time, nonce, received_at, sealed in rows:
        content = seal.open(_label(device, time), nonce, sealed)
        if content[:1] == _POSITION:
            fixes.append((device, time, received_at, content[1:]))
        else:
            others.append(
                Other(device=device, time=time, grid=None, received_at=received_at, **json.loads(content[1:]))
            )
    packed = np.frombuffer(b"".join(content for *_, content in fixes), _FIX)
    positions = Positions(
        device=np.array([device for device, *_ in fixes], np.int64),
        time_us=np.array([microseconds(time) for _, time, *_ in fixes], np.int64),
        received_us=np.array([microseconds(received_at) for _, _, received_at, _ in fixes], np.int64),
        grid=np.zeros(len(fixes), np.int64),
        **{name: packed[name].astype(np.int64) for name in _FIX.names or ()},
    )
    return positions, sorted(others, key=lambda other: (other.device, other.time, other.digest))


def seal_refusals(
    seal: Seal, tracking: Tracking, register: Register, refused: Iterable[Quarantined]
) -> list[Quarantined]:
    """What waits in quarantine may say where somebody was off duty: that is sealed, too, and goes as soon."""
    return [_sealed_refusal(seal, one) if _may_tell(tracking, register, one) else one for one in refused]


def _may_tell(tracking: Tracking, register: Register, one: Quarantined) -> bool:
    name = one.refusal.device or _named(one.topic)
    device = register.devices.get(name) if name else None
    if device is None:
        return False
    received_us = microseconds(one.received_at)
    if one.refusal.reason in TIMELESS:
        return tracking.in_hands(device.number, received_us)
    return tracking.off_duty(device.number, received_us)


def _named(topic: str) -> str | None:
    codec = codec_of_topic(topic)
    return next((name for pattern in codec.topics if (name := pattern.device_of(topic))), None) if codec else None


def _sealed_refusal(seal: Seal, one: Quarantined) -> Quarantined:
    nonce, content = seal.seal(one.topic.encode(), one.refusal.fragment)
    return replace(one, refusal=replace(one.refusal, fragment=content), nonce=nonce)


async def write_withheld(connection: Connection, withheld: Withheld) -> int:
    """Write the sealed rows in the transaction of their batch.

    Returns:
        How many of them were not there yet.

    Raises:
        PictureStale: somebody's hours changed since the batch was matched.
    """
    row = await (await connection.execute(_SQL["hold"])).fetchone()
    if row is None or row["revision"] != withheld.revision:
        raise PictureStale("hours of duty changed while a batch was under way; it is matched anew")
    devices, times, nonces, received, contents = map(list, zip(*sorted(withheld.rows), strict=True))
    columns = {"devices": devices, "times": times, "nonces": nonces, "received": received, "contents": contents}
    return (await connection.execute(_SQL["keep"], {"hour": withheld.hour, **columns})).rowcount


class Parts:
    """The partitions of `withheld_fix`, one per hour; plain ones on either engine."""

    def __init__(self) -> None:
        self._known: set[datetime] = set()

    async def ensure(self, connection: Connection, hours: Iterable[datetime]) -> None:
        """Make the partition of each hour that has none.

        Args:
            connection: in no transaction.
            hours: whole hours, aware UTC.
        """
        for hour in sorted(set(hours) - self._known):
            async with connection.transaction():
                await connection.execute("SELECT pg_advisory_xact_lock(%s)", [Lock.SEALED_PARTITIONS.value])
                name = f"withheld_fix_{hour.astimezone(UTC):%Y%m%d%H}"
                row = await (await connection.execute("SELECT to_regclass(%s) AS it", [name])).fetchone()
                if row and row["it"] is None:
                    await self._make(connection, name, hour)
            self._known.add(hour)

    def forget(self) -> None:
        """Look again next time; somebody else may have dropped one."""
        self._known.clear()

    async def _make(self, connection: Connection, name: str, hour: datetime) -> None:
        # Made apart and then attached: attaching does not stop the readers and writers of the other hours.
        names = {
            "part": sql.Identifier(name),
            "first": sql.Literal(hour.isoformat()),
            "end": sql.Literal((hour + _HOUR).isoformat()),
        }
        await connection.execute(sql.SQL("CREATE TABLE {part} (LIKE withheld_fix INCLUDING ALL)").format(**names))
        await connection.execute(
            sql.SQL("ALTER TABLE withheld_fix ATTACH PARTITION {part} FOR VALUES FROM ({first}) TO ({end})").format(
                **names
            )
        )


async def drop_withheld(connection: Connection, *, now: datetime, keep: timedelta) -> list[str]:
    """Drop the hours that began so long ago, and sealed quarantine as old; nothing sealed is ever older.

    Args:
        connection: in no transaction.
        now: aware UTC.
        keep: how long.

    Returns:
        The names of the dropped partitions.
    """
    dropped = []
    rows = await (await connection.execute(_SQL["parts"])).fetchall()
    for row in rows:
        if row["hour"] + keep <= now + _SPARE:
            async with connection.transaction():
                await connection.execute("SET LOCAL lock_timeout = '3s'")
                await connection.execute(sql.SQL("DROP TABLE {}").format(sql.Identifier(row["name"])))
            dropped.append(row["name"])
    await connection.execute(_SQL["drop_quarantined"], {"before": now + _SPARE - keep})
    return dropped


@dataclass(frozen=True)
class Sealed:
    """What lies sealed: about how many readings, the hour of the oldest, and quarantined payloads."""

    readings: int
    oldest: datetime | None
    quarantined: int


async def sealed(connection: Connection) -> Sealed:
    """How much lies sealed now."""
    row = await (await connection.execute(_SQL["sealed"])).fetchone()
    return Sealed(**row) if row else Sealed(0, None, 0)
