"""`gengfu replay`: recorded tracks, played over MQTT as devices."""

import json
import logging
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from ops.beside import Beside, BesideOption, beside
from ops.commands.options import ConfigOption, JsonOption, SetOption, run
from ops.errors import OpsError
from ops.roles.gateway import tls_of

if TYPE_CHECKING:
    from gateway.replay import Plan, Totals
    from gateway.tracks import Summary

app = typer.Typer()

SHOWN = 20  # unreadable lines that are spelled out; the rest is counted
KEPT = "replay-devices.csv"


@app.command("replay")
def replay_command(
    file: Annotated[Path, typer.Argument(help="Tracks: CSV with user,time,lat,lon or NDJSON; gzipped or not.")],
    register: Annotated[
        bool,
        typer.Option(
            "--register", help="Register missing devices, as recorders without a carrier; needs the database."
        ),
    ] = False,
    device_secrets: Annotated[
        Path | None,
        typer.Option("--device-secrets", metavar="CSV", help="Secrets: a CSV with the columns device,kind,secret."),
    ] = None,
    prefix: Annotated[
        str | None,
        typer.Option(
            "--as", metavar="PREFIX", help="Put before each name; default track- for CSV, nothing for NDJSON."
        ),
    ] = None,
    shift_to: Annotated[
        str | None,
        typer.Option(
            "--shift-to", metavar="TIME", help="Move all times so that the newest is now, or this RFC 3339 time."
        ),
    ] = None,
    speed: Annotated[
        float | None,
        typer.Option(min=0.001, help="So many times as fast as recorded; default: as fast as the broker takes them."),
    ] = None,
    batch: Annotated[int, typer.Option(min=1, max=1000, help="Readings in one message at the most.")] = 50,
    receipts: Annotated[
        bool, typer.Option("--receipts/--no-receipts", help="Wait until each reading is known to be stored.")
    ] = True,
    state: Annotated[
        Path | None,
        typer.Option("--state", metavar="DIR", help="Keep the devices' outboxes here, so that they survive a kill."),
    ] = None,
    broker_url: Annotated[
        str | None, typer.Option("--broker-url", help="Address of the broker, mqtt:// or mqtts://.")
    ] = None,
    as_json: JsonOption = False,
    folder: BesideOption = None,
    config: ConfigOption = None,
    overrides: SetOption = None,
) -> None:
    """Play recorded tracks as devices, each over a session of its own, and wait until all is confirmed.

    A CSV's first line names at least user,time,lat,lon; each user becomes a device. An NDJSON line is a reading as the
    wire contract has it, with the device's name in `device`. Times stay as they are unless --shift-to is given.
    Replaying the same file again stores nothing twice. When the connection or ingest is lost on the way, it waits and
    sends again what was not confirmed. With --state a replay that was killed first sends what it had not known to be
    stored.

    Exit status: 0 all sent and confirmed, 1 something was not, or lines could not be read.

    Example, beside a running `gengfu demo`: gengfu replay tracks.csv.gz --register
    """
    from gateway.replay import Plan
    from gateway.tracks import summarise

    extra = [*(overrides or []), *([f"broker.url={broker_url}"] if broker_url else [])]
    place = beside(folder, config=config, overrides=extra)
    found = summarise(file, prefix=prefix)
    _say_unreadable(file, found)
    shift = _shift(shift_to, found)
    secrets = _secrets(place, found, device_secrets=device_secrets, register=register)
    plan = Plan(
        file=file,
        url=place.settings.broker.url,
        secrets=secrets,
        prefix=prefix,
        shift=shift,
        speed=speed,
        batch=batch,
        receipts=receipts,
        state=state,
        tls=tls_of(place.settings),
    )
    began = monotonic()
    totals, trouble = _play(plan, found.rows)
    complete = totals.sent == totals.acknowledged == found.rows and not totals.parked
    complete = complete and (not receipts or totals.receipted == totals.sent)
    complete = complete and totals.carried_receipted == totals.carried
    _report(found, totals, seconds=monotonic() - began, receipts=receipts, as_json=as_json)
    if trouble is not None:
        raise trouble
    if found.bad or not complete:
        raise typer.Exit(1)


