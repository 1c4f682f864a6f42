"""`gengfu ingest`: what can be done about ingest workers from outside."""

from typing import Annotated

import typer

from ops.beside import BesideOption, beside
from ops.commands.options import ConfigOption, SetOption, run, settings_of
from ops.errors import OpsError
from ops.settings import Settings

ALIVE_S = 10.0  # a worker that beat more lately than this would only be known again at once

app = typer.Typer(
    name="ingest", help="Ingest workers: take one out for good, forget one that is gone.", no_args_is_help=True
)


@app.callback()
def _group() -> None:
    pass


@app.command("drain")
def drain_command(
    worker: Annotated[str, typer.Argument(help="The worker's name, such as 4.")],
    config: ConfigOption = None,
    overrides: SetOption = None,
) -> None:
    """Take a stopped worker out for good: work off what the broker keeps for it, and end its sessions.

    Until then its share of the messages waits for it. Start the others with the lower ingest.workers first.
    """
    from ops.draining import drain

    run(drain(settings_of(config, [*(overrides or []), f"ingest.worker={worker}"]), say=typer.echo))


@app.command("forget")
def forget_command(
    worker: Annotated[str, typer.Argument(help="Its name, as ingest.worker was.")],
    folder: BesideOption = None,
    config: ConfigOption = None,
    overrides: SetOption = None,
) -> None:
    """Wait no more for an ingest worker that was renamed or taken away for good.

    Messages that the broker still holds for it are not taken in; `gengfu ingest drain` does that.
    """
    run(_forget(beside(folder, config=config, overrides=overrides).settings, worker))
    typer.echo(f"nobody waits for ingest worker {worker} any more; if it starts again, it is known again")


async def _forget(settings: Settings, worker: str) -> None:
    from ingest.database import connect
    from ingest.progress import goodbye, silent_for

    async with await connect(settings.database.url.get_secret_value(), name="ingest forget") as connection:
        silent_s = await silent_for(connection, worker)
        if silent_s is None:
            raise OpsError(f"nobody waits for an ingest worker {worker!r}; `/health/ready` names those that are missed")
        if silent_s < ALIVE_S:
            raise OpsError(f"ingest worker {worker} is alive; stop it first")
        await goodbye(connection, worker)
