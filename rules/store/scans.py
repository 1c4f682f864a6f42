"""The tags that a unit's devices read, with who held them."""

from ingest.database import Connection
from ingest.queries import load_queries
from rules.core.scans import Scan
from rules.core.world import World
from rules.rule import Need

_SQL = load_queries("rules.store", "scans.sql")
_E7 = 1e7  # stored degrees are integers of 1e-7


class Scans:
    """Reads the scans of a unit once for all duties that want the same."""

    def __init__(self, connection: Connection, world: World) -> None:
        self._connection = connection
        self._world = world
        self._read: dict[Need, tuple[Scan, ...]] = {}

    async def of(self, need: Need) -> tuple[Scan, ...]:
        """The scans of the devices that count for a need, made while they did; none when it asks for none."""
        if not need.scans:
            return ()
        if need not in self._read:
            self._read[need] = await self._load(need)
        return self._read[need]

    async def _load(self, need: Need) -> tuple[Scan, ...]:
        trackers = self._world.trackers(need.held, unit=need.unit)
        numbers = sorted({it.device.number for it in trackers})
        if not numbers:
            return ()
        values = {"devices": numbers, "start": need.held.start, "stop": need.held.end}
        rows = await (await self._connection.execute(_SQL["scans"], values)).fetchall()
        found = {
            Scan(
                tag=row["tag"] or "",
                device=tracker.device.name,
                holder=tracker.holder,
                time=row["time"],
                digest=row["digest"],
                lat=None if row["lat"] is None else row["lat"] / _E7,
                lon=None if row["lon"] is None else row["lon"] / _E7,
            )
            for row in rows
            for tracker in trackers
            if tracker.device.number == row["device"] and any(row["time"] in spell for spell in tracker.spells)
        }
        return tuple(sorted(found, key=lambda it: (it.time, it.device, it.digest, it.holder)))
