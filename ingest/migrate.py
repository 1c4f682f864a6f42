"""Migrations: numbered SQL files, applied in order, each in a transaction of its own, in one ledger."""

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import files

import psycopg

from ingest.database import Connection, connect
from ingest.engines import Wish, adopt
from ingest.errors import MigrationFailed, ReadingRefused, SchemaOutdated
from ingest.locks import Lock

_NAME = re.compile(r"^(\d{4})_(\w+)\.sql$")
_LEDGER = b"""
CREATE TABLE IF NOT EXISTS migration (
  number     integer PRIMARY KEY,
  name       text NOT NULL,
  checksum   text NOT NULL,
  applied_at timestamptz NOT NULL DEFAULT now()
)"""


@dataclass(frozen=True)
class Migration:
    """One numbered file of `ingest/migrations`."""

    number: int
    name: str
    sql: str

    @property
    def checksum(self) -> str:
        """SHA-256 of the text: an applied migration must never change."""
        return hashlib.sha256(self.sql.encode()).hexdigest()


def migrations() -> list[Migration]:
    """All migrations that this gengfu carries, in order."""
    entries = files("ingest").joinpath("migrations").iterdir()
    found = [
        Migration(int(match[1]), match[2], entry.read_text(encoding="utf-8"))
        for entry in entries
        if (match := _NAME.match(entry.name))
    ]
    return sorted(found, key=lambda migration: migration.number)


async def migrate(conninfo: str, *, engine: Wish = "auto", say: Callable[[str], None] = lambda _: None) -> int:
    """Bring the database up to this gengfu's schema; harmless to repeat.

    Args:
        conninfo: of a role that may create tables.
        engine: the setting storage.engine: whether empty tables become hypertables where TimescaleDB is there.
        say: receives a sentence per step.

    Returns:
        How many migrations were applied.

    Raises:
        DatabaseUnavailable: the server does not answer.
        MigrationFailed: a statement failed; that migration was rolled back whole.
        SchemaOutdated: the database is newer than this gengfu, or an applied file was changed.
        EngineMismatch: hypertables are asked for, and the database cannot have them.
        ConversionRefused: it can, but ingest is at work on it.
    """
    connection = await connect(conninfo, name="migrate")
    async with connection:
        await connection.execute("SELECT pg_advisory_lock(%s)", [Lock.MIGRATION.value])
        await _make_ledger(connection)
        waiting = _pending(await _applied(connection))
        for migration in waiting:
            await _apply(connection, migration)
            say(f"applied migration {migration.number:04d} {migration.name}")
        await adopt(connection, wish=engine, say=say)
        return len(waiting)


async def check_schema(connection: Connection) -> None:
    """Say no to a database that this gengfu must not write to.

    Raises:
        SchemaOutdated: with the command that mends it.
        ReadingRefused: this role may not even look.
    """
    exists = await (await connection.execute("SELECT to_regclass('migration') AS it")).fetchone()
    try:
        applied = await _applied(connection) if exists and exists["it"] else {}
    except psycopg.errors.InsufficientPrivilege as error:
        role = connection.info.user
        raise ReadingRefused(
            f"role {role} may not read gengfu's tables in database {connection.info.dbname}: "
            f"{error.diag.message_primary}; see that GENGFU_DATABASE_URL names the role that gengfu runs with"
        ) from error
    if waiting := _pending(applied):
        raise SchemaOutdated(f"the database lacks {len(waiting)} migration(s); run `gengfu migrate`")


async def _make_ledger(connection: Connection) -> None:
    try:
        await connection.execute(_LEDGER)
    except psycopg.errors.InsufficientPrivilege as error:
        # Since PostgreSQL 15 a role may create tables in `public` only when it owns the database or was granted it.
        role, database = connection.info.user, connection.info.dbname
        raise MigrationFailed(
            f"role {role} may not create tables in database {database}: {error.diag.message_primary}; "
            f'let an administrator run ALTER DATABASE "{database}" OWNER TO "{role}", then migrate again'
        ) from error


async def _applied(connection: Connection) -> dict[int, str]:
    rows = await (await connection.execute("SELECT number, checksum FROM migration")).fetchall()
    return {row["number"]: row["checksum"] for row in rows}


def _pending(applied: dict[int, str]) -> list[Migration]:
    ours = {migration.number: migration for migration in migrations()}
    if newer := sorted(set(applied) - set(ours)):
        raise SchemaOutdated(
            f"the database has migration {newer[-1]:04d}, which this gengfu does not know; upgrade gengfu"
        )
    for number, checksum in applied.items():
        if ours[number].checksum != checksum:
            raise SchemaOutdated(
                f"migration {number:04d} {ours[number].name} is not the one that was applied to this database; "
                "install the gengfu that made it"
            )
    return [migration for number, migration in ours.items() if number not in applied]


async def _apply(connection: Connection, migration: Migration) -> None:
    try:
        async with connection.transaction():
            await connection.execute("SET LOCAL lock_timeout = '3s'")
            await connection.execute(migration.sql.encode())
            await connection.execute(
                "INSERT INTO migration (number, name, checksum) VALUES (%s, %s, %s)",
                [migration.number, migration.name, migration.checksum],
            )
    except psycopg.Error as error:
        raise MigrationFailed(
            f"migration {migration.number:04d} {migration.name} failed and was rolled back: "
            + " ".join(str(error).split())
        ) from error
