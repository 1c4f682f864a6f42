"""Times as people type them, and one transaction with its audit record, for the commands that change the roster."""

import getpass
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar
from zoneinfo import ZoneInfo

import typer
from rich.table import Table

from ops import moments
from ops.commands.options import run, wide_console
from ops.settings import Settings

if TYPE_CHECKING:
    from ingest.database import Connection
    from rules.store.roster import Judged

T = TypeVar("T")

ALWAYS = datetime(2000, 1, 1, tzinfo=UTC)  # from when rows hold whose beginning nobody named
MOMENT_HELP = 'RFC 3339, or local time of the site, such as "2026-11-21 20:00".'


def moment_of(text: str | None, *, zone: str) -> datetime | None:
    """A moment as somebody typed it: with an offset, or in the site's zone; aware UTC. None stays None.

    Raises:
        BadParameter: it is none.
    """
    if text is None:
        return None
    try:
        return moments.moment_of(text, "", zone=ZoneInfo(zone))
    except moments.NoMoment as error:
        raise typer.BadParameter(str(error)) from None


def shown(moment: datetime | None, *, zone: str) -> str:
    """A moment in the site's zone, for people; nothing for None."""
    return f"{moment.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M}" if moment else ""


def since_when(moment: datetime, *, zone: str) -> str:
    """The beginning of what is dated, for people; what the very first import said holds since always."""
    return "always" if moment <= ALWAYS else shown(moment, zone=zone)


def until_when(moment: datetime | None, *, zone: str) -> str:
    """The end of what is dated, for people."""
    return shown(moment, zone=zone) or "further notice"


def say_judged(judged: "Judged") -> None:
    """What a change of the roster means for duties, beside its result."""
    typer.echo(f"{judged.again} duties are judged again, {judged.kept} keep their verdict", err=True)


def show_or_say(table: Table, otherwise: str) -> None:
    """Print a table, or a sentence when it has no rows."""
    if table.row_count:
        wide_console().print(table)
    else:
        typer.echo(otherwise)


def actor() -> str:
    """Who acts, for the audit record."""
    try:
        return f"cli:{getpass.getuser()}"
    except (KeyError, OSError):  # a user without a name, as in some containers
        return "cli"


def within(settings: Settings, work: "Callable[[Connection], Awaitable[T]]") -> T:
    """Do something in one transaction on the database that the settings name."""
    from ingest.database import connect
    from ingest.migrate import check_schema

    async def all_of_it() -> T:
        async with await connect(settings.database.url.get_secret_value(), name="roster") as connection:
            await check_schema(connection)
            async with connection.transaction():
                return await work(connection)

    with moments.in_site_times(ZoneInfo(settings.site.zone)):
        return run(all_of_it())


async def recorded(connection: "Connection", *, action: str, subject: str, detail: Mapping[str, Any]) -> None:
    """Write to the audit table, in the transaction of what is recorded."""
    from ops.http.acts import record

    await record(connection, actor=actor(), action=action, subject=subject, detail=detail)
