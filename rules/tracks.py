"""The fixes that judgements need, with the devices that made them and who held those: one query for many needs."""

from collections.abc import Iterable

from ingest.database import Connection
from rules.core.fixes import Fix, Span, merged, pace_of, within
from rules.core.presence import Tracked
from rules.core.world import Tracker, World
from rules.rule import Need
from rules.store import readings


class Tracks:
    """Reads once what many duties want, and hands each need its part.

    Args:
        connection: in a transaction.
        world: the dated world.
    """

    def __init__(self, connection: Connection, world: World) -> None:
        self._connection = connection
        self._world = world
        self._counting: dict[Need, list[list[Tracker]]] = {}
        self._fixes: dict[bool, dict[int, tuple[Fix, ...]]] = {}  # with their grids, and without
        self._found: dict[Need, tuple[Tracked, ...]] = {}

    async def read(self, needs: Iterable[Need]) -> None:
        """Read all that these needs want, in place of what was read before."""
        self._found.clear()
        self._counting = {need: _by_device(self._trackers(need)) for need in dict.fromkeys(needs)}
        for grids in (False, True):
            wanted: dict[int, list[Span]] = {}
            for need, trackers in self._counting.items():
                if need.grids is grids:
                    for tracker, *_ in trackers:
                        wanted.setdefault(tracker.device.number, []).append(need.span)
            spans = [(device, span) for device in sorted(wanted) for span in merged(wanted[device])]
            self._fixes[grids] = await readings.fixes_of(self._connection, spans, grids=grids)

    def of(self, need: Need) -> tuple[Tracked, ...]:
        """The devices that count for a need, with their fixes; equal needs share them and what is derived from them."""
        if need not in self._found:
            self._found[need] = tuple(self._tracked(need, it) for it in self._counting[need])
        return self._found[need]

    def _trackers(self, need: Need) -> list[Tracker]:
        """The devices that count; tags report no positions and never do."""
        return [
            it
            for it in self._world.trackers(need.span, unit=need.unit)
            if it.device.kind != "tag" and any(spell.meets(need.held) for spell in it.spells)
        ]

    def _tracked(self, need: Need, its: list[Tracker]) -> Tracked:
        """A device that went from hand to hand within the unit is one device all the same."""
        tracker = its[0]
        hands = sorted(((spell, it.holder) for it in its for spell in it.spells), key=lambda it: (it[0].start, it[1]))
        return Tracked(
            device=tracker.device.name,
            kind=tracker.device.kind,
            holder=", ".join(dict.fromkeys(who for _, who in hands)),
            hands=tuple(hands) if len(its) > 1 else (),
            spells=merged(spell for spell, _ in hands),
            fixes=within(self._fixes[need.grids].get(tracker.device.number, ()), need.span),
            pace=pace_of(self._world.unit_kind(tracker.unit, need.held.start)),
        )


def _by_device(trackers: Iterable[Tracker]) -> list[list[Tracker]]:
    """Those of one device and unit together."""
    found: dict[tuple[str, str], list[Tracker]] = {}
    for it in trackers:
        found.setdefault((it.device.name, it.unit), []).append(it)
    return list(found.values())
