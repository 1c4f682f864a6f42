"""`gengfu roster`: who is named for which grid when; below it leave and the shift calendar."""

import json
from dataclasses import asdict
from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import typer
from rich.table import Table
from rich.text import Text

from ops.beside import BesideOption, beside
from ops.commands.moments import within
from ops.commands.options import ConfigOption, JsonOption, SetOption, wide_console
from ops.commands.roster_leave import leave_app
from ops.commands.roster_shift import shift_app
from ops.errors import OpsError

if TYPE_CHECKING:
    from rules.core.matrix import Cell

app = typer.Typer(
    name="roster", help="See who is named for which grid; record leave, cover and shifts.", no_args_is_help=True
)
app.add_typer(leave_app)
app.add_typer(shift_app)

STYLES = {"nobody": "bold white on red", "thin": "yellow", "answering": "dim", "named": ""}


@app.command("show")
def show_command(
    day: Annotated[
        str | None, typer.Option("--day", metavar="DAY", help="Such as 2026-11-21; without it today.")
    ] = None,
    slot_h: Annotated[int, typer.Option("--slot-h", help="Hours of a slot: 1, 2, 3, 4, 6, 8, 12 or 24.")] = 4,
    grid: Annotated[str | None, typer.Option("--grid", metavar="GRID", help="Only grids whose code begins so.")] = None,
    as_json: JsonOption = False,
    folder: BesideOption = None,
    config: ConfigOption = None,
    overrides: SetOption = None,
) -> None:
    """Print the matrix of base grids and slots; a red cell is one in which nobody is named."""
    from rules.core.matrix import matrix, slots
    from rules.store.world import snapshot

    settings = beside(folder, config=config, overrides=overrides).settings
    zone = settings.site.zone
    its = slots(zone, _day(day, zone), days=1, hours=_hours(slot_h))
    known = within(settings, lambda connection: snapshot(connection, zone=zone))
    rows = [it for it in matrix(known.world, slots=its) if it.grid.startswith(grid or "")]
    if not rows:
        raise OpsError(
            f"no base grid has a code that begins with {grid}; `gengfu roster show --json` has the codes"
            if grid
            else "there are no grids yet; import a town: gengfu town import DIR"
        )
    if as_json:
        typer.echo(json.dumps([asdict(it) for it in rows], default=datetime.isoformat, ensure_ascii=False))
        return
    clocks = [f"{slot.start.astimezone(ZoneInfo(zone)):%H:%M}" for slot in its]
    table = Table("grid", "A/B", *clocks)
    for it in rows:
        table.add_row(it.name, f"{it.a or '-'}/{it.b or '-'}", *(_cell(cell, staff=it.staff) for cell in it.cells))
    wide_console().print(table)
    nobody = sum(cell.state == "nobody" for it in rows for cell in it.cells)
    typer.echo(f"{nobody} of {len(rows) * len(its)} cells have nobody named", err=True)


def _cell(cell: "Cell", *, staff: int) -> Text:
    said = [f"{it.post or it.unit}" + ("*" if it.instead_of else "") for it in cell.out]
    if cell.state == "nobody":
        said.append(f"nobody {cell.nobody_min} min")
    elif cell.state == "thin":
        said.append(f"of {staff}")
    elif cell.state == "answering":
        said += [f"({it})" for it in cell.answering]
    return Text(" ".join(dict.fromkeys(said)), style=STYLES[cell.state])


def _day(text: str | None, zone: str) -> date:
    if text is None:
        return datetime.now(ZoneInfo(zone)).date()
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no day; write one such as 2026-11-21") from None


def _hours(hours: int) -> int:
    if hours not in {1, 2, 3, 4, 6, 8, 12, 24}:
        raise typer.BadParameter(f"{hours} hours do not divide a day; give 1, 2, 3, 4, 6, 8, 12 or 24")
    return hours
