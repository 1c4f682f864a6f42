"""`gengfu simulate`: a town that lives, played over MQTT by its own devices."""

import asyncio
import json
import logging
from contextlib import AsyncExitStack, contextmanager
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import typer
from rich.console import Console

from ops.beside import Beside, BesideOption, beside
from ops.commands.options import ConfigOption, JsonOption, SetOption, run
from ops.errors import OpsError
from ops.roles.gateway import tls_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gateway.simulation import Counts, Plan

app = typer.Typer()

ENDED_EARLY = 130
LOG_EVERY_S = 900.0

log = logging.getLogger(__name__)


@app.command("simulate")
def simulate_command(
    scenario: Annotated[str, typer.Argument(help="One that comes with gengfu, or the path of a NAME.toml.")] = "calm",
    seed: Annotated[int, typer.Option(help="The same seed tells the same story again.")] = 1,
    speed: Annotated[
        float, typer.Option(min=0.01, help="Simulated seconds in one, until the present is reached.")
    ] = 1.0,
    since: Annotated[
        str | None,
        typer.Option("--from", metavar="TIME", help="Where it begins, RFC 3339; default now, or --hours ago."),
    ] = None,
    hours: Annotated[
        float | None, typer.Option(min=0.001, max=2160, help="Simulated hours; default the scenario's length.")
    ] = None,
    device_secrets: Annotated[
        Path | None,
        typer.Option("--devices", metavar="CSV", help="Secrets: a CSV with the columns device,kind,secret."),
    ] = None,
    state: Annotated[
        Path | None,
        typer.Option("--state", metavar="DIR", help="Keep the devices' outboxes here, so that they survive a kill."),
    ] = None,
    show: Annotated[bool, typer.Option("--show", help="Print the scenario's file and stop.")] = False,
    as_json: JsonOption = False,
    folder: BesideOption = None,
    config: ConfigOption = None,
    overrides: SetOption = None,
) -> None:
    """Let the town's devices report as if people carried them: rounds, drives, incidents, and what goes wrong.

    The town, its routes, shifts and custody are those in the database; a device is played when its secret is known.
    At speed 1 it is live; a higher one begins in the past and runs until it has caught up with the present, where it
    goes on live. Rounds under way are filled in from their start.

    Exit status: 0 done, or ended by Ctrl-C when it has no end; 1 not everything is known to be stored; 130 ended before
    its end.
    """
    from gateway.replay_devices import read_secrets
    from gateway.simulation import load_scenario, scenario_text

    if show:
        typer.echo(scenario_text(scenario), nl=False)
        return
    story = load_scenario(scenario)
    length = story.length if hours is None else hours * 3600
    start = _start(since, length=length, speed=speed)
    place = beside(folder, config=config, overrides=overrides)
    secrets = read_secrets(_secrets_file(place, device_secrets))
    story = story.model_copy(update={"length": length})

    async def play() -> "tuple[Counts, bool]":
        from gateway.simulation import Plan
        from ops.commands.moments import actor
        from ops.simulation import record_leaves, town_now

        conninfo = place.settings.database.url.get_secret_value()
        town = await town_now(conninfo, zone=place.settings.site.zone)
        plan = Plan(town, story, seed=seed, start=start)
        await record_leaves(conninfo, story, start=start, actor=actor())
        return await _play(plan, place, secrets, speed=speed, state=state or _outboxes(place))

    counts, ended_early = run(play())
    _report(counts, as_json=as_json)
    if ended_early and length is not None:
        raise typer.Exit(ENDED_EARLY)
    if not ended_early and counts.receipted < counts.readings:
        raise typer.Exit(1)


