"""`gengfu run ROLE`: one role in this process, until it is told to stop."""

from enum import StrEnum
from typing import Annotated

import typer

from ops.commands.options import ConfigOption, SetOption, settings_of

app = typer.Typer()


class Role(StrEnum):
    """What a process can be."""

    GATEWAY = "gateway"
    INGEST = "ingest"
    RULES = "rules"
    OPS = "ops"


@app.command("run")
def run_command(
    role: Annotated[Role, typer.Argument(help="Which role this process takes.")],
    config: ConfigOption = None,
    overrides: SetOption = None,
) -> None:
    """Run one role: gateway (broker accounts, messages to devices), ingest, rules, or ops (HTTP API and console).

    Ends on SIGTERM or Ctrl-C. Needs GENGFU_DATABASE_URL, GENGFU_BROKER_URL and GENGFU_BROKER_SECRET.
    """
    from ops.process import run_role

    run_role(role.value, settings_of(config, overrides))
