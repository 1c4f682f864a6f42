"""`gengfu custody`: who carries which handset or radio from when to when."""

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from ops.beside import BesideOption, beside
from ops.commands.moments import (
    MOMENT_HELP,
    actor,
    moment_of,
    recorded,
    say_judged,
    show_or_say,
    shown,
    since_when,
    until_when,
    within,
)
from ops.commands.options import ConfigOption, JsonOption, SetOption

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from ingest.database import Connection
    from ops.settings import Settings
    from rules.roster import CustodyChange

app = typer.Typer(
    name="custody",
    help="Hand devices over, take them back, put the record of who had them right.",
    no_args_is_help=True,
)

DeviceArgument = Annotated[str, typer.Argument(metavar="DEVICE", help="Name of the device, such as HS-01.")]
HolderArgument = Annotated[
    str, typer.Argument(metavar="HOLDER", help="Code of a post, a unit or a piece of equipment, such as P-01.")
]
AtOption = Annotated[str | None, typer.Option("--at", metavar="TIME", help=f"Without it now. {MOMENT_HELP}")]


@app.command("give")
def give_command(
    device: DeviceArgument,
    holder: HolderArgument,
    at: AtOption = None,
    until: Annotated[
        str | None, typer.Option("--until", metavar="TIME", help="Without it until it is given back.")
    ] = None,
    hand_over: Annotated[
        bool, typer.Option("--hand-over", help="Whoever has it gives it up at that moment, as when shifts change.")
    ] = False,
    folder: BesideOption = None,
    config: ConfigOption = None,
    overrides: SetOption = None,
) -> None:
    """Give a device to somebody. Refused while somebody else holds it, unless it is handed over.

    Example: gengfu custody give HS-01 P-13 --hand-over --at "2026-11-21 20:00"
    """
    from rules.roster import give

    settings, now = beside(folder, config=config, overrides=overrides).settings, datetime.now(UTC)
    start, end = (moment_of(it, zone=settings.site.zone) for it in (at, until))
    _change(
        settings,
        "custody.give",
        lambda connection: give(
            connection,
            device,
            holder=holder,
            at=start or now,
            until=end,
            hand_over=hand_over,
            actor=actor(),
            now=now,
        ),
    )


@app.command("take")
def take_command(
    device: DeviceArgument,
    at: AtOption = None,
    folder: BesideOption = None,
    config: ConfigOption = None,
    overrides: SetOption = None,
) -> None:
    """Take a device back from whoever holds it."""
    from rules.roster import take

    settings, now = beside(folder, config=config, overrides=overrides).settings, datetime.now(UTC)
    start = moment_of(at, zone=settings.site.zone)
    _change(
        settings,
        "custody.take",
        lambda connection: take(connection, device, at=start or now, actor=actor(), now=now),
    )


@app.command("correct")
def correct_command(
    device: DeviceArgument,
    since: Annotated[str, typer.Option("--from", metavar="TIME", help=MOMENT_HELP)],
    until: Annotated[
        str | None, typer.Option("--to", metavar="TIME", help="Without it until it is given back.")
    ] = None,
    holder: Annotated[
        str | None, typer.Option("--holder", metavar="HOLDER", help="Who had it; without it nobody.")
    ] = None,
    folder: BesideOption = None,
    config: ConfigOption = None,
    overrides: SetOption = None,
) -> None:
    """Put the record right: within a time the device was held by this one. What that concerns is judged again.

    Example: gengfu custody correct HS-01 --holder P-02 --from "2026-11-20 20:00" --to "2026-11-21 08:00"
    """
    from rules.roster import correct

    settings, now = beside(folder, config=config, overrides=overrides).settings, datetime.now(UTC)
    start, end = (moment_of(it, zone=settings.site.zone) for it in (since, until))
    _change(
        settings,
        "custody.correct",
        lambda connection: correct(
            connection, device, holder=holder, start=start or now, end=end, actor=actor(), now=now
        ),
    )


@app.command("list")
def list_command(
    device: Annotated[str | None, typer.Option("--device", metavar="DEVICE", help="Only this device.")] = None,
    holder: Annotated[str | None, typer.Option("--holder", metavar="HOLDER", help="Only this holder.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Spells that have ended, too.")] = False,
    as_json: JsonOption = False,
    folder: BesideOption = None,
    config: ConfigOption = None,
    overrides: SetOption = None,
) -> None:
    """List who holds what. Times are the site's."""
    from rules.store.roster import custody_list, holder_kind, lock_device

    settings = beside(folder, config=config, overrides=overrides).settings
    since = None if everything else datetime.now(UTC)

    async def work(connection: "Connection") -> list[dict[str, Any]]:
        if device is not None:
            await lock_device(connection, device)
        if holder is not None:
            await holder_kind(connection, holder, at=datetime.now(UTC))
        return await custody_list(connection, device=device, holder=holder, since=since)

    found = within(settings, work)
    if as_json:
        typer.echo(json.dumps(found, default=datetime.isoformat, ensure_ascii=False))
        return
    zone = settings.site.zone
    table = Table("device", "holder", "kind", "from", "to", "by", box=None, pad_edge=False)
    for it in found:
        start, end = since_when(it["valid_from"], zone=zone), until_when(it["valid_to"], zone=zone)
        by = it["changed_by"] or "town's files"
        table.add_row(it["device"], it["holder"], it["holder_kind"], start, end, by)
    whose = f"{holder} does not hold {device}" if device and holder else f"nobody holds {device}"
    whose = whose if device else f"{holder or 'nobody'} holds " + ("nothing" if holder else "anything")
    show_or_say(table, f"{whose}{'' if everything else ', now or later; --all has spells that are over'}")


def _change(settings: "Settings", action: str, work: "Callable[[Connection], Awaitable[CustodyChange]]") -> None:
    from rules.store.roster import custody_list

    async def with_record(connection: "Connection") -> Any:
        change = await work(connection)
        await recorded(connection, action=action, subject=change.device, detail=change.detail)
        last = change.after[-1].valid_to if change.after else None
        held = last is None or await custody_list(connection, device=change.device, holder=None, since=last)
        return change, None if held else last

    change, over = within(settings, with_record)
    zone = settings.site.zone
    for it in change.after or ():
        start, end = shown(it.valid_from, zone=zone), shown(it.valid_to, zone=zone) or "it is given back"
        typer.echo(f"{change.device} is held by {it.holder} from {start} until {end}")
    if not change.after:
        typer.echo(f"{change.device} is held by nobody in that time")
    if over is not None and any(it.valid_to is None for it in change.before):
        typer.echo(f"from {shown(over, zone=zone)} on nobody holds it; {change.before[-1].holder} gave it up for good")
    say_judged(change.judged)
