"""The limit of the database: COPY of the very rows that ingest has stored, into the very table."""

import asyncio
import os
import shutil
from datetime import datetime
from pathlib import Path
from time import monotonic

from psycopg.conninfo import conninfo_to_dict

from ingest.database import connect
from ops.bench.database import Database
from ops.bench.errors import BenchError
from ops.embedded import BinaryMissingError
from ops.embedded.binaries import find_postgres

ROWS = 1_000_000  # at the most; a few seconds' worth
COLUMNS = (
    "device, time, digest, lat, lon, accuracy, speed, heading, altitude, battery, flags, grid, boot, seq, received_at"
)
MOVED = COLUMNS.replace(
    "time,", "time + interval '300001 microseconds',", 1
)  # to be new rows of a table that keeps the old ones
ENVIRONMENT = {
    "host": "PGHOST",
    "port": "PGPORT",
    "user": "PGUSER",
    "password": "PGPASSWORD",
    "dbname": "PGDATABASE",
    "sslmode": "PGSSLMODE",
    "sslrootcert": "PGSSLROOTCERT",
}
BLOCK = 1 << 20


async def copy_limit(database: Database, *, since: datetime, folder: Path, keep: bool) -> tuple[float, str]:
    """Write the rows out, and measure how fast they go in again.

    Args:
        database: whose table.
        since: rows of before are not taken.
        folder: for the file.
        keep: the table keeps what it has, and the rows go in with other times; otherwise it is emptied first.

    Returns:
        Rows a second, and by which program.
    """
    file = folder / "rows.bin"
    psql = find_psql()
    select = (
        f"SELECT {MOVED if keep else COLUMNS} FROM position "  # noqa: S608  constants, and a time of ours
        f"WHERE time >= '{since.isoformat()}' LIMIT {ROWS}"
    )
    await _copy(database, psql, f"({select}) TO", file, "binary")
    if keep:
        await database.connection.execute("CHECKPOINT")
    else:
        await database.empty()
        await database.settle()
    before = await database.rows()
    began = monotonic()
    await _copy(database, psql, f"position ({COLUMNS}) FROM", file, "binary")
    took_s = monotonic() - began
    file.unlink()
    rows = await database.rows() - before
    return rows / took_s, "psql \\copy, binary" if psql else "psycopg copy, binary"


def find_psql() -> Path | None:
    """The psql that comes with PostgreSQL, or one on the PATH."""
    try:
        program = find_postgres().program("psql")
    except BinaryMissingError:
        program = Path("/nonexistent")
    if os.access(program, os.X_OK):
        return program
    found = shutil.which("psql")
    return Path(found) if found else None


async def _copy(database: Database, psql: Path | None, what: str, file: Path, form: str) -> None:
    if psql is None:
        await _copy_without(database, what, file, form)
        return
    known = conninfo_to_dict(database.url)
    environment = {variable: str(known[key]) for key, variable in ENVIRONMENT.items() if known.get(key)}
    process = await asyncio.create_subprocess_exec(
        psql,
        *("-X", "-q", "-v", "ON_ERROR_STOP=1"),
        *("-c", rf"\copy {what} '{file}' WITH (FORMAT {form})"),
        env={"PATH": os.defpath, "PGOPTIONS": "-c timezone=UTC", **environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        said, _ = await process.communicate()
    except BaseException:
        process.kill()
        raise
    if process.returncode:
        raise BenchError(f"psql could not copy: {' '.join(said.decode(errors='replace').split())}; look at the disk")


async def _copy_without(database: Database, what: str, file: Path, form: str) -> None:
    reading = what.endswith("FROM")
    query = f"COPY {what} {'STDIN' if reading else 'STDOUT'} WITH (FORMAT {form})"
    async with (
        await connect(database.url, name="bench") as connection,
        connection.cursor() as cursor,
        cursor.copy(query.encode()) as copy,
    ):
        with file.open("rb" if reading else "wb") as stream:
            if reading:
                while part := stream.read(BLOCK):
                    await copy.write(part)
            else:
                async for block in copy:
                    stream.write(block)
