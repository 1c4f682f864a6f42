"""`gengfu openapi`: the description of the HTTP API, without a running service."""

import json

import typer

app = typer.Typer()


@app.command("openapi")
def openapi_command() -> None:
    """Print the OpenAPI description of the HTTP API, from which the console's types are generated."""
    from ops.http.openapi import describe
    from ops.http.routes import discover

    typer.echo(json.dumps(describe(discover()), indent=2, ensure_ascii=False))
