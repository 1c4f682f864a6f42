"""`gengfu town`: check a town's files, and copy the sample to start from."""

from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from rich.console import Console

from ops.commands.options import ConfigOption, JsonOption, SetOption, settings_of

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

    Nothing is written and no database is needed. Of the settings only site.zone counts: dates begin there. With --json each finding is one line with
    severity, file, where, what and remedy.

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
        console = Console()
        show(town, findings, console=console if console.is_terminal else Console(width=200))
    if any(finding.severity == "error" for finding in findings):
        raise typer.Exit(1)


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
