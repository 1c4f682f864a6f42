"""Duties: planned, woken by marks, judged in portions, written with everything that follows."""

import logging
from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from ingest.database import Connection
from ingest.errors import DatabaseUnavailable
from rules.catalog import catalog
from rules.core.alerts import Intent
from rules.core.duties import Duty
from rules.corrections import set_apart
from rules.desk import Desk
from rules.errors import LeadershipLost
from rules.facts import Case
from rules.judging import Outcome, alerts_of, effects_of, judge, share_of
from rules.metrics import DUE, FAILED, JUDGED
from rules.planner import Planner
from rules.replies import Arrival, CloseTicket, OpenTicket
from rules.rule import DutyRule
from rules.store import duties as store
from rules.store import marks as marks_store
from rules.store import plans, waivers
from rules.store.incidents import incident_facts, set_arrived
from rules.store.late import wake_late
from rules.store.service import caught_up_to
from rules.store.spot_checks import answers_of
from rules.store.tickets import close_ticket, open_ticket
from rules.store.world import Snapshot
from rules.supply import Supplied, Supply

_FIRST_RETRY = timedelta(seconds=5)
_LAST_RETRY = timedelta(minutes=10)

log = logging.getLogger(__name__)


class DutyLane:
    """Everything with a deadline."""

    def __init__(self, desk: Desk, *, only: Collection[str] | None = None) -> None:
        """Nothing is planned yet.

        Args:
            desk: the worker's.
            only: names of the rules whose duties it keeps; None: all there are.
        """
        self._desk = desk
        self._rules = {
            name: rule
            for name, rule in catalog().items()
            if isinstance(rule, DutyRule) and (only is None or name in only)
        }
        self._planner = Planner(desk, self._rules)
        self._failures: dict[int, int] = {}
        for name in self._rules:
            FAILED.labels(name)

    async def step(self) -> bool:
        """Plan, take marks, let time pass, judge a portion.

        Returns:
            Whether there may be more to do at once.
        """
        await self._planner.plan()
        marked = await self._take_marks()
        judged = await self._judge_portion()
        return marked or judged

    async def next_at(self) -> datetime | None:
        """When there is something to do again if nothing happens before."""
        async with self._desk.transaction() as connection:
            return await store.next_due(connection)

    async def _take_marks(self) -> bool:
        """Turn marks into duties to be judged now; incidents may need new duties first."""
        now = self._desk.clock()
        async with self._desk.transaction() as connection:
            marks = await marks_store.some(connection, ("checkpoint", "incident", "late", "duty"))
            if not marks:
                return False
            incidents = [int(mark.subject) for mark in marks if mark.kind == "incident" and mark.subject.isdecimal()]
            if incidents:
                facts = await incident_facts(connection, incidents)
                await self._planner.plan_incidents(connection, await self._desk.world(connection), facts.values())
            for kind in ("checkpoint", "incident"):
                its = [mark for mark in marks if mark.kind == kind]
                names = [rule.name for rule in self._rules.values() if rule.subject == kind]
                await store.wake(
                    connection,
                    names,
                    subjects=[mark.subject for mark in its],
                    windows=[(mark.window_from, mark.window_to) for mark in its],
                    open_ended=kind == "incident",
                    now=now,
                )
                if kind == "checkpoint":
                    subjects = sorted({mark.subject for mark in its})
                    await plans.wake_turns(connection, names, subjects, now=now)
            if any(mark.kind == "late" for mark in marks):
                known = await self._desk.world(connection)
                await wake_late(connection, known.world, marks, rules=self._rules, now=now)
            named = [int(mark.subject) for mark in marks if mark.kind == "duty" and mark.subject.isdecimal()]
            await waivers.wake(connection, named, now=now)
            await marks_store.forget(connection, marks)
        return True

    async def _judge_portion(self) -> bool:
        """Judge what is due in one transaction; when that fails, each group in one of its own."""
        now = self._desk.clock()
        due: list[Duty] = []
        try:
            async with self._desk.transaction() as connection:
                await store.advance(connection, now=now)
                due = await store.due(connection, now=now, limit=self._desk.options.portion)
                DUE.set(len(due))
                done = await self._judge(connection, due, now=now) if due else []
        except (DatabaseUnavailable, LeadershipLost):
            raise
        except Exception:
            if not due:
                raise
            log.exception("could not judge %d duties at once; they are judged one group at a time", len(due))
            await self._judge_apart(due, now=now)
        else:
            self._count(done)
        return bool(due)

    async def _judge_apart(self, due: list[Duty], *, now: datetime) -> None:
        """Judge group by group; what fails is put off and said, and the others go on."""
        async with self._desk.transaction() as connection:
            known = await self._desk.world(connection)
        for key, members in self._in_groups(due, known, now).items():
            try:
                async with self._desk.transaction() as connection:
                    done = await self._judge(connection, members, now=now)
            except (DatabaseUnavailable, LeadershipLost):
                raise
            except Exception:  # whatever it is, it is this group's alone
                log.exception("could not judge %s; it is tried again", key, extra={"event": "rules_judgement_failed"})
                async with self._desk.transaction() as connection:
                    await self._put_off(connection, members)
            else:
                self._count(done)

    async def _judge(self, connection: Connection, due: list[Duty], *, now: datetime) -> list[Outcome]:
        """Read what all of them need, judge, then write it with what follows.

        Returns:
            What was written.
        """
        known = await self._desk.world(connection)
        caught_up = await caught_up_to(connection)  # before the readings: what it promises, they hold
        groups = self._in_groups(due, known, now)
        cases = await self._cases(connection, due, known)
        judged: dict[str, list[Outcome]] = {}
        for key, members in groups.items():
            judged[key] = await self._outcomes(connection, members, cases, now=now, caught_up_to=caught_up)
        judged = {key: await set_apart(connection, its, now=now) for key, its in judged.items() if its}
        await _number_evidence(connection, judged)
        alerts = await self._alerts(connection, judged, known, now=now)

        done = [outcome for outcomes in judged.values() for outcome in outcomes]
        if done:
            await store.write(connection, done, now=now)
            for outcome in done:
                await self._effects(connection, outcome, now=now)
            for name, intents in alerts.items():
                await self._desk.carry_out(connection, intents, keep_open=self._rules[name].keep_open)
        return done

    def _in_groups(self, due: list[Duty], known: Snapshot, now: datetime) -> dict[str, list[Duty]]:
        """Duties that share alerts are judged together."""
        groups: dict[str, list[Duty]] = {}
        for duty in due:
            share = share_of(self._rules.get(duty.rule), duty, known.world, now=now)
            groups.setdefault(f"{duty.rule}:{share}", []).append(duty)
        return groups

    async def _cases(self, connection: Connection, due: list[Duty], known: Snapshot) -> dict[int, Supplied]:
        """The case of each duty that has a rule, with all that it may rest on, by the duty's number."""
        having = [(rule, duty) for duty in due if (rule := self._rules.get(duty.rule))]
        named = {int(duty.subject) for rule, duty in having if rule.subject == "incident"}
        incidents = await incident_facts(connection, named) if named else {}
        checks = [duty.id or 0 for rule, duty in having if rule.subject == "round"]
        answers = await answers_of(connection, checks) if checks else {}
        bare = [
            (
                rule,
                Case(
                    duty=duty,
                    world=known.world,
                    settings=known.settings,
                    incident=incidents.get(int(duty.subject)) if rule.subject == "incident" else None,
                    answer=answers.get(duty.id or 0),
                ),
            )
            for rule, duty in having
        ]
        supplied = await Supply(connection, known.world).fill(bare)
        return {case.duty.id or 0: (case, need) for case, need in supplied}

    async def _outcomes(
        self,
        connection: Connection,
        members: list[Duty],
        cases: Mapping[int, Supplied],
        *,
        now: datetime,
        caught_up_to: datetime | None,
    ) -> list[Outcome]:
        rule = self._rules.get(members[0].rule)
        if rule is None:
            log.warning("there is no rule %s; its duties rest", members[0].rule)
            await store.put_off(connection, _ids(members), until=now + timedelta(days=1))
            return []
        outcomes = []
        for duty in members:
            case, need = cases[duty.id or 0]
            try:
                outcomes.append(judge(rule, case, need, now=now, caught_up_to=caught_up_to))
            except Exception:  # one duty's mistake must not stop the others
                log.exception("could not judge duty %s; it is tried again", duty.key)
                await self._put_off(connection, [duty])
        return outcomes

    async def _alerts(
        self, connection: Connection, judged: Mapping[str, list[Outcome]], known: Snapshot, *, now: datetime
    ) -> dict[str, list[Intent]]:
        """What people must know, by rule; those who share alerts with a judged duty are looked at with it."""
        first = {key: outcomes[0].case.duty for key, outcomes in judged.items()}
        numbers = {it.round for it in first.values() if it.round is not None and self._rules[it.rule].shares == "round"}
        rounds = await store.of_rounds(connection, sorted(numbers))
        names = {it.rule for it in first.values() if self._rules[it.rule].shares == "community"}
        overdue = {name: await store.overdue(connection, name) for name in sorted(names)}
        found: dict[str, list[Intent]] = {}
        for key, outcomes in judged.items():
            duty, rule = first[key], self._rules[first[key].rule]
            its_round, others = rounds.get(duty.round or 0, (None, []))
            if rule.shares != "round":
                its_round, others = (
                    None,
                    [
                        it
                        for it in overdue.get(rule.name, [])
                        if f"{rule.name}:{share_of(rule, it, known.world, now=now)}" == key
                    ],
                )
            intents = alerts_of(rule, outcomes, others=others, its_round=its_round, now=now)
            found.setdefault(rule.name, []).extend(intents)
        return found

    async def _effects(self, connection: Connection, outcome: Outcome, *, now: datetime) -> None:
        rule, duty = self._rules[outcome.case.duty.rule], outcome.case.duty
        for effect in effects_of(rule, outcome, now=now):
            match effect:
                case OpenTicket():
                    await open_ticket(connection, effect, duty=duty.id, at=now, zone=self._desk.options.zone)
                case CloseTicket():
                    await close_ticket(connection, effect, at=now)
                case Arrival():
                    await set_arrived(connection, effect.incident, at=effect.at)
            await connection.execute("NOTIFY gengfu_changes")

    def _count(self, done: list[Outcome]) -> None:
        for outcome in done:
            JUDGED.labels(outcome.case.duty.rule, outcome.standing.verdict or "none").inc()
            self._failures.pop(outcome.case.duty.id or 0, None)

    async def _put_off(self, connection: Connection, members: list[Duty]) -> None:
        for duty in members:
            number = duty.id or 0
            times = self._failures.get(number, 0)
            self._failures[number] = times + 1
            wait = min(_LAST_RETRY, _FIRST_RETRY * 2 ** min(times, 10))
            FAILED.labels(duty.rule).inc()
            await store.put_off(connection, [number], until=self._desk.clock() + wait)


async def _number_evidence(connection: Connection, judged: dict[str, list[Outcome]]) -> None:
    """Give each outcome that needs a row of evidence its number."""
    lacking = sum(it.needs_new_evidence for outcomes in judged.values() for it in outcomes)
    numbers = iter(await store.new_evidence(connection, lacking))
    for key, outcomes in judged.items():
        judged[key] = [replace(it, number=next(numbers)) if it.needs_new_evidence else it for it in outcomes]


def _ids(members: list[Duty]) -> list[int]:
    return [duty.id for duty in members if duty.id is not None]
