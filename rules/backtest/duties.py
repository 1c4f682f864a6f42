"""Back-test of a rule about duties: planned for the span, judged as at their end, with all readings there are."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import islice

from ingest.database import Connection
from rules.backtest.memory import AlertMemory
from rules.core.duties import Duty, State
from rules.core.fixes import Span
from rules.core.rounds import Round
from rules.core.world import World
from rules.facts import Case, IncidentFacts, Planning
from rules.judging import Outcome, alerts_of, judge, share_of
from rules.replies import Planned
from rules.rule import DutyRule
from rules.settings import SettingsBook
from rules.supply import Supplied, Supply

Progress = Callable[[int, int], None]
PORTION = 500  # duties whose fixes are in memory at once
_DAY = timedelta(days=1)


@dataclass
class DutyTest:
    """One run of one rule.

    Attributes:
        world: dated, as it is known today.
        settings: dated, with the changes that are tried.
        incidents: that were dispatched within the span; only for rules about incidents.
        backfill: after this long a verdict is final.
        progress: told how many of how many duties are judged.
        final: what became of each duty, by key, once it has run.
        already: how many alerts were due when the span began.
    """

    rule: DutyRule
    span: Span
    world: World
    settings: SettingsBook
    backfill: timedelta
    incidents: Mapping[int, IncidentFacts] = field(default_factory=dict)
    progress: Progress = lambda _done, _all: None
    memory: AlertMemory = field(default_factory=AlertMemory)
    final: dict[str, Duty] = field(default_factory=dict)
    already: int = 0

    async def run(self, connection: Connection) -> None:
        """Plan, judge, and remember what would have been raised."""
        if self.rule.follows_world:
            self._follow()
            return
        duties, rounds = self._numbered(self._planned())
        supply = Supply(connection, self.world)
        done = 0
        for portion in _portions(self._groups(duties)):
            cases = iter(await supply.fill([(self.rule, self._case(duty)) for group in portion for duty in group]))
            for group in portion:
                self._judge(list(islice(cases, len(group))), rounds)
            done += sum(len(group) for group in portion)
            self.progress(done, len(duties))

    # -- planning --------------------------------------------------------------------------------------------------

    def _planned(self) -> list[Planned]:
        """The duties that fell due within the span, planned day by day as the worker does."""
        found: dict[str, Planned] = {}
        for day in _days(self.span):
            for planned in self.rule.plan(self._planning(day.start, since=day.start, until=day.end)):
                if self.span.start <= ends_at(planned) < self.span.end:
                    found.setdefault(planned.duty.key, planned)
        return sorted(found.values(), key=lambda it: (ends_at(it), it.round.key if it.round else ""))

    def _planning(self, now: datetime, *, since: datetime, until: datetime) -> Planning:
        return Planning(
            world=self.world,
            settings=self.settings,
            now=now,
            since=since,
            until=until,
            backfill=self.backfill,
            incidents=tuple(self.incidents.values()),
        )

    def _numbered(self, planned: Sequence[Planned]) -> tuple[list[Duty], dict[int, Round]]:
        """With numbers such as the table would give; those of a round have its number."""
        numbers: dict[str, int] = {}
        rounds: dict[int, Round] = {}
        duties = []
        for number, it in enumerate(planned, start=1):
            round_number = None
            if it.round is not None:
                round_number = numbers.setdefault(it.round.key, len(numbers) + 1)
                rounds[round_number] = it.round
            duties.append(replace(it.duty, id=number, round=round_number))
        return duties, rounds

    def _groups(self, duties: Iterable[Duty]) -> list[list[Duty]]:
        groups: dict[str, list[Duty]] = {}
        for duty in duties:
            groups.setdefault(share_of(self.rule, duty, self.world, now=duty.opens_at), []).append(duty)
        return list(groups.values())

    # -- judging ---------------------------------------------------------------------------------------------------

    def _case(self, duty: Duty) -> Case:
        incident = self.incidents.get(int(duty.subject)) if self.rule.subject == "incident" else None
        return Case(duty=duty, world=self.world, settings=self.settings, incident=incident)

    def _judge(self, cases: Sequence[Supplied], rounds: Mapping[int, Round]) -> None:
        """Judge the duties that share alerts, at their end; and when that came late, first when they settled."""
        final = [judge(self.rule, case, need, now=case.duty.final_at) for case, need in cases]
        settled_at = max(case.duty.settles_at for case, _ in cases)
        if any(it.standing.met_at and it.standing.met_at > it.case.duty.settles_at for it in final):
            early = [judge(self.rule, _as_known(case, settled_at), need, now=settled_at) for case, need in cases]
            self._tell(early, rounds, at=settled_at)
        self.final.update((it.case.duty.key, it.after(now=it.case.duty.final_at)) for it in final)
        came_at = max((it.standing.met_at or settled_at for it in final), default=settled_at)
        self._tell(final, rounds, at=max(settled_at, came_at))

    def _tell(self, outcomes: Sequence[Outcome], rounds: Mapping[int, Round], *, at: datetime) -> None:
        its_round = rounds.get(outcomes[0].case.duty.round or 0) if self.rule.shares == "round" else None
        intents = alerts_of(self.rule, outcomes, others=(), its_round=its_round, now=at)
        self.memory.carry_out(intents, at=at, keep_open=self.rule.keep_open)

    # -- rules that follow the world ---------------------------------------------------------------------------------

    def _follow(self) -> None:
        """Let days pass: what is wanted each day, and what has become of what was wanted before."""
        live: dict[str, Duty] = {}
        numbers: dict[str, int] = {}
        days = list(_days(self.span))
        for number, day in enumerate(days):
            planned = self.rule.plan(self._planning(day.start, since=day.start, until=day.end))
            for it in planned:
                numbers.setdefault(it.duty.key, len(numbers) + 1)
                live.setdefault(it.duty.key, replace(it.duty, id=numbers[it.duty.key]))
            due = [duty for duty in live.values() if duty.opens_at <= day.start]
            outcomes = [judge(self.rule, self._case(duty), None, now=day.start) for duty in due]
            for after in (it.after(now=day.start) for it in outcomes):
                live[after.key] = self.final[after.key] = after
                if after.state is State.FINAL:
                    del live[after.key]
            for group in _grouped(outcomes, lambda it: share_of(self.rule, it.case.duty, self.world, now=day.start)):  # noqa: B023  used at once
                self._tell(group, {}, at=day.start)
            if number == 0:
                self.already = len(self.memory.raised)
            self.progress(number + 1, len(days))

    def verdicts(self) -> dict[str, str]:
        """The verdict of each duty that has one, by key."""
        return {key: str(it.verdict) for key, it in self.final.items() if it.verdict is not None}


def ends_at(planned: Planned) -> datetime:
    """The moment that says to which span a duty belongs: a round is never torn apart."""
    return planned.round.ends_at if planned.round else planned.duty.due_at


def _as_known(case: Case, at: datetime) -> Case:
    """The case without what was reported after a moment."""
    tracked = tuple(it.until(at) for it in case.tracked)
    return replace(case, tracked=tracked, scans=tuple(scan for scan in case.scans if scan.time <= at))


def _days(span: Span) -> Iterator[Span]:
    start = span.start
    while start < span.end:
        end = min(start + _DAY, span.end)
        yield Span(start, end)
        start = end


def _portions(groups: Sequence[list[Duty]]) -> Iterator[list[list[Duty]]]:
    portion: list[list[Duty]] = []
    for group in groups:
        portion.append(group)
        if sum(map(len, portion)) >= PORTION:
            yield portion
            portion = []
    if portion:
        yield portion


def _grouped(outcomes: Iterable[Outcome], key: Callable[[Outcome], str]) -> Iterable[list[Outcome]]:
    groups: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        groups.setdefault(key(outcome), []).append(outcome)
    return groups.values()
