"""`gengfu config`: what is in force, and where each value comes from."""

import json

import typer
from rich.table import Table

from ops.commands.options import ConfigOption, JsonOption, SetOption, wide_console
from ops.settings import known_keys, load, value_of, variable

app = typer.Typer()


@app.command("config")
def config_command(config: ConfigOption = None, overrides: SetOption = None, as_json: JsonOption = False) -> None:
    """Show every setting, its value and its source. Secrets are masked.

    Sources in falling rank: --set, environment variables, the settings file, the default.
    """
    loaded = load(file=config, overrides=overrides)
    rows = [
        (key, value_of(loaded.settings, key), loaded.origins[key], variable(key), text)
        for key, text in known_keys().items()
    ]
    if as_json:
        names = ("key", "value", "source", "variable", "description")
        typer.echo(json.dumps([dict(zip(names, row, strict=True)) for row in rows], default=str, ensure_ascii=False))
        return
    table = Table("setting", "value", "source", "variable", "what it is", box=None, pad_edge=False)
    for key, value, source, name, text in rows:
        table.add_row(key, "" if value is None else str(value), source, name, text)
    wide_console().print(table)
