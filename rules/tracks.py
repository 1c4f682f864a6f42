"""The fixes that judgements need, with the devices that made them and who held those: one query for many needs."""

from collections.abc import Iterable

from ingest.database import Connection
from rules.core.fixes import Fix, Pace, Span, merged, pace_of, within
from rules.core.presence import Tracked
from rules.core.search import Near, Search
from rules.core.world import Tracker, World
from rules.rule import Need
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
        self._counting: dict[Need, list[Tracker]] = {}
        self._fixes: dict[_Kind, dict[int, tuple[Fix, ...]]] = {}
        self._found: dict[Need, tuple[Tracked, ...]] = {}

    async def read(self, needs: Iterable[Need]) -> None:
        """Read all that these needs want, in place of what was read before."""
        self._counting = {need: self._trackers(need) for need in dict.fromkeys(needs)}
        searches = {need: self._search(need, need.near) for need in self._counting if need.near}
        self._found.clear()
        await self._read_fixes(searched=False)
        wanting = bool(searches)
        while wanting:
            for need, search in searches.items():
                self._found.pop(need, None)
                if look := search.look:
                    search.seen(look, await readings.glimpses(self._connection, search.near.place, look))
                self._counting[need] = search.wanted
            await self._read_fixes(searched=True)
            wanting = any([search.widen(self.of(need)) for need, search in searches.items()])  # noqa: C419  all of them

    def _search(self, need: Need, near: Near) -> Search:
        trackers = self._counting[need]
        return Search(near=near, trackers=trackers, paces=[self._pace(need, it) for it in trackers])

    async def _read_fixes(self, *, searched: bool) -> None:
        for kind in ((False, searched), (True, searched)):
            wanted: dict[int, list[Span]] = {}
            for need, trackers in self._counting.items():
                if _kind(need) == kind:
                    for tracker in trackers:
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

    def _tracked(self, need: Need, tracker: Tracker) -> Tracked:
        return Tracked(
            device=tracker.device.name,
            kind=tracker.device.kind,
            holder=tracker.holder,
            spells=tracker.spells,
            fixes=within(self._fixes[_kind(need)].get(tracker.device.number, ()), need.span),
            pace=self._pace(need, tracker),
        )

    def _pace(self, need: Need, tracker: Tracker) -> Pace:
        return pace_of(self._world.unit_kind(tracker.unit, need.held.start))


def _kind(need: Need) -> _Kind:
    return need.grids, need.near is not None
