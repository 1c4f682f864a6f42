"""`gengfu serve` and `gengfu demo`: the whole of gengfu in one process tree."""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, nullcontext
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from ops.commands.options import ConfigOption, SetOption, run
from ops.embedded import BrokerKind, ChildEvent, ChildSpec, EventKind
from ops.errors import SettingsError
from ops.serve import (
    Serving,
    addresses,
    cancelled_by_signals,
    serving,
    set_by_signals,
    wait_until_ready,
)
from ops.settings import Loaded, Settings, load

app = typer.Typer()

DirOption = Annotated[
    Path | None, typer.Option("--dir", help="Data folder of the embedded services and the logs; made when missing.")
]
JsonLine = Annotated[
    bool, typer.Option("--json", help="Once everything is ready, print one line of JSON with the addresses.")
]


BrokerOption = Annotated[
    BrokerKind | None,
    typer.Option(
        "--broker", help="The broker to start: nats, which comes along, or mosquitto, when that is installed."
    ),
]
SPOKEN = {EventKind.DIED, EventKind.KILLED, EventKind.LEFTOVER, EventKind.FLAPPING, EventKind.NOTE}


@app.command("serve")
def serve_command(
    embedded: Annotated[
        bool, typer.Option("--embedded", help="Start PostgreSQL and the MQTT broker too, out of their wheels.")
    ] = False,
    broker: BrokerOption = None,
    folder: DirOption = None,
    as_json: JsonLine = False,
    config: ConfigOption = None,
    overrides: SetOption = None,
) -> None:
    """Run every role, and restart those that die, until Ctrl-C.

    Without --embedded it uses the broker and the database of the settings: GENGFU_BROKER_URL, GENGFU_BROKER_SECRET
    and GENGFU_DATABASE_URL. With it, it chooses free ports and keeps all data in --dir.
    """
    loaded = load(file=config, overrides=overrides)
    place = folder or loaded.settings.data_dir
    if broker and not embedded:
        raise SettingsError(
            "--broker says which broker --embedded starts; without that, set broker.url and broker.kind"
        )
    kind = broker or BrokerKind.NATS if embedded else None
    run(_serve(loaded, folder=place.absolute(), embedded=kind, as_json=as_json))


@app.command("demo")
def demo_command(
    folder: DirOption = None,
    as_json: JsonLine = False,
    simulation: Annotated[
        bool,
        typer.Option(
            "--simulation/--no-simulation",
            help="Let the town's devices report by themselves, as `gengfu simulate calm` does.",
        ),
    ] = True,
    broker: BrokerOption = None,
    config: ConfigOption = None,
    overrides: SetOption = None,
) -> None:
    """Start everything on this machine with a sample town, and print where to look. Ctrl-C stops it.

    The town, a user and a secret for each device are made at the first start; a later start with the same --dir goes
    on from there. With --json the line is also kept in DIR/demo.json, where `gengfu replay --dir` finds it.
    """
    from ops.demo import Demo

    loaded = load(file=config, overrides=overrides)
    place = (folder or loaded.settings.data_dir / "demo").absolute()
    demo = Demo(place)
    also = demo.simulation if simulation else None
    run(
        _serve(
            loaded,
            folder=place,
            embedded=broker or BrokerKind.NATS,
            as_json=as_json,
            prepare=demo.prepare,
            also=also,
            describe=demo.describe,
        )
    )


async def _serve(
    loaded: Loaded,
    *,
    folder: Path,
    embedded: BrokerKind | None,
    as_json: bool,
    prepare: Callable[[Settings], Awaitable[None]] | None = None,
    also: Callable[[Settings], Sequence[ChildSpec]] | None = None,
    describe: Callable[[Serving], dict[str, str]] = addresses,
) -> None:
    logging.getLogger().addHandler(logging.NullHandler())  # what matters is said on the console; roles have their logs
    console = Console(stderr=True, highlight=False, soft_wrap=True)

    def on_event(event: ChildEvent) -> None:
        if event.kind in SPOKEN:
            console.print(f"[yellow]gengfu:[/yellow] {escape(event.sentence)}")

    stop = asyncio.Event()
    async with AsyncExitStack() as stack:
        with cancelled_by_signals(), console.status("starting gengfu …") if console.is_terminal else nullcontext():
            running = serving(loaded, folder=folder, embedded=embedded, on_event=on_event, prepare=prepare, also=also)
            served = await stack.enter_async_context(running)
            await wait_until_ready(served.console)
        with set_by_signals(stop):
            line = describe(served)
            if as_json:
                typer.echo(json.dumps(line))
            else:
                _say(console, line, folder)
            await stop.wait()
            console.print("[yellow]gengfu:[/yellow] stopping …")
    console.print("[yellow]gengfu:[/yellow] stopped; the data stays in " + escape(str(folder)))


def _say(console: Console, line: dict[str, str], folder: Path) -> None:
    names = {"console": "people", "broker": "devices", "database": "database", "devices": "device secrets"}
    console.print(f"[green]gengfu is ready.[/green] Logs and data: {escape(str(folder))}. Ctrl-C stops it.")
    for key, title in names.items():
        if key in line:
            console.print(f"  {title:<15}{escape(line[key])}")
    if "user" in line:
        console.print(f"  {'sign in as':<15}{escape(line['user'])} with the password {escape(line['password'])}")
