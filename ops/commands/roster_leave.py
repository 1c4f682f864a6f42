"""`gengfu roster leave`: which posts are away, and who stands in."""

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from ops.beside import BesideOption, beside
from ops.commands.moments import MOMENT_HELP, moment_of, recorded, say_judged, show_or_say, shown, until_when, within
from ops.commands.options import ConfigOption, JsonOption, SetOption

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from ingest.database import Connection
    from ops.settings import Settings
    from rules.roster import LeaveChange

leave_app = typer.Typer(name="leave", help="Record which posts are away, and who stands in.", no_args_is_help=True)
LeaveArgument = Annotated[int, typer.Argument(metavar="LEAVE", help="Number of the leave; `roster leave list` has it.")]
PostArgument = Annotated[str, typer.Argument(metavar="POST", help="Code of the post, such as P-01.")]


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
        start, end = shown(it["valid_from"], zone=zone), until_when(it["valid_to"], zone=zone)
        who = it["standing_in"] or Text("nobody", style="bold red")
        table.add_row(str(it["id"]), it["post"], it["kind"], start, end, who, it["note"])
    asked = post or "nobody"
    show_or_say(
        table, f"{asked} is not away" if post else "nobody is away, now or later; --all has leaves that are over"
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
        end = until_when(now["valid_to"], zone=zone)
        who = f"{now['standing_in']} stands in" if now["standing_in"] else "NOBODY stands in; name somebody"
        if now["cover"] not in {None, now["standing_in"]}:
            who += f" ({now['cover']}, who was named, is away as well)"
        typer.echo(
            f"leave {now['id']}: {now['post']} is away from {shown(now['valid_from'], zone=zone)} to {end}; {who}"
        )
    for it in alone:
        if now is None or it["id"] != now["id"]:
            typer.echo(f"besides, NOBODY stands in for {it['post']} (leave {it['id']}); name somebody")
    say_judged(change.judged)
