"""Options that many commands share, and how a command runs its coroutine."""

import asyncio
from collections.abc import Coroutine
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from rich.console import Console

from ops.settings import Settings, load

T = TypeVar("T")

SetOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="KEY=VALUE", help="Override a setting, such as storage.retention_days=0; repeatable."
    ),
]
ConfigOption = Annotated[
    Path | None, typer.Option("--config", help="Settings file; else GENGFU_CONFIG, else ./gengfu.toml when it exists.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for programs instead of a table for people.")]


def settings_of(config: Path | None, overrides: list[str] | None) -> Settings:
    """The settings in force for this command."""
    return load(file=config, overrides=overrides).settings


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a command's coroutine to its end."""
    return asyncio.run(coroutine)


def wide_console(*, stderr: bool = False) -> Console:
    """A console for tables: as wide as the terminal, and wide enough for whole lines when the output goes elsewhere."""
    console = Console(stderr=stderr)
    return console if console.is_terminal else Console(stderr=stderr, width=240)
