"""`gengfu quarantine`: what could not be taken in, why, and how to take it in after all."""

import json
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import typer
from rich.table import Table

from ops.beside import BesideOption, beside
from ops.commands.options import ConfigOption, JsonOption, SetOption, run, wide_console
from ops.errors import OpsError
from ops.settings import Settings

app = typer.Typer(
    name="quarantine", help="Messages that could not be taken in: list, look at, replay.", no_args_is_help=True
)

ReasonOption = Annotated[str | None, typer.Option("--reason", help="Only this reason, such as clock or schema.")]


@app.command("list")
def list_command(
    reason: ReasonOption = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="So many at the most.")] = 50,
    replayed: Annotated[bool, typer.Option("--replayed", help="Those replayed already, too.")] = False,
    as_json: JsonOption = False,
    folder: BesideOption = None,
    config: ConfigOption = None,
    overrides: SetOption = None,
) -> None:
    """List what waits in quarantine, newest first, and how many by reason."""
    rows, counts = run(
        _list(
            beside(folder, config=config, overrides=overrides).settings, reason=reason, limit=limit, replayed=replayed
        )
    )
    if as_json:
        for row in rows:
            typer.echo(json.dumps(row, default=str, ensure_ascii=False))
        return
    table = Table("id", "reason", "topic", "last", "times", "bytes", "what is wrong", box=None, pad_edge=False)
    for row in rows:
        last = f"{row['last_at']:%Y-%m-%d %H:%M:%S}Z"
        table.add_row(
            str(row["id"]), row["reason"], row["topic"], last, str(row["times"]), str(row["bytes"]), row["detail"]
        )
    if rows:
        wide_console().print(table)
    said = ", ".join(f"{row['waiting']} {row['reason']}" for row in counts)
    typer.echo(f"waiting: {said}" if counts else "nothing waits in quarantine")


@app.command("show")
def show_command(
    entry: Annotated[int, typer.Argument(help="The id, as `list` shows it.")],
    as_json: JsonOption = False,
    folder: BesideOption = None,
    config: ConfigOption = None,
    overrides: SetOption = None,
) -> None:
    """Show one entry whole, with its payload, unless that could say where somebody was off duty."""
    row = run(_show(beside(folder, config=config, overrides=overrides).settings, entry))
    payload, nonce = bytes(row.pop("payload")), row.pop("nonce")
    row["digest"] = bytes(row["digest"]).hex()
    row["sealed"] = nonce is not None
    try:
        row["payload"] = (
            "sealed, because whoever carried the device may have been off duty" if nonce else payload.decode()
        )
    except UnicodeDecodeError:
        row["payload_hex"] = payload.hex()
    if as_json:
        typer.echo(json.dumps(row, default=str, ensure_ascii=False))
        return
    for key, value in row.items():
        typer.echo(f"{key:<12} {value}")


@app.command("replay")
def replay_command(
    entries: Annotated[list[int] | None, typer.Argument(help="Ids, as `list` shows them.")] = None,
    reason: ReasonOption = None,
    everything: Annotated[bool, typer.Option("--all", help="All that wait.")] = False,
    offset: Annotated[
        str | None,
        typer.Option(
            help="Added to each reading's time, such as +8h, -365d or +90s: for clocks that were wrong. "
            "0s when it was the clock of ingest."
        ),
    ] = None,
    folder: BesideOption = None,
    config: ConfigOption = None,
    overrides: SetOption = None,
) -> None:
    """Take entries in once more: after a device was registered, a codec mended, or with --offset a clock.

    What can be taken in now is stored and leaves the list; what cannot stays, with today's reason.
    Exit status: 0 all were stored, 1 some stay.
    """
    if not (entries or reason or everything):
        raise typer.BadParameter("name ids, or a --reason, or --all")
    shift = None if offset is None else parse_offset(offset)
    stored, stay = run(
        _replay(beside(folder, config=config, overrides=overrides).settings, entries or None, reason, shift)
    )
    typer.echo(f"{stored} stored, {stay} stay in quarantine")
    if stay:
        raise typer.Exit(1)


def parse_offset(text: str) -> timedelta:
    """Read `+8h`, `-365d`, `90s` or `15m`.

    Raises:
        typer.BadParameter: with the forms there are.
    """
    units = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
    try:
        return timedelta(**{units[text[-1:]]: float(text[:-1])})
    except (KeyError, ValueError, OverflowError):
        raise typer.BadParameter(f"--offset {text!r} cannot be read; write it like +8h, -365d, 15m or 90s") from None


async def _list(
    settings: Settings, *, reason: str | None, limit: int, replayed: bool
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    from ingest.database import connect
    from ingest.queries import load_queries

    queries = load_queries("ingest", "quarantine.sql")
    async with await connect(settings.database.url.get_secret_value(), name="quarantine") as connection:
        values = {"reason": reason, "limit": limit, "replayed": replayed}
        rows = await (await connection.execute(queries["list"], values)).fetchall()
        return rows, await (await connection.execute(queries["counts"])).fetchall()


async def _show(settings: Settings, entry: int) -> dict[str, Any]:
    from ingest.database import connect
    from ingest.queries import load_queries

    async with await connect(settings.database.url.get_secret_value(), name="quarantine") as connection:
        found = await connection.execute(load_queries("ingest", "quarantine.sql")["show"], {"id": entry})
        row = await found.fetchone()
    if row is None:
        raise OpsError(f"there is no quarantine entry {entry}; `gengfu quarantine list` shows those there are")
    return row


async def _replay(
    settings: Settings, entries: list[int] | None, reason: str | None, offset: timedelta | None
) -> tuple[int, int]:
    from ingest.database import make_pool
    from ingest.engines import engine_at
    from ingest.pipeline import Limits
    from ingest.quarantine import replay
    from ingest.receipts import Receipts
    from ingest.worker import Worker

    conninfo = settings.database.url.get_secret_value()
    engine = await engine_at(conninfo, wish=settings.storage.engine)
    pool = make_pool(conninfo, name="quarantine", size=2)
    async with pool:
        worker = Worker(
            pool,
            engine,
            name="quarantine",
            receipts=Receipts(lambda _device, _receipt: True),
            limits=Limits(),
            retention_days=settings.storage.retention_days,
            passing=True,
            private=settings.privacy.enabled,
            secret=settings.broker.secret.get_secret_value() if settings.broker.secret else None,
        )
        await worker.prepare()
        try:
            return await replay(
                pool, worker.pipelines["up"], ids=entries, reason=reason, offset=offset, at=datetime.now(UTC)
            )
        finally:
            await worker.close()
