"""Fixtures for all tests: a PostgreSQL and a broker of their own, and a fresh database for each test."""

import asyncio
import os
import secrets
import shutil
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from hypothesis import HealthCheck, settings
from typing_extensions import override

from ops.embedded import EmbeddedServices

TIMESCALE = "GENGFU_TEST_TIMESCALE_URL"  # of any database on the server, for a role that may create databases
EVERYWHERE = "GENGFU_TEST_STORAGE"  # `timescale` runs every test that uses a database there
# A busy machine is no counter-example: time says nothing about a property.
settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")
START_S = 90.0
STOP_S = 20.0


@dataclass(frozen=True, slots=True)
class Services:
    """The running services.

    Attributes:
        folder: their data folder.
        database_url: address of the database `gengfu`, for its owner, who may create databases.
        broker_url: `mqtt://127.0.0.1:PORT`.
        nats_accounts_file: the broker's accounts; at first nobody is let in.
        nats_pid_file: whom to send SIGHUP after a change of the accounts.
    """

    folder: Path
    database_url: str
    broker_url: str
    nats_accounts_file: Path
    nats_pid_file: Path


class ServicesThread(threading.Thread):
    """Runs the services in an event loop of their own, so that they outlive the loop of each test."""

    def __init__(self, folder: Path) -> None:
        super().__init__(name="embedded services", daemon=True)
        self._folder = folder
        self._settled = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._done = asyncio.Event()
        self._failure: BaseException | None = None
        self._services: Services | None = None

    @override
    def run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:  # noqa: BLE001  handed to the thread that waits
            self._failure = error
        self._settled.set()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        async with EmbeddedServices(self._folder) as running:
            self._services = Services(
                folder=self._folder,
                database_url=running.database_url,
                broker_url=running.broker_url,
                nats_accounts_file=running.nats_accounts_file,
                nats_pid_file=running.nats_pid_file,
            )
            self._settled.set()
            await self._done.wait()

    def started(self) -> Services:
        """Waits until the services can be used."""
        assert self._settled.wait(START_S), f"the services did not start within {START_S} s; see {self._folder}/log"
        if self._failure:
            raise self._failure
        assert self._services is not None
        return self._services

    def stop(self) -> None:
        """Stops the services and waits for the thread."""
        if self._loop and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._done.set)
        self.join(STOP_S)
        assert not self.is_alive(), "the services did not stop"
        if self._failure:
            raise self._failure


@pytest.fixture(scope="session")
def services() -> Iterator[Services]:
    """PostgreSQL and the broker, started once for all tests in a folder of their own; nothing of them may be left."""
    folder = Path(tempfile.mkdtemp(prefix="gengfu-"))
    thread = ServicesThread(folder)
    thread.start()
    try:
        yield thread.started()
    finally:
        thread.stop()
    left = processes_of(folder)
    assert not left, f"processes are left: {left}"
    shutil.rmtree(folder)


@pytest.fixture
def database_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """Address of a fresh, empty database, dropped after the test; on TimescaleDB when the tests are told to."""
    if os.environ.get(EVERYWHERE) == "timescale":
        yield from fresh_timescale_database()
    else:
        yield from fresh_database(request.getfixturevalue("services").database_url)


@pytest.fixture
def native_url(services: Services) -> Iterator[str]:
    """Address of a fresh, empty database of the embedded server."""
    yield from fresh_database(services.database_url)


@pytest.fixture
def timescale_url() -> Iterator[str]:
    """Address of a fresh database with the extension in it, dropped after the test."""
    yield from fresh_timescale_database()


def fresh_database(server: str) -> Iterator[str]:
    name = f"test_{secrets.token_hex(6)}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE template0'.encode())
    try:
        yield server.rpartition("/")[0] + "/" + name
    finally:
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())


def fresh_timescale_database() -> Iterator[str]:
    server = os.environ.get(TIMESCALE)
    if not server:
        pytest.skip(f"no TimescaleDB server to try: {TIMESCALE} is not set")
    for url in fresh_database(server):
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("SET client_min_messages = error")
            connection.execute("CREATE EXTENSION timescaledb")
        yield url


def processes_of(folder: Path) -> list[str]:
    """Finds the processes whose command line or working folder names this folder: process number and command line."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdecimal():
            continue
        try:
            words = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
            works_in = (entry / "cwd").readlink()
        except OSError:
            continue
        if words and (str(folder) in words or works_in.is_relative_to(folder)):
            found.append(f"{entry.name} {words}")
    return found
