"""Plans: the duties there should be, made ahead of time and again when the world changes; corrections of the past."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from ingest.database import Connection
from rules.core.alerts import WITHDRAWN, Clear
from rules.core.corrections import Extent, extent_of, together
from rules.desk import Desk
from rules.facts import IncidentFacts, Planning
from rules.metrics import FAILED
from rules.replies import Planned
from rules.rule import DutyRule
from rules.store import duties as store
from rules.store import plans
from rules.store.world import Snapshot

log = logging.getLogger(__name__)


class Planner:
    """Makes duties; when the world changes it plans anew from where the change begins.

    Args:
        desk: where the work is done.
        rules: by name.
    """

    def __init__(self, desk: Desk, rules: Mapping[str, DutyRule]) -> None:
        self._desk = desk
        self._rules = rules
        self._planned_at: datetime | None = None
        self._planned_to: datetime | None = None
        self._stamp: str | None = None

    async def plan(self) -> None:
        """Make the duties there should be; when the world changed, and now and then."""
        now = self._desk.clock()
        async with self._desk.transaction() as connection:
            changes = await plans.changes(connection)  # before the world: it holds what they promise
            known = await self._desk.world(connection, at_most_old_s=0)
            fresh = self._planned_at is not None and now - self._planned_at < self._desk.options.plan_every
            if fresh and known.stamp == self._stamp and not changes:
                return
            until, begun = await plans.planned(connection)
            extents = [extent_of(change, known.world) for change in changes] if begun else []
            whole = self._stamp is None or (known.stamp != self._stamp and not changes)
            floor = max(begun or now, now - self._desk.options.reach) if self._desk.options.reach else begun or now
            made = 0
            for rule in self._rules.values():
                mine = [it for it in extents if it.rules is None or rule.name in it.rules]
                planning = self.planning(known, now=now, since=min(until or now, now))
                if not rule.replans:
                    made += await self._plan_on(connection, rule, planning, now=now)
                elif whole or together(mine) != frozenset():
                    made += await self._plan_anew(connection, rule, planning, mine, whole=whole, floor=floor)
                if rule.replans and not whole and not fresh:
                    ahead = self.planning(known, now=now, since=self._planned_to or now)
                    made += await self._make(connection, self.plan_rule(rule, ahead) or [])
            await self._judge_corrected(connection, extents, floor=floor, now=now)
            await plans.forget_changes(connection, changes)
            await plans.set_planned(connection, now)
        if whole or not fresh:
            self._planned_at, self._planned_to = now, now + self._desk.options.horizon
        self._stamp = known.stamp
        if made:
            log.info("planned %d duties", made, extra={"event": "rules_planned"})

    def planning(
        self,
        known: Snapshot,
        *,
        now: datetime,
        since: datetime,
        incidents: Iterable[IncidentFacts] = (),
        units: frozenset[str] | None = None,
    ) -> Planning:
        """What planners get."""
        return Planning(
            world=known.world,
            settings=known.settings,
            now=now,
            since=since,
            until=now + self._desk.options.horizon,
            backfill=self._desk.options.backfill,
            incidents=tuple(incidents),
            units=units,
        )

    def plan_rule(self, rule: DutyRule, planning: Planning) -> list[Planned] | None:
        """A rule's plan; None when it failed, so that its duties stay as they are."""
        try:
            return rule.plan(planning)
        except Exception:  # one rule's mistake must not stop the others
            FAILED.labels(rule.name).inc()
            log.exception("rule %s could not plan; its duties stay as they are", rule.name)
            return None

    async def plan_incidents(self, connection: Connection, known: Snapshot, incidents: Iterable[IncidentFacts]) -> None:
        """Make the duties of incidents to which somebody was just sent."""
        now = self._desk.clock()
        planning = self.planning(known, now=now, since=now, incidents=incidents)
        for rule in self._rules.values():
            if rule.subject == "incident":
                await self._make(connection, self.plan_rule(rule, planning) or [])

    async def _plan_on(self, connection: Connection, rule: DutyRule, planning: Planning, *, now: datetime) -> int:
        """Make what is missing; what is there stays."""
        planned = self.plan_rule(rule, planning)
        if planned is None:
            return 0
        made = await self._make(connection, planned)
        if rule.follows_world:
            await store.wake_unplanned(connection, rule.name, keys=[it.duty.key for it in planned], now=now)
        return made

    async def _plan_anew(
        self,
        connection: Connection,
        rule: DutyRule,
        planning: Planning,
        extents: Sequence[Extent],
        *,
        whole: bool,
        floor: datetime,
    ) -> int:
        """Make what is missing, drop what is not planned any more, and supersede what has begun of that."""
        since = min([planning.since, *(max(it.since, floor) for it in extents)])
        units = None if whole else together(extents)
        planning = Planning(**{**vars(planning), "since": since, "units": units})
        planned = self.plan_rule(rule, planning)
        if planned is None:
            return 0
        if units is not None:
            planned = [it for it in planned if it.duty.unit in units]
        await plans.stage(connection, planned)
        await plans.retract(connection, rule.name, units=units, now=planning.now)
        gone = await plans.supersede(connection, rule.name, since=since, units=units, now=planning.now)
        if gone.duties:
            log.info("superseded %d duties", len(gone.duties), extra={"event": "rules_superseded", "rule": rule.name})
            clears = [_cleared(fingerprint) for fingerprint in await plans.told(connection, rule.name, gone)]
            await self._desk.carry_out(connection, clears, keep_open=rule.keep_open)
        await plans.adjust(connection, now=planning.now)
        return await plans.make(connection, planned)

    async def _make(self, connection: Connection, planned: Sequence[Planned]) -> int:
        if not planned:
            return 0
        await plans.stage(connection, planned)
        return await plans.make(connection, planned)

    async def _judge_corrected(
        self, connection: Connection, extents: Sequence[Extent], *, floor: datetime, now: datetime
    ) -> None:
        """Judge again what a correction of the world may have changed."""
        for extent in extents:
            if not extent.judged or extent.since >= now or extent.units == frozenset():
                continue
            names = [
                name
                for name, rule in self._rules.items()
                if not rule.follows_world
                and (extent.rules is None or name in extent.rules)
                and (extent.subjects is None or rule.subject == "checkpoint")
            ]
            lasting = [name for name in names if self._rules[name].lasts]
            await plans.judge_touched(connection, names, extent, lasting=lasting, floor=floor, now=now)


def _cleared(fingerprint: str) -> Clear:
    return Clear(
        fingerprint=fingerprint,
        event="superseded",
        class_=WITHDRAWN,
        note="the plan was corrected, and this duty is not in it any more",
    )
