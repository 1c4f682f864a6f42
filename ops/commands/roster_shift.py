"""`gengfu roster shift`: which unit walks which route when."""

import json
from dataclasses import asdict
from datetime import UTC, datetime, time
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from ops.beside import BesideOption, beside
from ops.commands.moments import MOMENT_HELP, moment_of, recorded, show_or_say, shown, since_when, until_when, within
from ops.commands.options import ConfigOption, JsonOption, SetOption

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ingest.database import Connection
    from rules.shifts import ShiftKey

shift_app = typer.Typer(name="shift", help="Change the shift calendar.", no_args_is_help=True)
CodeArgument = Annotated[str, typer.Argument(metavar="SHIFT", help="Code of the shift, such as day.")]
UnitArgument = Annotated[str, typer.Argument(metavar="UNIT", help="Code of the unit, such as F-01.")]
RouteArgument = Annotated[str, typer.Argument(metavar="ROUTE", help="Code of the route, such as R-01.")]


class Mode(StrEnum):
    """When a line of the calendar holds."""

    CONSTANT = "constant"
    SEASONAL = "seasonal"
    TARGETED = "targeted"
    RANDOM = "random"


class Holidays(StrEnum):
    """What a line of the calendar does on days of rest."""

    AS_USUAL = "as_usual"
    SKIP = "skip"
    ONLY = "only"


@shift_app.command("set")
def shift_set_command(
    code: CodeArgument,
    unit: UnitArgument,
    route: RouteArgument,
    starts: Annotated[str, typer.Option("--starts", metavar="CLOCK", help="Local time, such as 20:00.")],
    ends: Annotated[str, typer.Option("--ends", metavar="CLOCK", help="Local time; not after --starts: next day.")],
    rounds: Annotated[int, typer.Option("--rounds", help="Rounds in the shift, 1 to 48.")],
    days: Annotated[
        str, typer.Option("--days", help="On which it starts: daily, or some of mon,tue,wed,thu,fri,sat,sun.")
    ] = "daily",
    name: Annotated[str | None, typer.Option("--name", help="For people; without it the code.")] = None,
    mode: Annotated[
        Mode, typer.Option("--mode", help="Always; each year or once from --first to --last; or at times drawn by lot.")
    ] = Mode.CONSTANT,
    first: Annotated[
        str | None,
        typer.Option("--first", metavar="DAY", help="Such as 11-15 when seasonal, 2026-11-15 when targeted."),
    ] = None,
    last: Annotated[str | None, typer.Option("--last", metavar="DAY", help="The last day, included.")] = None,
    round_min: Annotated[
        int | None,
        typer.Option("--round-min", metavar="MINUTES", help="That a random round may take; else half of its part."),
    ] = None,
    holidays: Annotated[
        Holidays, typer.Option("--holidays", help="On days of rest: as usual, not at all, or on these only.")
    ] = Holidays.AS_USUAL,
    since: Annotated[
        str | None, typer.Option("--from", metavar="TIME", help=f"Without it from now on. {MOMENT_HELP}")
    ] = None,
    folder: BesideOption = None,
    config: ConfigOption = None,
    overrides: SetOption = None,
) -> None:
    """Make or change a line of the shift calendar from a moment on. Rounds are planned anew.

    What is left out is as it is without the option, whatever the line said before; that is printed.

    Example: gengfu roster shift set late F-01 R-01 --starts 14:00 --ends 22:00 --rounds 2 --days mon,fri
    """
    from rules.shifts import DAYS, ShiftKey, ShiftPlan, set_shift, shift_list

    settings, now = beside(folder, config=config, overrides=overrides).settings, datetime.now(UTC)
    key = ShiftKey(code=code, unit=unit, route=route)
    plan = ShiftPlan(
        name=name or code,
        days=DAYS if days == "daily" else tuple(it.strip() for it in days.split(",")),
        starts=_clock(starts),
        ends=_clock(ends),
        rounds=rounds,
        mode=mode,
        first_day=first,
        last_day=last,
        round_min=round_min,
        holidays=holidays,
    )
    start = moment_of(since, zone=settings.site.zone) or now

    async def work(connection: "Connection") -> list[dict[str, Any]]:
        before = [it for it in await shift_list(connection, at=start) if _is(it, key) and it["valid_from"] <= start]
        detail = await set_shift(connection, key, plan, since=start)
        await recorded(connection, action="shift.set", subject=code, detail=detail)
        return before

    before, zone = within(settings, work), settings.site.zone
    typer.echo(f"shift {code} of {unit} on {route}, from {shown(start, zone=zone)} on: {_terms(asdict(plan))}")
    for it in before:
        typer.echo(f"until then: {_terms(it)}")
    _say_of_the_past(start, now)


