"""`gengfu rules`: what rules there are, and what one would have raised over stored history."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import typer
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from ops.beside import BesideOption, beside
from ops.commands.options import ConfigOption, JsonOption, run, wide_console
from ops.moments import in_site_times, midnight, moment_of
from ops.settings import Settings

if TYPE_CHECKING:
    from rules.backtest import Question, Result

app = typer.Typer(name="rules", help="The rules, and what one would have raised.", no_args_is_help=True)


@app.command("list")
def list_command(as_json: JsonOption = False) -> None:
    """List the rules with what each judges, its settings and their defaults, and whether it can be back-tested."""
    from rules.backtest.question import can_look_back
    from rules.catalog import catalog

    rules = sorted(catalog().items())
    if as_json:
        for name, rule in rules:
            defaults = rule.settings().model_dump(mode="json")
            line = {"name": name, "title": rule.title, "backtest": can_look_back(rule), "settings": defaults}
            typer.echo(json.dumps(line, ensure_ascii=False))
        return
    table = Table("rule", "title", "back-test", "settings", box=None, pad_edge=False)
    for name, rule in rules:
        shown = ", ".join(f"{key} = {value}" for key, value in rule.settings().model_dump(mode="json").items())
        table.add_row(name, rule.title, "yes" if can_look_back(rule) else "no", shown)
    wide_console().print(table)


@app.command("backtest")
def backtest_command(
    rule: Annotated[str, typer.Argument(help="Its name; gengfu rules list has them.")],
    since: Annotated[str, typer.Option("--from", metavar="TIME", help="A day of the site, or a time.")],
    until: Annotated[str, typer.Option("--to", metavar="TIME", help="A day, with all of it, or a time.")],
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="A setting of the rule for the whole span; repeatable."),
    ] = None,
    chart: Annotated[
        Path | None, typer.Option("--chart", metavar="FILE", help="Draw alerts over time: FILE.svg or FILE.html.")
    ] = None,
    as_json: JsonOption = False,
    folder: BesideOption = None,
    config: ConfigOption = None,
) -> None:
    """Run a rule over stored history and print what it would have raised, how often and for whom.

    Nothing is written and nobody is told. Duties are planned with the world as it was dated then and judged by the very
    code that the worker runs, with all readings that are stored today. Beside it stands what was raised in fact.

    Exit status: 0 done; 1 there is no such rule, setting or history.
    """
    from ops.backtest_chart import check_name, write_chart
    from ops.backtest_report import as_json as to_json
    from ops.backtest_report import show
    from rules.backtest import question

    settings = beside(folder, config=config, overrides=None).settings
    zone = ZoneInfo(settings.site.zone)
    if chart is not None:
        check_name(chart)
    with in_site_times(zone):
        asked = question(
            rule,
            since=moment_of(since, "--from", zone=zone),
            until=_end(until, zone=zone),
            now=datetime.now(UTC),
            changes=changes or (),
        )
        result = run(_backtest(settings, asked))
    if as_json:
        typer.echo(json.dumps(to_json(result), ensure_ascii=False))
    else:
        show(result, console=wide_console())
    if chart is not None:
        write_chart(result, chart)
        wide_console(stderr=True).print(f"drawn in {chart}")


async def _backtest(settings: Settings, asked: "Question") -> "Result":
    from ingest.database import connect
    from ingest.migrate import check_schema
    from rules.backtest import backtest

    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    console = wide_console(stderr=True)
    async with await connect(settings.database.url.get_secret_value(), name="backtest") as connection:
        await check_schema(connection)
        with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as bar:
            task = bar.add_task(f"running {asked.rule.name}", total=None)
            return await backtest(
                connection,
                asked,
                zone=settings.site.zone,
                backfill=timedelta(hours=settings.rules.backfill_hours),
                progress=lambda done, all_of: bar.update(task, completed=done, total=all_of),
            )


def _end(text: str, *, zone: ZoneInfo) -> datetime:
    """The end of a span, which a day is part of."""
    if len(text) != 10:
        return moment_of(text, "--to", zone=zone)
    return midnight(moment_of(text, "--to", zone=zone).astimezone(zone).date() + timedelta(days=1), zone=zone)
