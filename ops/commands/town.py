"""`gengfu town`: check a town's files, and copy the sample to start from."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import typer
from rich.table import Table

from ops.beside import BesideOption, beside
from ops.commands.options import ConfigOption, JsonOption, SetOption, run, settings_of, wide_console
from ops.settings import Settings

if TYPE_CHECKING:
    from ops.town import Town
    from ops.town.edits import GridEdit
    from ops.town.importer import Imported

app = typer.Typer(
    name="town", help="The territory, posts, devices and equipment of a town, as files.", no_args_is_help=True
)

FolderArgument = Annotated[
    Path, typer.Argument(metavar="DIR", help="Folder with the town's files (docs/reference/town-files.md).")
]


@app.command("check")
def check_command(
    folder: FolderArgument,
    as_json: JsonOption = False,
    config: ConfigOption = None,
    overrides: SetOption = None,
) -> None:
    """Read a town's files and report all that is wrong with them: where, what, and what to do.

    Nothing is written and no database is needed. Of the settings only site.zone counts: dates begin there.
    With --json each finding is one line with severity, file, where, what and remedy.

    Exit status: 0 the town can be imported (warnings do not prevent it), 1 there are errors.

    Example: gengfu town sample mytown && gengfu town check mytown
    """
    from ops.town import read_town
    from ops.town.report import as_json_lines, show

    town, findings = read_town(folder, zone=ZoneInfo(settings_of(config, overrides).site.zone))
    if as_json:
        for line in as_json_lines(findings):
            typer.echo(line)
    else:
        show(town, findings, console=wide_console())
    if any(finding.severity == "error" for finding in findings):
        raise typer.Exit(1)


@app.command("import")
def import_command(
    folder: FolderArgument,
    secrets: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Issue a secret to each device that has none, and add them to this CSV: shown once."
        ),
    ] = None,
    demo: BesideOption = None,
    config: ConfigOption = None,
    overrides: SetOption = None,
) -> None:
    """Make the database say what a town's files say, from now on. All or nothing; harmless to repeat.

    What changed gets a new dated version, what is gone from a file ends; the past keeps its own. What the very first
    import says holds since always. Files that are missing leave their part alone. Needs a demo or GENGFU_DATABASE_URL.

    Exit status: 0 imported, 1 the files have errors (they are shown) or the database refuses; nothing was changed then.
    """
    from ops.town import read_town
    from ops.town.report import show

    settings = beside(demo, config=config, overrides=overrides).settings
    town, findings = read_town(folder, zone=ZoneInfo(settings.site.zone))
    errors = [finding for finding in findings if finding.severity == "error"]
    if errors:
        show(town, errors, console=wide_console(stderr=True))
        typer.echo("nothing was imported; mend the errors above and import again", err=True)
        raise typer.Exit(1)
    imported = run(_import(settings, town, folder=folder, secrets=secrets))
    table = Table("", "added", "changed", "ended", "unchanged", box=None, pad_edge=False)
    for name, counts in imported.counts.items():
        table.add_row(name, *(str(counts[what]) for what in ("added", "changed", "ended", "unchanged")))
    wide_console().print(table)
    if secrets:
        typer.echo(f"{len(imported.secrets)} secret(s) added to {secrets}; keep that file to yourself")


async def _import(settings: Settings, town: "Town", *, folder: Path, secrets: Path | None) -> "Imported":
    from ingest.database import connect
    from ingest.migrate import check_schema
    from ops.town.importer import import_town

    async with await connect(settings.database.url.get_secret_value(), name="town import") as connection:
        await check_schema(connection)
        return await import_town(connection, town, folder=folder, secrets=secrets)


@app.command("grade")
def grade_command(
    code: Annotated[str, typer.Argument(metavar="GRID", help="Code of the grid.")],
    grade: Annotated[int, typer.Argument(min=1, max=4, help="1 daily, 2 general, 3 focus, 4 strict.")],
    since: Annotated[
        str | None, typer.Option("--from", metavar="WHEN", help="A date or a time of the site; without it now.")
    ] = None,
    until: Annotated[
        str | None, typer.Option("--to", metavar="WHEN", help="First moment it holds no longer; without it for good.")
    ] = None,
    note: Annotated[str, typer.Option("--note", metavar="TEXT", help="Why; it is recorded.")] = "",
    demo: BesideOption = None,
    config: ConfigOption = None,
    overrides: SetOption = None,
) -> None:
    """Give a grid another grade, from now on or for a span of the past.

    It is dated and recorded; what is not final in that span is judged again, and the plan is made anew. Needs a demo or
    GENGFU_DATABASE_URL.

    Exit status: 0 it has the grade, 1 there is no such grid, or a time cannot be read or lies in the future.

    Example: gengfu town grade 990101100001003 4 --from 2026-11-01 --note "market fair"
    """
    from ops.moments import in_site_times, moment_of
    from ops.town.edits import GridEdit

    settings = beside(demo, config=config, overrides=overrides).settings
    zone, now = ZoneInfo(settings.site.zone), datetime.now(UTC)
    edit = GridEdit(
        grade=grade,
        since=moment_of(since, "--from", zone=zone) if since else now,
        until=moment_of(until, "--to", zone=zone) if until else None,
        note=note,
    )
    with in_site_times(zone):
        changed = run(_edit(settings, code, edit, now=now))
    typer.echo(f"grid {code} has grade {grade}" if changed else f"grid {code} had grade {grade} already")


async def _edit(settings: Settings, code: str, edit: "GridEdit", *, now: datetime) -> bool:
    from ingest.database import connect
    from ingest.migrate import check_schema
    from ops.town.edits import edit_grid

    async with await connect(settings.database.url.get_secret_value(), name="town grade") as connection:
        await check_schema(connection)
        async with connection.transaction():
            return await edit_grid(connection, code, edit, actor="gengfu town grade", now=now)


@app.command("sample")
def sample_command(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="New or empty folder to write to.")],
) -> None:
    """Copy the sample town, which is made up, into a folder, to look at and to start from.

    Exit status: 0 written, 1 the folder is not empty or cannot be written.
    """
    from ops.town.shipped import copy_sample

    written = copy_sample(folder)
    typer.echo(f"{len(written)} files written to {folder}; look at them with: gengfu town check {folder}")
