"""`gengfu user`: the accounts of the people who sign in."""

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer
from rich.console import Console
from rich.table import Table

from ops.beside import BesideOption, beside
from ops.commands.options import ConfigOption, JsonOption, SetOption, run
from ops.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from ingest.database import Connection

app = typer.Typer(name="user", help="Add, list, change and close the accounts of people.", no_args_is_help=True)

T = TypeVar("T")
PATROL = "patrol"  # the role that sees its own unit only
ROLE_HELP = "officer, crew, patrol, leader, admin or auditor."
SCOPE_HELP = "Code of the grid that bounds what the user sees; without it the whole site."
UNIT_HELP = "Code of the user's unit; a patrol needs one and sees only that."

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="What the user signs in with.")]
PasswordOption = Annotated[
    str | None,
    typer.Option(
        "--password-file",
        metavar="FILE",
        help="File whose first line is the password, or - for standard input; without it one is made and shown once.",
    ),
]


@app.command("add")
def add_command(
    name: NameArgument,
    role: Annotated[str, typer.Option("--role", help=ROLE_HELP)],
    scope: Annotated[str | None, typer.Option("--scope", metavar="GRID", help=SCOPE_HELP)] = None,
    unit: Annotated[str | None, typer.Option("--unit", metavar="UNIT", help=UNIT_HELP)] = None,
    password_file: PasswordOption = None,
    folder: BesideOption = None,
    config: ConfigOption = None,
    overrides: SetOption = None,
) -> None:
    """Add a user. Prints the password on stdout when it made one; it is shown this once.

    Example: gengfu user add zhang --role officer --scope C01
    """
    from ops.accounts import add_account

    settings = beside(folder, config=config, overrides=overrides).settings
    password, made = _password(password_file)
    _within(
        settings,
        lambda connection: add_account(connection, name=name, role=role, password=password, scope=scope, unit=unit),
    )
    reach = [f"unit {unit}"] if unit else []
    reach += [f"grid {scope}"] if scope else [] if role == PATROL else ["the whole site"]
    typer.echo(f"added user {name}, {role} of {', '.join(reach)}", err=True)
    if made:
        typer.echo(password)


@app.command("list")
def list_command(
    folder: BesideOption = None, config: ConfigOption = None, overrides: SetOption = None, as_json: JsonOption = False
) -> None:
    """List the users, closed ones too. Times are UTC."""
    from ops.accounts import list_accounts

    accounts = _within(beside(folder, config=config, overrides=overrides).settings, list_accounts)
    if as_json:
        typer.echo(json.dumps([vars(one) for one in accounts], default=datetime.isoformat, ensure_ascii=False))
        return
    table = Table("user", "role", "territory", "unit", "sessions", "added", "closed", box=None, pad_edge=False)
    for one in accounts:
        closed = f"{one.closed_at:%Y-%m-%d %H:%M}" if one.closed_at else ""
        table.add_row(
            one.name,
            one.role,
            one.scope or ("its unit" if one.role == PATROL else "whole site"),
            one.unit or "",
            str(one.sessions),
            f"{one.created_at:%Y-%m-%d %H:%M}",
            closed,
        )
    Console().print(table)


@app.command("close")
def close_command(
    name: NameArgument, folder: BesideOption = None, config: ConfigOption = None, overrides: SetOption = None
) -> None:
    """Close a user for good; whoever is signed in with it is signed out at once."""
    from ops.accounts import close_account

    _within(
        beside(folder, config=config, overrides=overrides).settings,
        lambda connection: close_account(connection, name, at=datetime.now(UTC)),
    )
    typer.echo(f"closed user {name}", err=True)


@app.command("password")
def password_command(
    name: NameArgument,
    password_file: PasswordOption = None,
    folder: BesideOption = None,
    config: ConfigOption = None,
    overrides: SetOption = None,
) -> None:
    """Give a user a new password; whoever is signed in with it is signed out at once."""
    from ops.accounts import set_password

    settings = beside(folder, config=config, overrides=overrides).settings
    password, made = _password(password_file)
    _within(settings, lambda connection: set_password(connection, name, password=password))
    typer.echo(f"user {name} has a new password", err=True)
    if made:
        typer.echo(password)


@app.command("change")
def change_command(
    name: NameArgument,
    role: Annotated[str | None, typer.Option("--role", help=ROLE_HELP)] = None,
    scope: Annotated[str | None, typer.Option("--scope", metavar="GRID", help=SCOPE_HELP)] = None,
    whole_site: Annotated[bool, typer.Option("--whole-site", help="Take the bounds of the territory away.")] = False,
    unit: Annotated[str | None, typer.Option("--unit", metavar="UNIT", help=UNIT_HELP)] = None,
    folder: BesideOption = None,
    config: ConfigOption = None,
    overrides: SetOption = None,
) -> None:
    """Give a user another role, territory or unit; whoever is signed in with it is signed out at once."""
    from ops.accounts import KEEP, change_account

    if scope is not None and whole_site:
        raise typer.BadParameter("--scope and --whole-site exclude each other; give one")
    if role is None and scope is None and unit is None and not whole_site:
        raise typer.BadParameter("nothing to change; give --role, --scope, --whole-site or --unit")
    territory = None if whole_site else scope or KEEP
    _within(
        beside(folder, config=config, overrides=overrides).settings,
        lambda connection: change_account(connection, name, role=role or KEEP, scope=territory, unit=unit or KEEP),
    )
    typer.echo(f"changed user {name}", err=True)


def _within(settings: Settings, work: "Callable[[Connection], Awaitable[T]]") -> T:
    from ingest.database import connect
    from ingest.migrate import check_schema

    async def all_of_it() -> T:
        async with await connect(settings.database.url.get_secret_value(), name="user") as connection:
            await check_schema(connection)
            async with connection.transaction():
                return await work(connection)

    return run(all_of_it())


def _password(file: str | None) -> tuple[str, bool]:
    from ops.accounts import AccountError
    from ops.http.passwords import new_password

    if file is None:
        return new_password(), True
    try:
        with sys.stdin if file == "-" else Path(file).open(encoding="utf-8") as opened:
            return opened.readline().rstrip("\r\n"), False
    except (OSError, UnicodeDecodeError) as error:
        raise AccountError(f"cannot read the password from {file}: {error}; give a file of UTF-8 text, or -") from None
