"""`gengfu report`: what a span came to, for people, for a spreadsheet, for programs, for the printer."""

import csv
import json
import sys
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import typer
from rich.table import Table

from ops.beside import BesideOption, beside
from ops.commands.options import ConfigOption, JsonOption, SetOption, run, wide_console

if TYPE_CHECKING:
    from ops.report import PatrolReport
    from ops.settings import Settings
    from rules.core.fixes import Span


class By(StrEnum):
    """What the lines of a report are."""

    GRID = "grid"
    SQUAD = "squad"
    UNIT = "unit"
    POST = "post"


app = typer.Typer(name="report", help="What a span of time came to.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    pass  # a group of one command would otherwise lose its name


@app.command("patrol")
def patrol_command(
    since: Annotated[
        str | None,
        typer.Option("--from", metavar="WHEN", help="A date or a time of the site; without it yesterday."),
    ] = None,
    until: Annotated[
        str | None,
        typer.Option(
            "--to", metavar="WHEN", help="First day or moment no longer meant; without it a day after --from."
        ),
    ] = None,
    by: Annotated[By, typer.Option("--by", help="What the lines are.")] = By.GRID,
    as_json: JsonOption = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV of the duties' figures, for a spreadsheet.")] = False,
    html: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="Write one page with bars, to look at and to print.")
    ] = None,
    demo: BesideOption = None,
    config: ConfigOption = None,
    overrides: SetOption = None,
) -> None:
    """How many of the patrol's duties were met, missed and late, and how present it was.

    Rates stand with the numbers they are reckoned from; what a device or an officer took out is shown as such. A duty
    belongs to the span in which it opened. Needs a demo or GENGFU_DATABASE_URL.

    Exit status: 0 made, 1 a time or a word cannot be read, the file cannot be written or the database does not answer.

    Example: gengfu report patrol --from 2026-11-01 --to 2026-12-01 --by squad --html november.html
    """
    from ops.report import page_of, span_between

    settings = beside(demo, config=config, overrides=overrides).settings
    now = datetime.now(UTC)
    span = span_between(since, until, zone=ZoneInfo(settings.site.zone), now=now)
    report = run(_gather(settings, span, by=by, now=now))
    if html is not None:
        _write(html, page_of(report))
    if as_json:
        typer.echo(json.dumps(_as_json(report), ensure_ascii=False, indent=2))
    elif as_csv:
        rows = list(report.rows())
        writer = csv.DictWriter(sys.stdout, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    elif html is None:
        _show(report)
    else:
        typer.echo(f"written to {html}")


async def _gather(settings: "Settings", span: "Span", *, by: By, now: datetime) -> "PatrolReport":
    from ingest.database import connect
    from ingest.migrate import check_schema
    from ops.report import gather

    async with await connect(settings.database.url.get_secret_value(), name="patrol report") as connection:
        await check_schema(connection)
        return await gather(connection, span, by=by, zone=settings.site.zone, now=now)


def _write(path: Path, text: str) -> None:
    from ops.report.errors import ReportError

    try:
        path.write_text(text, encoding="utf-8")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ReportError(f"cannot write the report to {path}: {reason}; name another file with --html") from None


def _as_json(report: "PatrolReport") -> dict[str, object]:
    return {
        "from": report.span.start.isoformat(),
        "to": report.span.end.isoformat(),
        "zone": report.zone,
        "by": report.by,
        "duties": list(report.rows()),
        "presence_from": report.hours.start.isoformat(),
        "presence_to": report.hours.end.isoformat(),
        "presence": list(report.presence_rows()),
    }


def _show(report: "PatrolReport") -> None:
    from rich.text import Text

    from ops.report.patrol import percent

    console = wide_console()
    zone = ZoneInfo(report.zone)
    since, until = (f"{at.astimezone(zone):%Y-%m-%d %H:%M}" for at in (report.span.start, report.span.end))
    table = Table(
        report.by, "name", "到位率", "漏检率", "准点率", "met", "early", "late", "missed", "in doubt", "out", "pending",
        box=None, pad_edge=False, title=f"{since} to {until} ({report.zone})", title_justify="left",
    )  # fmt: skip
    lines = [(line.key or "—", line.name or "", line.tally) for line in report.lines]
    for key, name, tally in [*lines, ("whole", "", report.whole)]:
        counts = (tally.met, tally.early, tally.late, tally.missed, tally.in_doubt, tally.taken_out, tally.pending)
        rates = (tally.arrival, tally.missing, tally.punctuality)
        table.add_row(Text(key), Text(name), *map(percent, rates), *map(str, counts))
    console.print(table)
    if report.whole.total == 0:
        console.print("no duty of the patrol opened in this span")
    console.print()
    if report.together.hours == 0:
        console.print("presence: no whole hour of this span has been rolled up yet")
        return
    start, end = (f"{at.astimezone(zone):%Y-%m-%d %H:%M}" for at in (report.hours.start, report.hours.end))
    seen = Table(
        "grid", "name", "见巡率", "巡逻密度 /(km h)", "staffed minutes", "road km",
        box=None, pad_edge=False, title=f"presence from {start} to {end}", title_justify="left",
    )  # fmt: skip
    for it in [*report.presence, report.together]:
        density = "—" if it.density is None else f"{it.density:.2f}"
        known = Text(report.names.get(it.grid, ""))
        seen.add_row(it.grid or "whole", known, percent(it.sight), density, percent(it.staffed), f"{it.road_km:.2f}")
    console.print(seen)