@shift_app.command("end")
def shift_end_command(
    code: CodeArgument,
    unit: UnitArgument,
    route: RouteArgument,
    at: Annotated[str | None, typer.Option("--at", metavar="TIME", help=f"Without it now. {MOMENT_HELP}")] = None,
    folder: BesideOption = None,
    config: ConfigOption = None,
    overrides: SetOption = None,
) -> None:
    """End a line of the shift calendar."""
    from rules.shifts import ShiftKey, end_shift

    settings, now = beside(folder, config=config, overrides=overrides).settings, datetime.now(UTC)
    end = moment_of(at, zone=settings.site.zone) or now

    async def work(connection: "Connection") -> None:
        detail = await end_shift(connection, ShiftKey(code=code, unit=unit, route=route), at=end)
        await recorded(connection, action="shift.end", subject=code, detail=detail)

    within(settings, work)
    typer.echo(f"shift {code} of {unit} on {route} ends {shown(end, zone=settings.site.zone)}")
    _say_of_the_past(end, now)


@shift_app.command("list")
def shift_list_command(
    as_json: JsonOption = False, folder: BesideOption = None, config: ConfigOption = None, overrides: SetOption = None
) -> None:
    """List the lines in force and those to come. Times are the site's."""
    from rules.shifts import shift_list

    settings = beside(folder, config=config, overrides=overrides).settings
    found = within(settings, lambda connection: shift_list(connection, at=datetime.now(UTC)))
    if as_json:
        typer.echo(json.dumps(found, default=lambda it: it.isoformat(), ensure_ascii=False))
        return
    zone = settings.site.zone
    table = Table("shift", "unit", "route", "when", "from", "to", box=None, pad_edge=False)
    for it in found:
        start, end = since_when(it["valid_from"], zone=zone), until_when(it["valid_to"], zone=zone)
        table.add_row(it["code"], it["unit"], it["route"], _terms(it), start, end)
    show_or_say(table, "no shift is in force or to come; make one: gengfu roster shift set --help")


def _say_of_the_past(start: datetime, now: datetime) -> None:
    if start < now:
        typer.echo("rounds since then are planned anew; what is no longer planned is superseded", err=True)


def _is(row: dict[str, Any], key: "ShiftKey") -> bool:
    return all(row[name] == value for name, value in asdict(key).items())


def _terms(row: "Mapping[str, Any]") -> str:
    """What a line of the calendar says, in words."""
    from rules.shifts import DAYS

    days = "daily" if set(row["days"]) == set(DAYS) else ",".join(row["days"])
    said = [f"{row['starts']:%H:%M} to {row['ends']:%H:%M}", days]
    if row["first_day"]:
        said.append(f"{row['mode']} {row['first_day']} to {row['last_day']}")
    rounds = f"{row['rounds']} round{'' if row['rounds'] == 1 else 's'}"
    if row["mode"] == "random":
        rounds += " by lot" + (f", {row['round_min']} min each" if row["round_min"] else "")
    return ", ".join(
        [*said, rounds, *{"skip": ["not on holidays"], "only": ["on holidays only"]}.get(row["holidays"], [])]
    )


def _clock(text: str) -> time:
    try:
        return time.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no time of day; write one such as 20:00") from None
