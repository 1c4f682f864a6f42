"""A back-test for people: a sentence, tables and bars on the terminal; the same as JSON for programs."""

from collections.abc import Callable, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from rich.console import Console
from rich.table import Table
from rich.text import Text

from ops.bench.report import bar
from ops.moments import at_site
from rules.backtest import Raised, Result, Told
from rules.backtest.result import counted
from rules.core.words import day_clock

MOST_STEPS = 62  # bars; more of them are read in the chart
MOST_NAMES = 10  # of devices, units, subjects; the rest is in the JSON
MOST_LINES = 12  # duties named whose verdicts differ
DIMENSIONS: tuple[tuple[str, Callable[[Told], str | None]], ...] = (
    ("device", lambda it: it.device),
    ("unit", lambda it: it.unit),
    ("subject", lambda it: it.subject),
)


def show(result: Result, *, console: Console) -> None:
    """Print a back-test."""
    start, end = day_clock(result.span.start, result.zone), day_clock(result.span.end, result.zone)
    console.print(f"[bold]{result.rule}[/bold]: {result.title}, {start} to {end} ({result.zone})")
    for key, value in result.changes.items():
        console.print(f"  with {key} = {value}")
    for remark in result.remarks:
        console.print(f"  [yellow]note[/yellow] {at_site(remark, zone=ZoneInfo(result.zone))}")
    console.print(f"[bold]{headline(result)}[/bold]; in fact {_times(len(result.in_fact))}")
    both, here, fact = result.both()
    if result.raised or result.in_fact:
        console.print(f"  the same alerts: {both}; only here: {here}; only in fact: {fact}")
    if result.already:
        console.print(f"  besides, {_many(result.already, 'alert')} for what was so when the span began")
    console.print(f"  {result.judged:,} {result.judged_what} looked at")
    _verdicts(result, console)
    _steps(result, console)
    for name, what in DIMENSIONS:
        _names(name, what, result, console)
    _ends(result.raised, console)
    _differing(result, console)


def headline(result: Result) -> str:
    """How often it would have been raised, and on what most of all."""
    return f"would have been raised {result.sentence()}" if result.raised else "would never have been raised"


def as_json(result: Result) -> dict[str, Any]:
    """The whole result."""
    both, here, fact = result.both()
    return {
        "rule": result.rule,
        "from": result.span.start.isoformat(),
        "to": result.span.end.isoformat(),
        "zone": result.zone,
        "settings": dict(result.changes),
        "judged": result.judged,
        "judged_what": result.judged_what,
        "times": len(result.raised),
        "sentence": result.sentence(),
        "in_fact": len(result.in_fact),
        "both": both,
        "only_here": here,
        "only_in_fact": fact,
        "already": result.already,
        "verdicts": dict(result.verdicts),
        "stored_verdicts": dict(result.stored),
        "differing": [{"duty": key, "stored": stored, "here": here} for key, stored, here in result.differing],
        f"by_{result.step}": result.by_time(result.raised),
        f"in_fact_by_{result.step}": result.by_time(result.in_fact),
        **{f"by_{name}": dict(counted(result.raised, what)) for name, what in DIMENSIONS},
        "raised": [
            {
                "at": it.at.isoformat(),
                "fingerprint": it.fingerprint,
                "class": it.class_,
                "severity": str(it.severity),
                "title": it.title,
                "subject": it.subject,
                "unit": it.unit,
                "device": it.device,
                "grid": it.grid,
                "ended": it.ended,
            }
            for it in result.raised
        ],
        "remarks": list(result.remarks),
    }


def _verdicts(result: Result, console: Console) -> None:
    if not result.verdicts:
        return
    table = Table("verdict", box=None, pad_edge=False)
    table.add_column("back-test", justify="right")
    table.add_column("stored", justify="right")
    for name in sorted(set(result.verdicts) | set(result.stored), key=lambda it: -result.verdicts.get(it, 0)):
        table.add_row(name, f"{result.verdicts.get(name, 0):,}", f"{result.stored.get(name, 0):,}")
    console.print(table)


def _steps(result: Result, console: Console) -> None:
    here, fact = result.by_time(result.raised), result.by_time(result.in_fact)
    names = sorted(set(here) | set(fact))
    most = max([*here.values(), *fact.values()], default=0)
    if not most:
        return
    if len(names) > MOST_STEPS:
        console.print(f"  {len(names)} {result.step}s are too many for bars here; --chart FILE.svg draws them")
        return
    table = Table(result.step, "", box=None, pad_edge=False)
    for name in ("back-test", "in fact"):
        table.add_column(name, justify="right")
    for name in names:
        bars = Text(bar(here.get(name, 0), most), style="green")
        table.add_row(name, bars, str(here.get(name, 0)), str(fact.get(name, 0)))
    console.print(table)


def _names(name: str, what: Callable[[Told], str | None], result: Result, console: Console) -> None:
    here = counted(result.raised, what)
    if not here:
        return
    fact = dict(counted(result.in_fact, what))
    table = Table(name, "", box=None, pad_edge=False)
    for column in ("back-test", "in fact"):
        table.add_column(column, justify="right")
    for its, count in here[:MOST_NAMES]:
        table.add_row(its, Text(bar(count, here[0][1]), style="blue"), str(count), str(fact.get(its, 0)))
    if len(here) > MOST_NAMES:
        table.add_row(f"and {len(here) - MOST_NAMES} more", "", str(sum(count for _, count in here[MOST_NAMES:])), "")
    console.print(table)


def _ends(raised: Sequence[Raised], console: Console) -> None:
    by_class = counted(raised, lambda it: it.class_)
    if by_class:
        console.print("  class at the end: " + ", ".join(f"{name} {count}" for name, count in by_class))


def _differing(result: Result, console: Console) -> None:
    for key, stored, here in result.differing[:MOST_LINES]:
        console.print(f"  {key}: stored {stored}, here {here}")
    if len(result.differing) > MOST_LINES:
        console.print(f"  and {len(result.differing) - MOST_LINES} more duties with another verdict")


def _times(count: int) -> str:
    return {0: "never", 1: "once"}.get(count, f"{count} times")


def _many(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
