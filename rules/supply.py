"""Gives cases the readings that their judgement wants, with a few queries for many of them."""

from collections.abc import Sequence
from dataclasses import replace

from ingest.database import Connection
from rules.core.world import World
from rules.facts import Case
from rules.long_view import long_view
from rules.replies import Need
from rules.rule import DutyRule
from rules.store.scans import Scans
from rules.tracks import Tracks

Supplied = tuple[Case, Need | None]
"""A case with all that it may rest on, and what it wanted."""


class Supply:
    """Reads what many cases want, and hands each its part.

    Args:
        connection: in a transaction.
        world: the dated world.
    """

    def __init__(self, connection: Connection, world: World) -> None:
        self._connection = connection
        self._world = world
        self._tracks = Tracks(connection, world)
        self._scans = Scans(connection, world)

    async def fill(self, bare: Sequence[tuple[DutyRule, Case]]) -> list[Supplied]:
        """Each case, in the same order, with what its rule needs."""
        needs = [rule.need(case) for rule, case in bare]
        wanted = [need for need in needs if need is not None]
        await self._tracks.read(wanted)
        await self._scans.read(wanted)
        return [(await self._filled(rule, case, need), need) for (rule, case), need in zip(bare, needs, strict=True)]

    async def _filled(self, rule: DutyRule, case: Case, need: Need | None) -> Case:
        if need is not None:
            case = replace(case, tracked=self._tracks.of(need), scans=self._scans.of(need))
        if (wide := rule.long_need(case)) is not None:
            case = replace(case, long=await long_view(self._connection, self._world, wide))
        return case
