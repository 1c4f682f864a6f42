"""`gengfu ingest`: taking a worker out for good."""

from typing import Annotated

import typer

from ops.commands.options import ConfigOption, SetOption, run, settings_of

app = typer.Typer(name="ingest", help="Workers of ingest.", no_args_is_help=True)


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
