"""`gengfu device`: the register of devices and their secrets."""

import json
import secrets
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from ops.beside import BesideOption, beside
from ops.commands.options import ConfigOption, JsonOption, SetOption, run
from ops.embedded.files import replace_private
from ops.errors import OpsError
from ops.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from gateway.applied import Applied
    from gateway.register import Issued
    from ingest.database import Connection

app = typer.Typer(
    name="device", help="Register devices, list them, revoke them, give them new secrets.", no_args_is_help=True
)

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="Letters, digits, _ and -, such as H-01.")]


OwnTracksOption = Annotated[
    Path | None,
    typer.Option("--owntracks", metavar="FILE", help="Write the settings that OwnTracks imports, such as H-01.otrc."),
]


@app.command("add")
def add_command(
    name: NameArgument,
    kind: Annotated[str, typer.Option("--kind", help="handset, radio, vehicle, tag or recorder.")],
    label: Annotated[str | None, typer.Option("--label", help="What people call it.")] = None,
    datum: Annotated[
        str, typer.Option("--datum", help="Of its coordinates where a message does not say: wgs84, gcj02 or bd09.")
    ] = "wgs84",
    owntracks: OwnTracksOption = None,
    as_json: JsonOption = False,
    folder: BesideOption = None,
    config: ConfigOption = None,
    overrides: SetOption = None,
) -> None:
    """Register a device and print its secret, this once, with what the device needs to connect.

    Waits up to 10 s until the broker lets the device in, and says so when it does not yet.

    Example: gengfu device add H-01 --kind handset --label "Gate 3"
    """
    from gateway.register import add_device, check_new_device

    check_new_device(name, kind=kind, datum=datum)  # a slip of the pen is said before any connection is tried
    settings = beside(folder, config=config, overrides=overrides).settings
    issued, applied = run(
        _change(settings, lambda connection: add_device(connection, name=name, kind=kind, label=label, datum=datum))
    )
    _show(settings, issued, applied, as_json=as_json, done="is registered")
    _write_owntracks(settings, issued, owntracks)


@app.command("rotate")
def rotate_command(
    name: NameArgument,
    owntracks: OwnTracksOption = None,
    as_json: JsonOption = False,
    folder: BesideOption = None,
    config: ConfigOption = None,
    overrides: SetOption = None,
) -> None:
    """Give a device a new secret and print it, this once. The one before ends at once."""
    from gateway.register import issue_secret

    settings = beside(folder, config=config, overrides=overrides).settings
    issued, applied = run(_change(settings, lambda connection: issue_secret(connection, name=name)))
    _show(settings, issued, applied, as_json=as_json, done="has a new secret; the one before has ended")
    _write_owntracks(settings, issued, owntracks)


@app.command("revoke")
def revoke_command(
    name: NameArgument,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    folder: BesideOption = None,
    config: ConfigOption = None,
    overrides: SetOption = None,
) -> None:
    """End a device's access for good. It is disconnected; its name and its readings stay.

    A device that was only lost for a while, or whose secret leaked, wants `gengfu device rotate` instead.
    """
    from gateway.register import revoke_device

    settings = beside(folder, config=config, overrides=overrides).settings
    if not yes:
        if not sys.stdin.isatty():
            raise typer.BadParameter("not on a terminal, so nobody can be asked; say --yes")
        typer.confirm(f"End the access of {name} for good?", abort=True)
    _, applied = run(_change(settings, lambda connection: revoke_device(connection, name=name)))
    typer.echo(f"{name} is revoked: {applied.value}")


