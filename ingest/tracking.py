"""When carried devices may be tracked, as ingest needs it: one sorted array to look up a whole batch in."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ingest.columns import Ints
from ingest.database import Connection
from ingest.queries import load_queries

_SQL = load_queries("ingest", "tracking.sql")
_TIME_BITS = 44  # microseconds of 203 days: more than spans are kept; the other 19 bits count half a million devices
_TO_1970_US = 946_684_800_000_000  # PostgreSQL counts from 2000-01-01
_HEADER_BYTES, _END_BYTES = 19, 2  # of COPY BINARY
_ROW = np.dtype(
    [
        ("fields", ">i2"),
        ("device length", ">i4"),
        ("device", ">i4"),
        ("since length", ">i4"),
        ("since", ">i8"),
        ("until length", ">i4"),
        ("until", ">i8"),
    ]
)


@dataclass(frozen=True)
class Spans:
    """Spans of devices as columns: from `since_us` (included) to `until_us` (excluded), microseconds since 1970."""

    device: Ints = field(default_factory=lambda: np.empty(0, np.int64))
    since_us: Ints = field(default_factory=lambda: np.empty(0, np.int64))
    until_us: Ints = field(default_factory=lambda: np.empty(0, np.int64))


@dataclass(frozen=True, eq=False)
class Tracking:
    """One picture; replaced whole, never changed.

    Args:
        carried: when each device was in somebody's hands.
        allowed: when it may be tracked.
        now_us: about the present; times more than 100 days from it are taken for the nearest that is not.
        revision: of the spans, by which a newer picture is known.
        hands: changes with the world, so with every custody.
        enforced: without it nothing is withheld.
    """

    carried: Spans = field(default_factory=Spans)
    allowed: Spans = field(default_factory=Spans)
    now_us: int = 0
    revision: int = 0
    hands: str = ""
    enforced: bool = False
    _rank: Ints = field(init=False)  # by device number; -1 of devices that nobody carries
    _keys: Ints = field(init=False)  # where something changes: device's rank and time in one number, rising
    _off: NDArray[np.bool_] = field(init=False)  # whether readings are withheld from there on
    _held: NDArray[np.bool_] = field(init=False)  # whether somebody carries the device from there on

    def __post_init__(self) -> None:
        devices = np.unique(self.carried.device) if self.enforced else np.empty(0, np.int64)
        rank = np.full(int(devices.max(initial=0)) + 2, -1, np.int64)
        rank[devices] = np.arange(len(devices))
        object.__setattr__(self, "_rank", rank)
        parts = [(self.carried, 1, 0), (self.allowed, 0, 1)]
        keys, held, free = [], [], []
        for spans, its_held, its_free in parts:
            its_rank = self._ranks(spans.device)
            ours = its_rank >= 0
            for times, step in ((spans.since_us, 1), (spans.until_us, -1)):
                keys.append(self._key(its_rank[ours], times[ours]))
                held.append(np.full(int(ours.sum()), step * its_held))
                free.append(np.full(int(ours.sum()), step * its_free))
        order = np.argsort(np.concatenate(keys), kind="stable")
        carried = np.cumsum(np.concatenate(held)[order]) > 0
        object.__setattr__(self, "_keys", np.concatenate(keys)[order])
        object.__setattr__(self, "_held", carried)
        object.__setattr__(self, "_off", carried & (np.cumsum(np.concatenate(free)[order]) == 0))

    def withheld(self, device: Ints, time_us: Ints) -> NDArray[np.bool_] | None:
        """Which readings are from outside duty; None when none is, which costs next to nothing.

        Args:
            device: register numbers.
            time_us: the readings' own times, microseconds since 1970.
        """
        off = self._looked_up(self._off, device, time_us)
        return off if off is not None and off.any() else None

    def in_hands(self, device: int, time_us: int) -> bool:
        """Whether somebody carried the device then."""
        held = self._looked_up(self._held, np.array([device], np.int64), np.array([time_us], np.int64))
        return held is not None and bool(held[0])

    def off_duty(self, device: int, time_us: int) -> bool:
        """Whether readings of that time are withheld."""
        return self.withheld(np.array([device], np.int64), np.array([time_us], np.int64)) is not None

    def _looked_up(self, state: NDArray[np.bool_], device: Ints, time_us: Ints) -> NDArray[np.bool_] | None:
        if not len(self._keys) or not len(device):
            return None
        rank = self._ranks(device)
        known = np.flatnonzero(rank >= 0)
        if not len(known):
            return None
        found = np.zeros(len(device), np.bool_)
        place = np.searchsorted(self._keys, self._key(rank[known], time_us[known]), side="right") - 1
        found[known] = (place >= 0) & state[place]
        return found

    def _ranks(self, device: Ints) -> Ints:
        return self._rank[np.minimum(device, len(self._rank) - 1)]

    def _key(self, rank: Ints, time_us: Ints) -> Ints:
        half = 1 << (_TIME_BITS - 1)
        return (rank << _TIME_BITS) + np.clip(time_us - self.now_us + half, 0, 2 * half - 1)


async def load_tracking(connection: Connection, *, now_us: int, before: Tracking | None = None) -> Tracking:
    """The picture of this moment; `before` itself when nothing has changed since."""
    row = await (await connection.execute(_SQL["state"])).fetchone()
    assert row is not None  # noqa: S101  the migration made it
    if before is not None and (before.revision, before.hands, before.enforced) == (
        row["revision"],
        row["hands"],
        row["enforced"],
    ):
        return before
    # Read after its number: a change in between is seen by whoever seals, and read then.
    return Tracking(
        carried=await _spans(connection, "carried"),
        allowed=await _spans(connection, "allowed"),
        now_us=now_us,
        **row,
    )


async def _spans(connection: Connection, name: str) -> Spans:
    async with connection.cursor().copy(_SQL[name]) as copy:
        stream = b"".join([bytes(part) async for part in copy])
    rows = np.frombuffer(stream[_HEADER_BYTES:-_END_BYTES], _ROW)
    bound = 2**61  # infinity is the largest number there is, and must not wrap
    since, until = (np.clip(rows[name].astype(np.int64), -bound, bound) + _TO_1970_US for name in ("since", "until"))
    return Spans(rows["device"].astype(np.int64), since, until)
