"""Duties: planned, woken by marks, judged in portions, written with everything that follows."""

import logging
from collections.abc import Iterable
from datetime import datetime, timedelta

from ingest.database import Connection
from ingest.errors import DatabaseUnavailable
from rules.catalog import catalog
from rules.core.duties import Duty, Judgement, stand
from rules.core.lag import tempered
from rules.desk import Desk
from rules.errors import LeadershipLost
from rules.metrics import DUE, FAILED, JUDGED
from rules.rule import (
    Arrival,
    Case,
    CloseTicket,
    DutyRule,
    Effect,
    Group,
    IncidentFacts,
    Member,
    OpenTicket,
    Planned,
    Planning,
)
from rules.store import duties as store
from rules.store import marks as marks_store
from rules.store import waivers
from rules.store.incidents import incident_facts, set_arrived
from rules.store.service import caught_up_to
from rules.store.tickets import close_ticket, open_ticket
from rules.store.world import Snapshot
from rules.tracks import Tracks
from rules.waived import alerts_of

_FIRST_RETRY = timedelta(seconds=5)
_LAST_RETRY = timedelta(minutes=10)

log = logging.getLogger(__name__)


class DutyLane:
    """Everything with a deadline."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._rules = {name: rule for name, rule in catalog().items() if isinstance(rule, DutyRule)}
        self._planned_at: datetime | None = None
        self._planned_stamp: str | None = None
        self._failures: dict[int, int] = {}
        for name in self._rules:
            FAILED.labels(name)

    async def step(self) -> bool:
        """Plan, take marks, let time pass, judge a portion.

        Returns:
            Whether there may be more to do at once.
        """
        await self._plan()
        marked = await self._take_marks()
        judged = await self._judge_portion()
        return marked or judged

    async def next_at(self) -> datetime | None:
        """When there is something to do again if nothing happens before."""
        async with self._desk.transaction() as connection:
            return await store.next_due(connection)

    async def _plan(self) -> None:
        """Make the duties there should be; when the world changed, and now and then."""
        now = self._desk.clock()
        async with self._desk.transaction() as connection:
            known = await self._desk.world(connection, at_most_old_s=0)
            fresh = self._planned_at is not None and now - self._planned_at < self._desk.options.plan_every
            if fresh and known.stamp == self._planned_stamp:
                return
            since = min(await store.planned_until(connection) or now, now)
            planning = self._planning(known, now=now, since=since)
            made = 0
            for rule in self._rules.values():
                planned = self._plan_rule(rule, planning)
                if planned is None:
                    continue
                if rule.replans:
                    await store.retract_plan(connection, rule.name, planned, now=now)
                made += await store.store_plan(connection, planned)
                if rule.follows_world:
                    keys = [it.duty.key for it in planned]
                    await store.wake_unplanned(connection, rule.name, keys=keys, now=now)
            await store.set_planned_until(connection, now)
        self._planned_at, self._planned_stamp = now, known.stamp
        if made:
            log.info("planned %d duties", made, extra={"event": "rules_planned"})

    def _planning(
        self, known: Snapshot, *, now: datetime, since: datetime, incidents: Iterable[IncidentFacts] = ()
    ) -> Planning:
        return Planning(
            world=known.world,
            settings=known.settings,
            now=now,
            since=since,
            until=now + self._desk.options.horizon,
            backfill=self._desk.options.backfill,
            incidents=tuple(incidents),
        )

    def _plan_rule(self, rule: DutyRule, planning: Planning) -> list[Planned] | None:
        try:
            return rule.plan(planning)
        except Exception:  # one rule's mistake must not stop the others
            FAILED.labels(rule.name).inc()
            log.exception("rule %s could not plan; its duties stay as they are", rule.name)
            return None

    async def _take_marks(self) -> bool:
        """Turn marks into duties to be judged now; incidents may need new duties first."""
        now = self._desk.clock()
        async with self._desk.transaction() as connection:
            marks = await marks_store.some(connection, ("checkpoint", "incident", "duty"))
            if not marks:
                return False
            incidents = [int(mark.subject) for mark in marks if mark.kind == "incident" and mark.subject.isdecimal()]
            if incidents:
                facts = await incident_facts(connection, incidents)
                known = await self._desk.world(connection)
                planning = self._planning(known, now=now, since=now, incidents=facts.values())
                for rule in self._rules.values():
                    if rule.subject == "incident":
                        await store.store_plan(connection, self._plan_rule(rule, planning) or [])
            for kind in ("checkpoint", "incident"):
                its = [mark for mark in marks if mark.kind == kind]
                await store.wake(
                    connection,
                    [rule.name for rule in self._rules.values() if rule.subject == kind],
                    subjects=[mark.subject for mark in its],
                    windows=[(mark.window_from, mark.window_to) for mark in its],
                    open_ended=kind == "incident",
                    now=now,
                )
            named = [int(mark.subject) for mark in marks if mark.kind == "duty" and mark.subject.isdecimal()]
            await waivers.wake(connection, named, now=now)
            await marks_store.forget(connection, marks)
        return True

    async def _judge_portion(self) -> bool:
        now = self._desk.clock()
        async with self._desk.transaction() as connection:
            await store.advance(connection, now=now)
            due = await store.due(connection, now=now, limit=self._desk.options.portion)
            if due:
                known = await self._desk.world(connection)
        DUE.set(len(due))
        if not due:
            return False
        for key, members in self._in_groups(due, known, now).items():
            await self._judge_safely(key, members)
        return True

    def _in_groups(self, due: list[Duty], known: Snapshot, now: datetime) -> dict[str, list[Duty]]:
        """Duties that share alerts are judged together."""
        groups: dict[str, list[Duty]] = {}
        for duty in due:
            groups.setdefault(f"{duty.rule}:{self._share(duty, known, now)}", []).append(duty)
        return groups

    def _share(self, duty: Duty, known: Snapshot, now: datetime) -> str:
        rule = self._rules.get(duty.rule)
        if rule and rule.shares == "round" and duty.round is not None:
            return f"round {duty.round}"
        if rule and rule.shares == "community":
            return _community(duty, known, now)
        return duty.key

    async def _judge_safely(self, key: str, members: list[Duty]) -> None:
        """Judge one group; what fails is put off and said, and the others go on."""
        try:
            await self._judge_group(members)
        except (DatabaseUnavailable, LeadershipLost):
            raise
        except Exception:  # whatever it is, it is this group's alone
            log.exception("could not judge %s; it is tried again", key, extra={"event": "rules_judgement_failed"})
            async with self._desk.transaction() as connection:
                await self._put_off(connection, members)

    async def _judge_group(self, members: list[Duty]) -> None:
        now = self._desk.clock()
        async with self._desk.transaction() as connection:
            rule = self._rules.get(members[0].rule)
            if rule is None:
                log.warning("there is no rule %s; its duties rest", members[0].rule)
                await store.put_off(connection, _ids(members), until=now + timedelta(days=1))
                return
            known = await self._desk.world(connection)
            caught_up = await caught_up_to(connection)  # before the readings: what it promises, they hold
            tracks = Tracks(connection, known)
            judged: dict[int, Member] = {}
            for case in await self._cases(connection, rule, members, known, tracks):
                duty = case.duty
                try:
                    judgement = rule.judge(case, now=now)
                except Exception:  # one duty's mistake must not stop the others
                    log.exception("could not judge duty %s; it is tried again", duty.key)
                    await self._put_off(connection, [duty])
                    continue
                if rule.need(case) is not None:
                    judgement = tempered(duty, judgement, now=now, caught_up_to=caught_up)
                after = await self._write(connection, rule, case, judgement, now)
                judged[after.id or 0] = Member(duty=after, evidence=judgement.evidence)
            if judged:
                group = await self._group(connection, rule, judged, known, now)
                await self._desk.carry_out(connection, alerts_of(rule, group), keep_open=rule.keep_open)
        for duty_id in judged:
            self._failures.pop(duty_id, None)

    async def _cases(
        self, connection: Connection, rule: DutyRule, members: list[Duty], known: Snapshot, tracks: Tracks
    ) -> list[Case]:
        incidents: dict[int, IncidentFacts] = {}
        if rule.subject == "incident":
            incidents = await incident_facts(connection, (int(duty.subject) for duty in members))
        cases = []
        for duty in members:
            bare = Case(
                duty=duty,
                world=known.world,
                settings=known.settings,
                incident=incidents.get(int(duty.subject)) if rule.subject == "incident" else None,
            )
            need = rule.need(bare)
            tracked = await tracks.of(need) if need else ()
            cases.append(
                Case(
                    duty=duty,
                    world=known.world,
                    settings=known.settings,
                    incident=bare.incident,
                    tracked=tracked,
                )
            )
        return cases

    async def _write(
        self, connection: Connection, rule: DutyRule, case: Case, judgement: Judgement, now: datetime
    ) -> Duty:
        standing = stand(case.duty, judgement, now=now)
        after = await store.write(connection, case.duty, standing, judgement, now=now)
        JUDGED.labels(rule.name, standing.verdict or "none").inc()
        for effect in rule.effects(after, case, now=now):
            await self._effect(connection, effect, after, now)
        return after

    async def _effect(self, connection: Connection, effect: Effect, duty: Duty, now: datetime) -> None:
        match effect:
            case OpenTicket():
                await open_ticket(connection, effect, duty=duty.id, at=now, zone=self._desk.options.zone)
            case CloseTicket():
                await close_ticket(connection, effect, at=now)
            case Arrival():
                await set_arrived(connection, effect.incident, at=effect.at)
        await connection.execute("NOTIFY gengfu_changes")

    async def _group(
        self, connection: Connection, rule: DutyRule, judged: dict[int, Member], known: Snapshot, now: datetime
    ) -> Group:
        """The judged duties with those that share alerts with them."""
        first = next(iter(judged.values())).duty
        key = self._share(first, known, now)
        its_round, others = await store.of_round(connection, first.round if rule.shares == "round" else None)
        if rule.shares == "community":
            others = [it for it in await store.overdue(connection, rule.name) if _community(it, known, now) == key]
        members = {**{it.id or 0: Member(duty=it) for it in others}, **judged}
        return Group(
            key=key,
            round=its_round,
            members=tuple(members[number] for number in sorted(members)),
            world=known.world,
            settings=known.settings,
            now=now,
        )

    async def _put_off(self, connection: Connection, members: list[Duty]) -> None:
        for duty in members:
            number = duty.id or 0
            times = self._failures.get(number, 0)
            self._failures[number] = times + 1
            wait = min(_LAST_RETRY, _FIRST_RETRY * 2 ** min(times, 10))
            FAILED.labels(duty.rule).inc()
            await store.put_off(connection, [number], until=self._desk.clock() + wait)


def _community(duty: Duty, known: Snapshot, now: datetime) -> str:
    """The grid above the duty's, which shares one alert; the duty's own grid at the top, "site" without one."""
    grid = known.world.grids.at(duty.grid, now)
    return (grid.parent or grid.code) if grid else "site"


def _ids(members: list[Duty]) -> list[int]:
    return [duty.id for duty in members if duty.id is not None]
