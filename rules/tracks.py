"""The fixes that judgements need, with the devices that made them and who held those: one query for many needs."""

from collections.abc import Iterable
from dataclasses import replace

from ingest.database import Connection
from rules.core.equipment import Tracker
from rules.core.fixes import Fix, Pace, Span, merged, pace_of, within
from rules.core.presence import Tracked
from rules.core.search import Near, Search
from rules.core.world import World
from rules.replies import Need
from rules.store import readings

_Kind = tuple[bool, bool]
"""With their grids or without, and of devices that are searched for or not: each is read by itself."""


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
        self._fixes: dict[_Kind, dict[int, tuple[Fix, ...]]] = {}
        self._found: dict[Need, tuple[Tracked, ...]] = {}

    async def read(self, needs: Iterable[Need]) -> None:
        """Read all that these needs want, in place of what was read before."""
        counting = {need: _by_device(self._trackers(need)) for need in dict.fromkeys(needs)}
        searches = {need: self._search(need, need.near, its) for need, its in counting.items() if need.near}
        self._counting = counting.copy()
        self._found.clear()
        await self._read_fixes(searched=False)
        wanting = bool(searches)
        while wanting:
            for need, search in searches.items():
                self._found.pop(need, None)
                if look := search.look:
                    search.seen(look, await readings.glimpses(self._connection, search.near.place, look))
                self._counting[need] = [it for it in counting[need] if it[0].device.number in search.chosen]
            await self._read_fixes(searched=True)
            wanting = any([search.widen(self.of(need)) for need, search in searches.items()])  # noqa: C419  all of them

    def _search(self, need: Need, near: Near, its: list[list[Tracker]]) -> Search:
        whole = [replace(it[0], spells=merged(spell for one in it for spell in one.spells)) for it in its]
        return Search(near=near, trackers=whole, paces=[self._pace(need, it) for it in whole])

    async def _read_fixes(self, *, searched: bool) -> None:
        for kind in ((False, searched), (True, searched)):
            wanted: dict[int, list[Span]] = {}
            for need, trackers in self._counting.items():
                if _kind(need) == kind:
                    for tracker, *_ in trackers:
                        wanted.setdefault(tracker.device.number, []).append(need.span)
            spans = [(device, span) for device in sorted(wanted) for span in merged(wanted[device])]
            self._fixes[kind] = await readings.fixes_of(self._connection, spans, grids=kind[0])

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
            fixes=within(self._fixes[_kind(need)].get(tracker.device.number, ()), need.span),
            pace=self._pace(need, tracker),
        )

    def _pace(self, need: Need, tracker: Tracker) -> Pace:
        return pace_of(self._world.unit_kind(tracker.unit, need.held.start))


def _kind(need: Need) -> _Kind:
    return need.grids, need.near is not None


def _by_device(trackers: Iterable[Tracker]) -> list[list[Tracker]]:
    """Those of one device and unit together."""
    found: dict[tuple[str, str], list[Tracker]] = {}
    for it in trackers:
        found.setdefault((it.device.name, it.unit), []).append(it)
    return list(found.values())
