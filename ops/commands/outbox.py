"""`gengfu outbox`: what devices that are played here have said and do not yet know to be stored."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from ops.commands.options import JsonOption, wide_console

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.device_outbox import Store

app = typer.Typer(
    name="outbox", help="Look into the outboxes of devices that replay or simulate plays.", no_args_is_help=True
)

FolderArgument = Annotated[Path, typer.Argument(metavar="DIR", help="The folder that --state named.")]
DeviceOption = Annotated[str | None, typer.Option("--device", metavar="NAME", help="Of this device alone.")]


@app.command("status")
def status_command(folder: FolderArgument, as_json: JsonOption = False) -> None:
    """Show for each device what waits for a receipt, what is parked, and how much was dropped for want of room.

    It may be asked while the devices are being played.
    """
    statuses = {name: store.status() for name, store in _stores(folder)}
    if as_json:
        typer.echo(json.dumps([{"device": name, **asdict(it)} for name, it in statuses.items()]))
        return
    table = Table(
        "device", "waiting", "urgent", "parked", "thinned", "bytes", "oldest", "newest", box=None, pad_edge=False
    )
    for name, it in statuses.items():
        numbers = (it.waiting["up"], it.waiting["urgent"], it.parked, it.thinned, it.payload_bytes)
        ends = ("" if one is None else str(one) for one in (it.oldest, it.newest))
        table.add_row(name, *map(str, numbers), *ends)
    wide_console().print(table)


@app.command("parked")
def parked_command(folder: FolderArgument, device: DeviceOption = None) -> None:
    """Print what is parked, one reading a line, as `gengfu replay` and `gengfu decode native` read it."""
    for name, store in _stores(folder, device):
        for entry in store.put_aside():
            typer.echo(json.dumps({"device": name, **json.loads(entry.reading)}, ensure_ascii=False))


@app.command("requeue")
def requeue_command(folder: FolderArgument, device: DeviceOption = None) -> None:
    """Let what is parked be sent again: at once where the device is being played, else at its next start."""
    numbers = {name: store.requeue() for name, store in _stores(folder, device)}
    for name, number in numbers.items():
        if number:
            typer.echo(f"{name}: {number} readings are queued again")
    if not any(numbers.values()):
        typer.echo("nothing is parked")


def _stores(folder: Path, device: str | None = None) -> "Iterator[tuple[str, Store]]":
    from gateway.device_outbox import outboxes_in
    from gateway.errors import OutboxError

    met = False
    for name, store in outboxes_in(folder):
        if device in {None, name}:
            met = True
            yield name, store
    if not met:
        raise OutboxError(f"there is no outbox of {device} in {folder}; `gengfu outbox status {folder}` lists them")
