"""The command `gengfu`: finds its commands, and turns errors into one sentence."""

import asyncio
import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.metadata import version
from pkgutil import iter_modules
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from devices.errors import DevicesError
from gateway.errors import GatewayError
from ingest.errors import IngestError
from ops import commands
from ops.errors import OpsError
from rules.errors import RulesError

EXPECTED = (DevicesError, GatewayError, IngestError, OpsError, RulesError)

app = typer.Typer(
    name="gengfu",
    help="Field-device gateway and patrol telemetry service for community grid management.",
    epilog="Begin with: gengfu demo",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"gengfu {version('gengfu')}")
        raise typer.Exit


@app.callback()
def _main(
    show_version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and stop.")
    ] = False,
) -> None:
    pass


def _mount() -> None:
    for module in iter_modules(commands.__path__):
        found = getattr(import_module(f"{commands.__name__}.{module.name}"), "app", None)
        if isinstance(found, typer.Typer):
            app.add_typer(found)  # one with a name becomes a group; one without gives its commands to us


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command; what can be expected to go wrong ends in one sentence on stderr and status 1."""
    _mount()
    try:
        app(args=list(arguments) if arguments is not None else None)
    except EXPECTED as error:
        Console(stderr=True, soft_wrap=True, highlight=False).print(f"[red]gengfu:[/red] {escape(str(error))}")
        sys.exit(1)
    except (KeyboardInterrupt, asyncio.CancelledError):
        sys.exit(130)
    except BrokenPipeError:  # the reader of our output, such as `head`, has seen enough
        sys.stderr.close()
        sys.exit(0)


if __name__ == "__main__":
    main()
