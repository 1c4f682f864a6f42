"""`gengfu roster`: who is named for which grid when; leave, and who stands in; the shift calendar."""

import json
from dataclasses import asdict
from datetime import UTC, date, datetime, time
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any
from zoneinfo import ZoneInfo

import typer
from rich.table import Table
from rich.text import Text

from ops.beside import BesideOption, beside
from ops.commands.moments import MOMENT_HELP, moment_of, recorded, show_or_say, shown, since_when, within
from ops.commands.options import ConfigOption, JsonOption, SetOption, wide_console
from ops.errors import OpsError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from ingest.database import Connection
    from ops.settings import Settings
    from rules.core.matrix import Cell
    from rules.roster import LeaveChange
    from rules.shifts import ShiftKey

app = typer.Typer(
    name="roster", help="See who is named for which grid; record leave, cover and shifts.", no_args_is_help=True
)
leave_app = typer.Typer(name="leave", help="Record which posts are away, and who stands in.", no_args_is_help=True)
shift_app = typer.Typer(name="shift", help="Change the shift calendar.", no_args_is_help=True)
app.add_typer(leave_app)
app.add_typer(shift_app)

LeaveArgument = Annotated[int, typer.Argument(metavar="LEAVE", help="Number of the leave; `roster leave list` has it.")]
PostArgument = Annotated[str, typer.Argument(metavar="POST", help="Code of the post, such as P-01.")]
CodeArgument = Annotated[str, typer.Argument(metavar="SHIFT", help="Code of the shift, such as day.")]
UnitArgument = Annotated[str, typer.Argument(metavar="UNIT", help="Code of the unit, such as F-01.")]
RouteArgument = Annotated[str, typer.Argument(metavar="ROUTE", help="Code of the route, such as R-01.")]
FURTHER = "further notice"
STYLES = {"nobody": "bold white on red", "thin": "yellow", "answering": "dim", "named": ""}


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


@leave_app.command("add")
def leave_add_command(
    post: PostArgument,
    since: Annotated[str, typer.Option("--from", metavar="TIME", help=f"It may lie in the past. {MOMENT_HELP}")],
    until: Annotated[str | None, typer.Option("--to", metavar="TIME", help="Without it until further notice.")] = None,
    kind: Annotated[str, typer.Option("--kind", help="leave, sick, training, handset_dead or other.")] = "leave",
    cover: Annotated[
        str | None,
        typer.Option("--cover", metavar="POST", help="Who stands in; without it B of its grids, then its deputy."),
    ] = None,
    note: Annotated[str, typer.Option("--note", help="Why, for people.")] = "",
    folder: BesideOption = None,
    config: ConfigOption = None,
    overrides: SetOption = None,
) -> None:
    """Record that a post is away. The duties that this concerns are judged again.

    Example: gengfu roster leave add P-01 --kind sick --from "2026-11-21 08:00" --to "2026-11-22 08:00"
    """
    from rules.roster import add_leave

    settings, now = beside(folder, config=config, overrides=overrides).settings, datetime.now(UTC)
    start, end = (moment_of(it, zone=settings.site.zone) for it in (since, until))
    _change(
        settings,
        "leave.add",
        lambda connection: add_leave(
            connection, post, kind=kind, start=start or now, end=end, cover=cover, note=note, now=now
        ),
    )


@leave_app.command("withdraw")
def leave_withdraw_command(
    leave: LeaveArgument,
    at: Annotated[
        str | None, typer.Option("--at", metavar="TIME", help=f"Back from then; without it now. {MOMENT_HELP}")
    ] = None,
    altogether: Annotated[bool, typer.Option("--altogether", help="There never was such a leave.")] = False,
    folder: BesideOption = None,
    config: ConfigOption = None,
    overrides: SetOption = None,
) -> None:
    """Let a post be back, or say that it never was away."""
    from rules.roster import withdraw_leave

    if altogether and at is not None:
        raise typer.BadParameter("--at and --altogether exclude each other; give one")
    settings, now = beside(folder, config=config, overrides=overrides).settings, datetime.now(UTC)
    back = None if altogether else moment_of(at, zone=settings.site.zone) or now
    _change(settings, "leave.withdraw", lambda connection: withdraw_leave(connection, leave, at=back, now=now))