@app.command("list")
def list_command(
    everything: Annotated[bool, typer.Option("--all", help="Revoked devices, too.")] = False,
    as_json: JsonOption = False,
    folder: BesideOption = None,
    config: ConfigOption = None,
    overrides: SetOption = None,
) -> None:
    """List the devices, with when each was last heard."""
    settings = beside(folder, config=config, overrides=overrides).settings
    devices = [device for device in run(_list(settings)) if everything or device["revoked_at"] is None]
    if as_json:
        typer.echo(json.dumps(devices, default=str, ensure_ascii=False))
        return
    if not devices:
        typer.echo("no devices; `gengfu device add NAME --kind handset` registers one")
        return
    table = Table(
        "device", "kind", "label", "datum", "registered", "secret since", "last heard", box=None, pad_edge=False
    )
    for device in devices:
        since = "revoked" if device["revoked_at"] else _moment(device["secret_at"])
        table.add_row(
            device["name"],
            device["kind"],
            device["label"] or "",
            device["datum"],
            _moment(device["registered_at"]),
            since,
            _moment(device["heard_at"]),
        )
    console = Console()
    (console if console.is_terminal else Console(width=200)).print(table)


def _moment(value: Any) -> str:
    return f"{value:%Y-%m-%d %H:%M:%S}Z" if value else "never"


async def _list(settings: Settings) -> list[dict[str, Any]]:
    from gateway.register import list_devices
    from ingest.database import connect

    async with await connect(settings.database.url.get_secret_value(), name="device") as connection:
        return [asdict(device) for device in await list_devices(connection)]


async def _change(
    settings: Settings, change: "Callable[[Connection], Awaitable[Issued | None]]"
) -> "tuple[Issued | None, Applied]":
    from gateway import register
    from gateway.applied import wait_applied
    from ingest.database import connect

    conninfo = settings.database.url.get_secret_value()
    async with await connect(conninfo, name="device", autocommit=False) as connection:
        issued = await change(connection)
        number = (await register.revision(connection)).revision
        await connection.commit()
    return issued, await wait_applied(conninfo, number=number)


def _show(settings: Settings, issued: "Issued | None", applied: "Applied", *, as_json: bool, done: str) -> None:
    from gateway.accounts import patterns
    from gateway.address import Address
    from gateway.applied import Applied

    if issued is None:
        return
    topics = [pattern for pattern in patterns() if pattern.account == "device"]
    publish = [pattern.topic(issued.device) for pattern in topics if pattern.use == "publish"]
    subscribe = [pattern.topic(issued.device) for pattern in topics if pattern.use == "subscribe"]
    if as_json:
        line = {
            "device": issued.device,
            "kind": issued.kind,
            "secret": issued.secret,
            "broker": settings.broker.url,
            "publish": publish,
            "subscribe": subscribe,
            "in_force": applied is Applied.YES,
        }
        typer.echo(json.dumps(line))
        return
    address = Address.parse(settings.broker.url)
    tls = " --tls-use-os-certs" if address.tls else ""
    reading = '{"type":"position","t":"2026-11-21T08:00:00Z","lat":30.6912,"lon":111.2868,"accuracy_m":6}'
    typer.echo(f"""\
{issued.kind} {issued.device} {done}: {applied.value}

  secret      {issued.secret}
              shown this once; whoever has it is {issued.device}
  broker      {address}
  user name   {issued.device}
  password    the secret
  client id   random, at least 22 characters, made and kept by the device, told to nobody
  publishes   {_below(publish)}
  reads       {_below(subscribe)}

Try it:
  mosquitto_pub -h {address.host} -p {address.port}{tls} -u {issued.device} -P '{issued.secret}' \\
    -i {secrets.token_urlsafe(16)} -q 1 -t {publish[0]} \\
    -m '{reading}'""")


def _write_owntracks(settings: Settings, issued: "Issued | None", file: Path | None) -> None:
    from gateway.address import Address
    from gateway.owntracks import phone_settings

    if issued is None or file is None:
        return
    content = phone_settings(issued.device, issued.secret, broker=Address.parse(settings.broker.url))
    try:
        replace_private(file, json.dumps(content, indent=2) + "\n")
    except OSError as error:
        raise OpsError(
            f"cannot write {file}: {error.strerror}; the device is registered, "
            f"say `gengfu device rotate {issued.device} --owntracks` with another file"
        ) from error
    typer.echo(f"settings for OwnTracks, with the secret in them: {file}", err=True)


def _below(topics: list[str]) -> str:
    return "\n              ".join(topics)
