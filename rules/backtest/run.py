"""Runs a back-test in a transaction that cannot write."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from ingest.database import Connection
from rules.backtest.duties import DutyTest
from rules.backtest.memory import AlertMemory, device_behind
from rules.backtest.question import Question
from rules.backtest.result import Result, Told
from rules.core.alerts import Clear
from rules.core.fixes import Span
from rules.errors import BacktestRefused
from rules.facts import TrackCase
from rules.pressing import reading_of
from rules.rule import DutyRule, ReadingRule
from rules.store import history, samples
from rules.store.incidents import incident_facts
from rules.store.world import Snapshot, snapshot
from rules.track_rule import TrackRule

Progress = Callable[[int, int], None]
_WAYS = 50  # devices whose readings are in memory at once
_DIFFERING = 200  # duties named whose verdicts differ; the counts tell the rest


@dataclass(frozen=True, kw_only=True)
class _Found:
    """What a run gives, whichever kind of rule it was."""

    memory: AlertMemory
    judged: int
    judged_what: str
    already: int = 0
    verdicts: dict[str, str] | None = None


async def backtest(
    connection: Connection,
    asked: Question,
    *,
    zone: str,
    backfill: timedelta,
    progress: Progress = lambda _done, _all: None,
) -> Result:
    """Run a rule over a span of stored history; nothing is written and nobody is told.

    Args:
        connection: in no transaction.
        asked: rule, span and changed settings.
        zone: the site's IANA zone.
        backfill: after this long a verdict is final.
        progress: told how much of how much is done.

    Raises:
        BacktestRefused: nothing is stored of the span.
    """
    async with connection.transaction():
        # One moment for the whole run, and a promise that the server keeps.
        await connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        known = await snapshot(connection, zone=zone, known=None)
        remarks = await _remarks(connection, asked.span)
        book = known.settings.with_values(asked.rule.name, asked.changes)
        found = await _run(connection, asked, Snapshot(known.stamp, known.world, book), backfill, progress)
        return await _result(connection, asked, found, zone=zone, remarks=remarks)


async def _run(
    connection: Connection, asked: Question, known: Snapshot, backfill: timedelta, progress: Progress
) -> _Found:
    match asked.rule:
        case DutyRule() as rule:
            incidents = {}
            if rule.subject == "incident":
                incidents = await incident_facts(connection, await history.incidents_of(connection, asked.span))
            test = DutyTest(
                rule, asked.span, known.world, known.settings, backfill, incidents=incidents, progress=progress
            )
            await test.run(connection)
            return _Found(
                memory=test.memory,
                judged=len(test.final),
                judged_what="duties",
                already=test.already,
                verdicts=test.verdicts(),
            )
        case ReadingRule() as rule:
            return await _readings(connection, rule, asked.span, known, progress)
        case TrackRule() as rule:
            return await _ways(connection, rule, asked.span, known, progress)
        case _:
            raise BacktestRefused(f"{asked.rule.name} cannot look back")


async def _readings(
    connection: Connection, rule: ReadingRule, span: Span, known: Snapshot, progress: Progress
) -> _Found:
    memory = AlertMemory()
    rows = await history.buttons(connection, span)
    for done, row in enumerate(rows, start=1):
        if (device := known.world.device.get(row["device"])) is None:
            continue
        reading = await reading_of(connection, device, row)
        intents = rule.signals(reading, world=known.world, settings=known.settings)
        memory.carry_out(intents, at=reading.received_at, keep_open=rule.keep_open)
        progress(done, len(rows))
    return _Found(memory=memory, judged=len(rows), judged_what="readings")


async def _ways(connection: Connection, rule: TrackRule, span: Span, known: Snapshot, progress: Progress) -> _Found:
    memory = AlertMemory()
    devices = list(known.world.devices)
    grids = await samples.grid_codes(connection)
    errands = await samples.errands(connection, at=span.start)
    already = heard = 0
    for start in range(0, len(devices), _WAYS):
        portion = {device.number: device for device in devices[start : start + _WAYS]}
        after = dict.fromkeys(portion, span.start - rule.lookback)
        positions = await samples.samples(connection, after, until=span.end, grids=grids)
        others = await samples.others(connection, after, until=span.end, grids=grids, devices=portion)
        for number in sorted(positions.keys() | others.keys()):
            heard += 1
            case = TrackCase(
                device=portion[number],
                span=span,
                samples=positions.get(number, ()),
                readings=others.get(number, ()),
                world=known.world,
                settings=known.settings,
                errands=errands,
            )
            for episode in rule.episodes(case):
                if episode.began_at < span.start:
                    already += 1
                    continue
                memory.carry_out([episode.raised], at=episode.began_at, keep_open=rule.keep_open)
                if episode.ended_at is not None:
                    over = Clear(fingerprint=episode.raised.fingerprint, note=episode.ended or "it is over")
                    memory.carry_out([over], at=episode.ended_at, keep_open=rule.keep_open)
        progress(min(start + _WAYS, len(devices)), len(devices))
    return _Found(memory=memory, judged=heard, judged_what="devices", already=already)


async def _remarks(connection: Connection, span: Span) -> list[str]:
    if not await history.anything(connection, span):
        raise BacktestRefused(
            f"nothing is stored from {span.start:%Y-%m-%d %H:%MZ} to {span.end:%Y-%m-%d %H:%MZ}; "
            "choose a span in which devices reported (gengfu storage status says which days there are)"
        )
    dropped = await history.dropped_before(connection)
    if dropped is not None and dropped > span.start:
        return [f"readings before {dropped:%Y-%m-%d %H:%MZ} were dropped for their age; there nothing can be proven"]
    oldest = await history.oldest(connection)
    if oldest is not None and oldest > span.start:
        return [f"the oldest position is of {oldest:%Y-%m-%d %H:%MZ}; before that nothing can be proven"]
    return []


async def _result(connection: Connection, asked: Question, found: _Found, *, zone: str, remarks: list[str]) -> Result:
    stored = await history.stored_duties(connection, asked.rule.name, asked.span) if found.verdicts is not None else {}
    verdicts = found.verdicts or {}
    differing = sorted(
        (key, stored[key]["verdict"], verdict)
        for key, verdict in verdicts.items()
        if key in stored and stored[key]["verdict"] not in (None, verdict) and not _let_off(stored[key], verdict)
    )
    rows = await history.openings(connection, asked.rule.name, asked.span)
    raised = found.memory.raised
    return Result(
        rule=asked.rule.name,
        title=asked.rule.title,
        span=asked.span,
        zone=zone,
        changes=asked.changes,
        judged=found.judged,
        judged_what=found.judged_what,
        raised=raised[found.already :] if found.verdicts is not None else raised,
        in_fact=[_told(row["fingerprint"], row["at"], row) for row in rows],
        already=found.already,
        verdicts=Counter(verdicts.values()),
        stored=Counter(row["verdict"] for row in stored.values() if row["verdict"]),
        differing=differing[:_DIFFERING],
        remarks=remarks,
    )


def _let_off(row: dict[str, Any], verdict: str) -> bool:
    """Whether a person's waiver is all that makes the difference; a run knows of no waivers."""
    return row["verdict"] == "waived" and row["waived_at"] is not None and verdict != "met"


def _told(fingerprint: str, at: datetime, row: dict[str, Any]) -> Told:
    return Told(
        fingerprint=fingerprint,
        at=at,
        class_=row["class"],
        severity=row["severity"],
        title=row["title"],
        subject=row["subject"],
        unit=row["unit"],
        device=device_behind(row["device"], row["reasons"]),
        grid=row["grid"],
    )
