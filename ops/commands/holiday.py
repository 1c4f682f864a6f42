"""`gengfu holiday`: days of rest, and weekend days that are worked in their stead."""

from datetime import UTC, date, datetime, timedelta
from getpass import getuser
from typing import Annotated, Any

import typer
from rich.table import Table

from ingest.database import connect
from ops.beside import BesideOption, beside
from ops.commands.options import ConfigOption, SetOption, run, wide_console
from ops.errors import OpsError
from ops.settings import Settings
from ops.town.holidays import end_holiday, holidays, set_holiday

app = typer.Typer(
    name="holiday", help="Days of rest, and weekend days that are worked in their stead.", no_args_is_help=True
)

DayArgument = Annotated[str, typer.Argument(help="A date at the site, such as 2026-10-01.")]


@app.command("list")
def list_command(
    folder: BesideOption = None,
    config: ConfigOption = None,
    overrides: SetOption = None,
) -> None:
    """List the days from a month ago to a year ahead."""
    rows = run(_list(beside(folder, config=config, overrides=overrides).settings))
    table = Table("day", "kind", "name", box=None, pad_edge=False)
    for row in rows:
        table.add_row(str(row["day"]), row["kind"], row["name"])
    if rows:
        wide_console().print(table)
    else:
        typer.echo("no holidays; set one: gengfu holiday set 2026-10-01 rest NAME")


@app.command("set")
def set_command(
    day: DayArgument,
    kind: Annotated[str, typer.Argument(help="rest, or work for a weekend day worked in its stead.")],
    name: Annotated[str, typer.Argument(help="What people call it.")],
    folder: BesideOption = None,
    config: ConfigOption = None,
    overrides: SetOption = None,
) -> None:
    """Say what a day is; rounds that it changes are planned anew, or superseded when the day is over."""
    settings = beside(folder, config=config, overrides=overrides).settings
    changed = run(_set(settings, _day(day), kind=kind, name=name))
    typer.echo(f"{day} is {kind}: {name}" if changed else f"{day} was {kind} already")


@app.command("remove")
def remove_command(
    day: DayArgument,
    folder: BesideOption = None,
    config: ConfigOption = None,
    overrides: SetOption = None,
) -> None:
    """Say that a day is one like others, from now on."""
    changed = run(_remove(beside(folder, config=config, overrides=overrides).settings, _day(day)))
    typer.echo(f"{day} is a day like others" if changed else f"{day} was no holiday; nothing changed")


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise OpsError(f"{text!r} is no date; write it like 2026-10-01") from None


async def _list(settings: Settings) -> list[dict[str, Any]]:
    today = datetime.now(UTC).date()
    async with await connect(settings.database.url.get_secret_value(), name="holiday") as connection:
        return await holidays(connection, since=today - timedelta(days=31), until=today + timedelta(days=366))


async def _set(settings: Settings, day: date, *, kind: str, name: str) -> bool:
    conninfo = settings.database.url.get_secret_value()
    async with await connect(conninfo, name="holiday") as connection, connection.transaction():
        return await set_holiday(connection, day, name=name, kind=kind, actor=f"cli:{getuser()}", now=datetime.now(UTC))


async def _remove(settings: Settings, day: date) -> bool:
    conninfo = settings.database.url.get_secret_value()
    async with await connect(conninfo, name="holiday") as connection, connection.transaction():
        return await end_holiday(connection, day, actor=f"cli:{getuser()}", now=datetime.now(UTC))