def _play(plan: "Plan", rows: int) -> "tuple[Totals, Exception | None]":
    from gateway.errors import GatewayError
    from gateway.replay import Replay

    logging.getLogger("gateway.session").setLevel(logging.ERROR)  # a sentence for each device would be too many
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[safe]}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        line = bar.add_task("readings", total=rows, safe="")

        away = False

        def on_progress(totals: "Totals") -> None:
            nonlocal away
            if away == replay.connected:
                away = not away
                console.print(f"the broker at {plan.url} " + ("is gone; waiting for it" if away else "is back"))
            bar.update(line, completed=totals.acknowledged, safe=f"{totals.receipted} stored" if plan.receipts else "")

        replay = Replay(plan, on_progress=on_progress)
        try:
            return run(replay.run()), None
        except GatewayError as error:
            return replay.totals, error


def _secrets(place: Beside, found: "Summary", *, device_secrets: Path | None, register: bool) -> dict[str, str]:
    from gateway.replay_devices import keep_secrets, read_secrets

    kept = (place.folder or place.settings.data_dir) / KEPT
    given = read_secrets(device_secrets) if device_secrets else {}
    earlier = read_secrets(kept) if kept.is_file() else {}
    wanted = [device for device in found.devices if device not in given]
    if register and wanted:
        made = run(_register(place, wanted, earlier))
        if any(earlier.get(device) != secret for device, secret in made.items()):
            keep_secrets(kept, earlier | made)
        return given | made
    known = earlier | given
    if missing := [device for device in found.devices if device not in known]:
        named = ", ".join(missing[:5]) + (" …" if missing[5:] else "")
        raise OpsError(
            f"the secrets of {len(missing)} devices are not known ({named}); "
            "say --register to register them, or give --device-secrets"
        )
    return known


async def _register(place: Beside, wanted: list[str], known: dict[str, str]) -> dict[str, str]:
    from gateway.applied import Applied, wait_applied
    from gateway.replay_devices import register_missing

    conninfo = place.settings.database.url.get_secret_value()
    done = await register_missing(conninfo, devices=wanted, known=known)
    if done.changed:
        applied = await wait_applied(conninfo, number=done.revision)
        typer.echo(f"registered or renewed {len(done.changed)} devices: {applied.value}", err=True)
        if applied is Applied.NO_GATEWAY:
            typer.echo("gengfu: without it the broker may refuse them", err=True)
    return done.secrets


def _shift(wanted: str | None, found: "Summary") -> timedelta:
    from devices.times import parse_time

    if wanted is None or found.newest is None:
        return timedelta()
    try:
        newest = datetime.now(UTC) if wanted == "now" else parse_time(wanted)
    except ValueError as error:
        raise typer.BadParameter(f"--shift-to {wanted!r} {error}; or say now") from None
    return newest - found.newest


def _say_unreadable(file: Path, found: "Summary") -> None:
    for row in found.bad[:SHOWN]:
        typer.echo(f"{file}:{row.line}: {row.reason}", err=True)
    if len(found.bad) > SHOWN:
        typer.echo(f"{file}: {len(found.bad) - SHOWN} more lines cannot be read", err=True)


def _report(found: "Summary", totals: "Totals", *, seconds: float, receipts: bool, as_json: bool) -> None:
    if as_json:
        line: dict[str, Any] = {
            "rows": found.rows,
            "unreadable": len(found.bad),
            "devices": len(found.devices),
            **asdict(totals),
            "seconds": round(seconds, 1),
        }
        typer.echo(json.dumps(line if receipts else {key: line[key] for key in line if key != "receipted"}))
        return
    stored = f", {totals.receipted} confirmed as stored" if receipts else ""
    unread = f"; {len(found.bad)} lines could not be read" if found.bad else ""
    if totals.carried:
        unread = f"; {totals.carried_receipted} of {totals.carried} from an earlier run" + unread
    if totals.parked:
        unread = f"; {totals.parked} were never confirmed and are parked" + unread
    typer.echo(
        f"{totals.sent} of {found.rows} readings of {len(found.devices)} devices sent, "
        f"{totals.acknowledged} acknowledged by the broker{stored}, in {seconds:.1f} s{unread}"
    )
