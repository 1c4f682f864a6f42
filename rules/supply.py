"""Gives cases the readings that their judgement wants, with a few queries for many of them."""

from collections.abc import Iterable
from dataclasses import replace

from ingest.database import Connection
from rules.core.world import World
from rules.rule import Case, Need
from rules.store.scans import Scans
from rules.tracks import Tracks


class Supply:
    """Reads what many needs want, and hands each case its part.

    Args:
        connection: in a transaction.
        world: the dated world.
    """

    def __init__(self, connection: Connection, world: World) -> None:
        self._tracks = Tracks(connection, world)
        self._scans = Scans(connection, world)

    async def read(self, needs: Iterable[Need | None]) -> None:
        """Read all that these needs want, in place of what was read before."""
        wanted = [need for need in needs if need is not None]
        await self._tracks.read(wanted)
        await self._scans.read(wanted)

    def filled(self, case: Case, need: Need | None) -> Case:
        """The case with what its need named, which was read; the same case when it wants nothing."""
        if need is None:
            return case
        return replace(case, tracked=self._tracks.of(need), scans=self._scans.of(need))
