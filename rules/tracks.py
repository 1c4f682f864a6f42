"""The fixes that a judgement needs, with the devices that made them and who held those."""

from ingest.database import Connection
from rules.core.fixes import Fix, pace_of
from rules.core.presence import Tracked
from rules.rule import Need
from rules.store import readings
from rules.store.stays import located
from rules.store.world import Snapshot


class Tracks:
    """Reads the fixes of a unit once for all duties that want the same."""

    def __init__(self, connection: Connection, known: Snapshot) -> None:
        self._connection = connection
        self._known = known
        self._read: dict[Need, tuple[Tracked, ...]] = {}

    async def of(self, need: Need) -> tuple[Tracked, ...]:
        """The devices that count for a need, with their fixes; tags report no positions and never count."""
        if need not in self._read:
            self._read[need] = await self._load(need)
        return self._read[need]

    async def _load(self, need: Need) -> tuple[Tracked, ...]:
        world = self._known.world
        trackers = [it for it in world.trackers(need.span, unit=need.unit) if it.device.kind != "tag"]
        counting = [it for it in trackers if any(spell.meets(need.held) for spell in it.spells)]
        fixes: dict[int, tuple[Fix, ...]] = {}
        if counting:
            numbers = sorted({it.device.number for it in counting})
            read = located if need.grids else readings.fixes
            fixes = await read(self._connection, numbers, need.span)
        return tuple(
            Tracked(
                device=it.device.name,
                kind=it.device.kind,
                holder=it.holder,
                spells=it.spells,
                fixes=fixes.get(it.device.number, ()),
                pace=pace_of(world.unit_kind(it.unit, need.held.start)),
            )
            for it in counting
        )
