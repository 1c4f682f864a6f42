"""`gengfu bench`: measures on this machine."""

import json
from contextlib import contextmanager
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from ops.commands.options import ConfigOption, JsonOption, SetOption, run, settings_of, wide_console

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ops.bench.figures import Figures
    from ops.bench.given import GivenBroker
    from ops.bench.rules import RulesPlan
    from ops.bench.run import Plan
    from ops.settings import Settings

app = typer.Typer(name="bench", help="Measure gengfu on this machine, under load.", no_args_is_help=True)


class BrokerKind(StrEnum):
    """Brokers that ingest knows."""

    MOSQUITTO = "mosquitto"
    NATS = "nats"
    EMQX = "emqx"


class CaseName(StrEnum):
    """Cases by name."""

    STANDARD = "standard"
    SPEED = "speed"
    LATENCY = "latency"
    BACKLOG = "backlog"
    GROWTH = "growth"


@app.command("ingest")
def ingest_command(
    case: Annotated[
        CaseName, typer.Option("--case", help="What to measure; see docs/how-to/measure.md.")
    ] = CaseName.STANDARD,
    full: Annotated[
        bool, typer.Option("--full", help="The matrix: seq, workers, devices and table size in every combination.")
    ] = False,
    timescale: Annotated[
        str | None,
        typer.Option("--timescale", metavar="URL", help="A server with TimescaleDB to measure on, too with --full."),
    ] = None,
    broker: Annotated[
        BrokerKind | None, typer.Option("--broker", help="Which to start; by default mosquitto when it is installed.")
    ] = None,
    broker_url: Annotated[
        str | None, typer.Option("--broker-url", metavar="URL", help="A broker of your own; --broker says which kind.")
    ] = None,
    load_accounts: Annotated[
        Path | None,
        typer.Option("--load-accounts", metavar="CSV", help="Its accounts for the load: a CSV with user,password."),
    ] = None,
    broker_pid: Annotated[
        int | None, typer.Option("--broker-pid", help="Of that broker when it runs here, for its CPU.")
    ] = None,
    broker_cgroup: Annotated[
        Path | None, typer.Option("--broker-cgroup", metavar="DIR", help="Its control group instead.")
    ] = None,
    seconds: Annotated[
        float | None,
        typer.Option("--seconds", min=1, max=3600, help="Of the window at full speed; in the case latency, of that."),
    ] = None,
    devices: Annotated[int | None, typer.Option("--devices", min=1, max=1_000_000, help="That speak in turn.")] = None,
    workers: Annotated[int | None, typer.Option("--workers", min=1, max=16, help="Ingest processes.")] = None,
    connections: Annotated[
        int | None, typer.Option("--connections", min=1, max=1000, help="That carry what the devices say.")
    ] = None,
    seq: Annotated[
        bool, typer.Option("--seq", help="With boot and seq in each reading, and so with receipts.")
    ] = False,
    rows: Annotated[
        int | None, typer.Option("--rows", min=0, max=1_000_000_000, help="In the table before it begins.")
    ] = None,
    messages: Annotated[
        int | None, typer.Option("--messages", min=1000, max=100_000_000, help="In the backlog.")
    ] = None,
    database_pid: Annotated[
        int | None, typer.Option("--database-pid", help="Of the server of --timescale when it runs here, for its CPU.")
    ] = None,
    database_cgroup: Annotated[
        Path | None, typer.Option("--database-cgroup", metavar="DIR", help="Its control group instead.")
    ] = None,
    folder: Annotated[
        Path | None, typer.Option("--dir", metavar="DIR", help="Where the temporary folder is made.")
    ] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Leave that folder with its logs.")] = False,
    as_json: JsonOption = False,
    config: ConfigOption = None,
    overrides: SetOption = None,
) -> None:
    """Measure how much ingest takes in, against the limits that this machine sets in the same run.

    Starts a broker, a PostgreSQL, ingest and a load in processes of their own, and leaves nothing behind. Bare, it
    plays the standard case in less than two minutes.

    Exit status: 0 done; 1 something was lost, refused or could not be measured; 130 ended by Ctrl-C.
    """
    from ops.bench.brokers import choose_kind
    from ops.bench.case import CASES, matrix
    from ops.bench.run import Plan

    settings = settings_of(config, overrides)
    given_broker = _given(
        settings, broker_url, broker or BrokerKind.MOSQUITTO, load_accounts, pid=broker_pid, cgroup=broker_cgroup
    )
    kind = given_broker.kind if given_broker else choose_kind(broker.value if broker else None)
    if given_broker and connections is not None:
        raise typer.BadParameter(
            "--connections belongs to a broker that is started here; on your own each account of --load-accounts is one"
        )
    given = {
        "seconds": seconds,
        "devices": devices,
        "workers": workers,
        "connections": connections,
        "rows": rows,
        "messages": messages,
    }
    changes: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    if seq:
        changes["seq"] = True
    if case is CaseName.LATENCY and seconds is not None:
        changes["paced_s"] = seconds
    if full and set(changes) - {"seconds"}:
        raise typer.BadParameter("--full varies devices, workers, seq and rows by itself; leave these options out")
    if kind == "nats" and (workers or 1) > 1:
        raise typer.BadParameter("nats-server shares no subscriptions, so there is one worker; install mosquitto")
    cases = matrix(**changes, share=kind != "nats") if full else [replace(CASES[case.value], **changes)]
    plan = Plan(
        cases=cases,
        kind=kind,
        settings=settings,
        given=given_broker,
        parent=folder,
        keep=keep,
        native=full or timescale is None,
        timescale=timescale,
        database_pid=database_pid,
        database_cgroup=database_cgroup,
    )
    figures = run(_measure(plan, as_json=as_json))
    if not all(one.whole for one in figures):
        raise typer.Exit(1)