async def _play(
    plan: "Plan", place: Beside, secrets: dict[str, str], *, speed: float, state: Path | None
) -> "tuple[Counts, bool]":
    from gateway.simulation import Simulation
    from ingest.database import make_pool
    from ops.serve import cancelled_by_signals
    from ops.simulation import Incidents

    async with AsyncExitStack() as stack:
        pool = make_pool(place.settings.database.url.get_secret_value(), name="simulate", size=1)
        await stack.enter_async_context(pool)
        with _status(place, speed) as tell:
            simulation = Simulation(
                plan,
                url=place.settings.broker.url,
                secrets=secrets,
                speed=speed,
                state=state,
                tls=tls_of(place.settings),
                find_incident=Incidents(pool).number,
                on_progress=tell,
            )
            try:
                with cancelled_by_signals():
                    await simulation.run()
            except asyncio.CancelledError:
                # Ctrl-C is how a simulation without an end is ended.
                if (task := asyncio.current_task()) is not None:
                    task.uncancel()
                return simulation.counts, True
            return simulation.counts, False


@contextmanager
def _status(place: Beside, speed: float) -> "Iterator[Callable[[Counts], None]]":
    """One line on a terminal; in a log a line at the start and each quarter of an hour."""
    zone = ZoneInfo(place.settings.site.zone)
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    if not console.is_terminal:
        from ops.process import start_logging

        start_logging(place.settings.log_level)
        logging.getLogger("gateway.session").setLevel(logging.ERROR)
        yield _Logged(zone)
        return
    logging.getLogger("gateway.session").setLevel(logging.ERROR)  # a sentence for each device would be too many
    with console.status("connecting …") as line:
        yield lambda counts: line.update(_said(counts, zone, speed))


class _Logged:
    """Says in the log where it stands: once what was before is stored, then each quarter of an hour."""

    def __init__(self, zone: ZoneInfo) -> None:
        self._zone = zone
        self._quarter = -1.0

    def __call__(self, counts: "Counts") -> None:
        quarter = counts.at_s // LOG_EVERY_S
        if counts.devices and quarter != self._quarter and counts.readings <= counts.receipted + counts.devices:
            self._quarter = quarter
            log.info("%s", _said(counts, self._zone, 1.0))


def _said(counts: "Counts", zone: ZoneInfo, speed: float) -> str:
    at = datetime.fromtimestamp(counts.at_s, zone)
    fast = f" ×{speed:g}" if speed != 1 else ""
    return (
        f"{at:%Y-%m-%d %H:%M:%S}{fast}: {counts.connected} of {counts.devices} devices connected, "
        f"{counts.readings:,} readings, {counts.receipted:,} stored"
    )


def _start(since: str | None, *, length: float | None, speed: float) -> datetime:
    from devices.times import parse_time

    now = datetime.now(UTC)
    if since is not None:
        try:
            start = parse_time(since)
        except ValueError as error:
            raise typer.BadParameter(f"--from {since!r} {error}") from None
        if start > now:
            raise typer.BadParameter(f"--from {since} lies in the future; nothing is told before it happens")
        return start
    if speed <= 1:
        return now
    if length is None:
        raise typer.BadParameter("--speed above 1 begins in the past: say since when with --from or --hours")
    return now - timedelta(seconds=length)


def _secrets_file(place: Beside, given: Path | None) -> Path:
    if given is not None:
        return given
    if place.folder is not None:
        return place.folder / "devices.csv"
    raise OpsError("the devices' secrets are not known; give their CSV with --devices, or the --dir of a demo")


def _outboxes(place: Beside) -> Path | None:
    return place.folder / "outboxes" if place.folder is not None else None


def _report(counts: "Counts", *, as_json: bool) -> None:
    if as_json:
        line = asdict(counts) | {"at": datetime.fromtimestamp(counts.at_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")}
        typer.echo(json.dumps({key: line[key] for key in line if key != "at_s"}))
        return
    parked = f", {counts.parked} given up" if counts.parked else ""
    typer.echo(
        f"{counts.readings} readings of {counts.devices} devices, {counts.acknowledged} acknowledged by the broker, "
        f"{counts.receipted} confirmed as stored{parked}"
    )
