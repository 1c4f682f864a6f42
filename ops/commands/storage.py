"""`gengfu storage`: what the storage holds and how long the disk lasts; moving readings to TimescaleDB."""

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from ops.beside import BesideOption, beside
from ops.commands.options import ConfigOption, JsonOption, SetOption, run, wide_console
from ops.settings import Settings

if TYPE_CHECKING:
    from ops.storage_report import Report

app = typer.Typer(
    name="storage", help="What the storage holds, how long the disk lasts, moving it.", no_args_is_help=True
)


@app.command("status")
def status_command(
    as_json: JsonOption = False,
    folder: BesideOption = None,
    config: ConfigOption = None,
    overrides: SetOption = None,
) -> None:
    """Show engine, size, rows, parts and load of each table, and when the disk is full.

    Rows are the database's own estimates, so this is quick however much there is. The forecast takes each day to come
    for one like those of the last week. It needs to know the room: of a server on this machine it looks itself, of
    another it takes the setting storage.capacity_gb.
    """
    from ops import storage_report

    report = run(_status(beside(folder, config=config, overrides=overrides).settings))
    if as_json:
        typer.echo(json.dumps(storage_report.as_json(report)))
    else:
        storage_report.show(report, console=wide_console())


@app.command("convert")
def convert_command(
    folder: BesideOption = None,
    config: ConfigOption = None,
    overrides: SetOption = None,
) -> None:
    """Move readings from plain partitions into TimescaleDB hypertables.

    The database needs the extension. Stop ingest first; messages wait in the broker meanwhile. Readings are copied
    day by day, days older than four days are compressed at once, and the old tables are dropped only when every row
    is there: until then both need room. Can be repeated after it was broken off.
    """
    settings = beside(folder, config=config, overrides=overrides).settings
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    console = wide_console(stderr=True)
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        converted = run(_convert(settings, bar))
    typer.echo("readings are kept in hypertables now" if converted else "readings are in hypertables already")


async def _status(settings: Settings) -> "Report":
    from ingest.database import connect
    from ingest.engines import choose_engine
    from ingest.inventory import take_inventory
    from ingest.migrate import check_schema
    from ops.storage_report import report_of

    async with await connect(settings.database.url.get_secret_value(), name="storage") as connection:
        await check_schema(connection)
        inventory = await take_inventory(connection, await choose_engine(connection, wish="auto"))
        return report_of(inventory, settings, host=connection.info.host, now=datetime.now(UTC))


async def _convert(settings: Settings, bar: Progress) -> bool:
    from ingest.database import connect
    from ingest.engines import convert
    from ingest.migrate import check_schema
    from ingest.upkeep import COMPRESS_AFTER

    task = bar.add_task("copying days", total=None)
    async with await connect(settings.database.url.get_secret_value(), name="storage") as connection:
        await check_schema(connection)
        before = await convert(
            connection,
            compress_before=datetime.now(UTC) - COMPRESS_AFTER,
            plan=lambda parts: bar.update(task, total=len(parts)),
            moved=lambda _part: bar.advance(task),
        )
        return before.partitioned