class RulesCase(StrEnum):
    """Cases of the rules by name."""

    TOWNS = "towns"
    MINUTE = "minute"
    SECOND = "second"
    ORDINARY = "ordinary"
    MONTH = "month"


@app.command("rules")
def rules_command(
    case: Annotated[
        list[RulesCase] | None, typer.Option("--case", help="What to measure, repeatable; all of them by default.")
    ] = None,
    towns: Annotated[
        list[int] | None, typer.Option("--towns", min=1, max=1000, help="Of 100 units each, repeatable: 1, 10, 100.")
    ] = None,
    windows: Annotated[
        int, typer.Option("--windows", min=10, max=1_000_000, help="Duties that settle in `minute` and `second`.")
    ] = 10_000,
    seconds: Annotated[
        float, typer.Option("--seconds", min=1, max=3600, help="Of the cases `minute` and `ordinary`.")
    ] = 60,
    days: Annotated[int, typer.Option("--days", min=1, max=365, help="Of the case `month`.")] = 30,
    folder: Annotated[
        Path | None, typer.Option("--dir", metavar="DIR", help="Where the temporary folder is made.")
    ] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Leave that folder with its logs.")] = False,
    as_json: JsonOption = False,
    config: ConfigOption = None,
    overrides: SetOption = None,
) -> None:
    """Measure what a duty costs, how soon its verdict follows, and how fast a month is run again.

    Starts a PostgreSQL, and a rules worker where the clock on the wall counts, and leaves nothing behind. All cases
    take about ten minutes.

    Exit status: 0 done; 1 a figure missed its goal or could not be measured; 130 ended by Ctrl-C.
    """
    from ops.bench.rules import CASES, RulesPlan

    plan = RulesPlan(
        cases=[one.value for one in case] if case else CASES,
        settings=settings_of(config, overrides),
        towns=tuple(towns or (1, 10, 100)),
        windows=windows,
        seconds=seconds,
        days=days,
        parent=folder,
        keep=keep,
    )
    if not run(_measure_rules(plan, as_json=as_json)):
        raise typer.Exit(1)


async def _measure_rules(plan: "RulesPlan", *, as_json: bool) -> bool:
    from contextlib import aclosing

    from ops.bench.rules import measure_rules
    from ops.bench.rules_report import show_rules
    from ops.serve import cancelled_by_signals

    console, reached = wide_console(), True
    with _progress() as (tell, say), cancelled_by_signals():
        async with aclosing(measure_rules(plan, tell=tell, say=say)) as played:
            async for figures in played:
                if as_json:
                    typer.echo(json.dumps(figures.line()))
                else:
                    show_rules(console, figures)
                reached &= all(one.reached is not False for one in figures.figures)
    return reached


def _given(
    settings: "Settings",
    url: str | None,
    kind: BrokerKind,
    accounts: Path | None,
    *,
    pid: int | None,
    cgroup: Path | None,
) -> "GivenBroker | None":
    from ops.bench.cpu import clock_of
    from ops.bench.given import GivenBroker, read_accounts

    if url is None:
        if accounts or pid or cgroup:
            raise typer.BadParameter(
                "--load-accounts, --broker-pid and --broker-cgroup belong to --broker-url; give it"
            )
        return None
    if accounts is None:
        raise typer.BadParameter("--broker-url needs --load-accounts: accounts that may publish for every device")
    if settings.broker.secret is None:
        raise typer.BadParameter("--broker-url needs GENGFU_BROKER_SECRET, from which ingest's accounts there derive")
    return GivenBroker(
        url=url,
        kind=kind.value,
        secret=settings.broker.secret.get_secret_value(),
        load=read_accounts(accounts),
        cpu=clock_of(pids=(pid,) if pid else (), cgroup=cgroup),
    )


async def _measure(plan: "Plan", *, as_json: bool) -> "list[Figures]":
    from contextlib import aclosing

    from ops.bench.report import show_case, show_matrix
    from ops.bench.run import measure
    from ops.serve import cancelled_by_signals

    console, done = wide_console(), []
    began = monotonic()
    with _progress() as (tell, say), cancelled_by_signals():
        async with aclosing(measure(plan, tell=tell, say=say)) as played:
            async for case, figures, about in played:
                done.append(figures)
                if as_json:
                    _print_line(figures, about, took_s=monotonic() - began)
                elif len(plan.cases) == 1:
                    show_case(console, figures, about, says=case.says)
                began = monotonic()
    if len(plan.cases) > 1 and not as_json:
        show_matrix(console, done)
    return done


def _print_line(figures: "Figures", about: dict[str, Any], *, took_s: float) -> None:
    typer.echo(json.dumps(figures.line() | about | {"took_s": round(took_s, 1)}))


@contextmanager
def _progress() -> "Iterator[tuple[Callable[[str], None], Callable[[str], None]]]":
    """One changing line on a terminal; elsewhere a line for each new thing that is done."""
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    if console.is_terminal:
        with console.status("starting …") as line:
            yield line.update, console.print
        return
    last = ""

    def tell(sentence: str) -> None:
        nonlocal last
        if (what := sentence.partition(":")[0]) != last:
            last = what
            console.print(what)

    yield tell, console.print