@leave_app.command("cover")
def leave_cover_command(
    leave: LeaveArgument,
    post: Annotated[
        str | None, typer.Argument(metavar="[POST]", help="Who stands in; without it B of its grids, then its deputy.")
    ] = None,
    at: Annotated[
        str | None, typer.Option("--at", metavar="TIME", help=f"From then; without it now. {MOMENT_HELP}")
    ] = None,
    folder: BesideOption = None,
    config: ConfigOption = None,
    overrides: SetOption = None,
) -> None:
    """Name who stands in for a post that is away."""
    from rules.roster import cover_leave

    settings, now = beside(folder, config=config, overrides=overrides).settings, datetime.now(UTC)
    start = moment_of(at, zone=settings.site.zone) or now
    _change(settings, "leave.cover", lambda connection: cover_leave(connection, leave, cover=post, at=start, now=now))


@leave_app.command("list")
def leave_list_command(
    post: Annotated[str | None, typer.Option("--post", metavar="POST", help="Only this post.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Leaves that have ended, too.")] = False,
    as_json: JsonOption = False,
    folder: BesideOption = None,
    config: ConfigOption = None,
    overrides: SetOption = None,
) -> None:
    """List who is away, and who stands in. Times are the site's."""
    from rules.errors import NotThere
    from rules.store.roster import leave_list, post_in_force

    settings, now = beside(folder, config=config, overrides=overrides).settings, datetime.now(UTC)
    since = None if everything else now

    async def work(connection: "Connection") -> list[dict[str, Any]]:
        if post is not None and not await post_in_force(connection, post, at=now):
            raise NotThere(f"there is no post {post}; `gengfu roster show` has those of the grids")
        return await leave_list(connection, post=post, since=since, now=now)

    found = within(settings, work)
    if as_json:
        typer.echo(json.dumps(found, default=datetime.isoformat, ensure_ascii=False))
        return
    zone = settings.site.zone
    table = Table("leave", "post", "kind", "from", "to", "stands in", "note", box=None, pad_edge=False)
    for it in found:
        start, end = shown(it["valid_from"], zone=zone), shown(it["valid_to"], zone=zone)
        who = it["standing_in"] or Text("nobody", style="bold red")
        table.add_row(str(it["id"]), it["post"], it["kind"], start, end or FURTHER, who, it["note"])
    asked = post or "nobody"
    show_or_say(
        table, f"{asked} is not away" if post else "nobody is away, now or later; --all has leaves that are over"
    )


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
        start, end = since_when(it["valid_from"], zone=zone), shown(it["valid_to"], zone=zone)
        table.add_row(it["code"], it["unit"], it["route"], _terms(it), start, end or FURTHER)
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


def _change(settings: "Settings", action: str, work: "Callable[[Connection], Awaitable[LeaveChange]]") -> None:
    from rules.store.roster import leave_list

    async def with_record(connection: "Connection") -> Any:
        change, now = await work(connection), datetime.now(UTC)
        await recorded(connection, action=action, subject=change.subject, detail=change.detail)
        its = await leave_list(connection, post=change.subject, since=None, now=now)
        alone = [it for it in await leave_list(connection, post=None, since=now, now=now) if it["standing_in"] is None]
        return change, next((it for it in its if change.leave and it["id"] == change.leave.id), None), alone

    change, now, alone = within(settings, with_record)
    zone = settings.site.zone
    if now is None:
        typer.echo(f"leave of {change.subject} is withdrawn")
    else:
        end = shown(now["valid_to"], zone=zone) or FURTHER
        who = f"{now['standing_in']} stands in" if now["standing_in"] else "NOBODY stands in; name somebody"
        if now["cover"] not in {None, now["standing_in"]}:
            who += f" ({now['cover']}, who was named, is away as well)"
        typer.echo(
            f"leave {now['id']}: {now['post']} is away from {shown(now['valid_from'], zone=zone)} to {end}; {who}"
        )
    for it in alone:
        if now is None or it["id"] != now["id"]:
            typer.echo(f"besides, NOBODY stands in for {it['post']} (leave {it['id']}); name somebody")
    typer.echo(f"{change.judged.again} duties are judged again, {change.judged.kept} keep their verdict", err=True)


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


def _clock(text: str) -> time:
    try:
        return time.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no time of day; write one such as 20:00") from None
