"""`gengfu doctor`: could data be lost with this broker and this database?"""

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from ops.commands.options import ConfigOption, JsonOption, SetOption, run, settings_of
from ops.doctor import broker, configuration, database
from ops.doctor.finding import Finding, Grade, worst
from ops.roles.gateway import tls_of
from ops.settings import Settings

app = typer.Typer()
_COLOURS = {Grade.SAFE: "green", Grade.RECEIPTS: "yellow", Grade.UNSEEN: "cyan", Grade.LOSES: "red"}


@app.command()
def doctor(
    broker_config: Annotated[
        Path | None,
        typer.Option("--broker-config", metavar="FILE", help="Grade the broker's configuration file as well."),
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option("--only", metavar="PART", help="broker, configuration or database; repeatable. Else all."),
    ] = None,
    config: ConfigOption = None,
    overrides: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say whether data could be lost: probe the broker from outside, read its configuration, look at the database.

    Each finding is safe, safe only with receipts, cannot be seen from here, or loses data; with the lines to change.
    Exit status by the worst of them: 0, 3, 4, 5.
    """
    settings = settings_of(config, overrides)
    parts = set(only or ("broker", "configuration", "database"))
    if unknown := parts - {"broker", "configuration", "database"}:
        raise typer.BadParameter(
            f"{', '.join(sorted(unknown))} is no part; there are broker, configuration and database"
        )
    findings: list[Finding] = []
    if "configuration" in parts and broker_config is not None:
        findings += configuration.examine(broker_config, batch_readings=settings.ingest.batch_readings)
    if "broker" in parts:
        findings += _broker(settings, as_json=as_json)
        if broker_config is None:
            findings.append(_not_told())
    if "database" in parts:
        findings += run(database.findings(settings))
    if as_json:
        typer.echo(json.dumps([finding.as_json() for finding in findings], ensure_ascii=False))
    else:
        _print(findings)
    raise typer.Exit(worst(findings))


def _broker(settings: Settings, *, as_json: bool) -> list[Finding]:
    if settings.broker.secret is None:
        why = "the doctor's accounts at the broker are derived from it"
        change = "set GENGFU_BROKER_SECRET to the value that the gateway has"
        return [Finding("broker", "accounts", Grade.UNSEEN, "broker.secret is not set", why, change)]
    console = Console(stderr=True, quiet=as_json)
    with console.status("probing the broker") as status:
        return run(
            broker.examine(
                settings.broker.url,
                secret=settings.broker.secret.get_secret_value(),
                kind=settings.broker.kind,
                batch_readings=settings.ingest.batch_readings,
                tls=tls_of(settings),
                on_probe=lambda name: status.update(f"probing the broker: {name}"),
            )
        )


def _not_told() -> Finding:
    return Finding(
        "broker",
        "restart",
        Grade.UNSEEN,
        "whether its queues survive a restart or a crash",
        "a broker does not tell its clients what it writes to the disk, and when",
        "gengfu doctor --broker-config /etc/mosquitto/mosquitto.conf",
    )


def _print(findings: list[Finding]) -> None:
    console = Console(soft_wrap=True, highlight=False)
    for part in dict.fromkeys(finding.part for finding in findings):
        console.print(f"[bold]{part}[/bold]")
        for finding in (one for one in findings if one.part == part):
            colour = _COLOURS[finding.grade]
            console.print(f"  [{colour}]{finding.grade.words:<24}[/{colour}]  {finding.check}: {escape(finding.seen)}")
            if finding.why:
                console.print(f"{'':28}{escape(finding.why)}", style="dim")
            for line in finding.change.splitlines():
                console.print(f"{'':28}[bold]>[/bold] {escape(line)}")
    grade = worst(findings)
    console.print(f"\nAll in all: [{_COLOURS[grade]}]{grade.words}[/{_COLOURS[grade]}]")
