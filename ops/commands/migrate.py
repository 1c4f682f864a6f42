"""`gengfu migrate`: bring the database up to this gengfu's schema."""

import typer

from ops.commands.options import ConfigOption, SetOption, run, settings_of

app = typer.Typer()


@app.command("migrate")
def migrate_command(config: ConfigOption = None, overrides: SetOption = None) -> None:
    """Create or upgrade the tables in the database. Safe to repeat; each step is applied whole or not at all.

    Where the database has the extension TimescaleDB, empty tables become hypertables, unless storage.engine is native.
    The database is the setting database.url (GENGFU_DATABASE_URL); its user must be allowed to create tables.
    """
    from ingest.migrate import migrate

    settings = settings_of(config, overrides)
    applied = run(migrate(settings.database.url.get_secret_value(), engine=settings.storage.engine, say=typer.echo))
    typer.echo(
        "the schema is up to date" if not applied else f"{applied} migration(s) applied; the schema is up to date"
    )
