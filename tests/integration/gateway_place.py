"""A broker, a database and roles of gengfu in one test, and its commands in processes of their own."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from gateway import Credentials, Session, register
from ingest.database import Connection, connect
from ingest.migrate import migrate
from ops.roles import gateway, ingest
from ops.settings import Settings, as_environment, load
from tests.integration.mosquitto_server import MosquittoServer, mosquitto
from tests.integration.nats_server import BROKER_SECRET, NatsServer, eventually, running_nats


@dataclass
class Place:
    """A broker and a database, and the settings that name them."""

    broker: NatsServer | MosquittoServer
    settings: Settings
    folder: Path

    @property
    def nats(self) -> NatsServer:
        assert isinstance(self.broker, NatsServer)
        return self.broker

    @property
    def database_url(self) -> str:
        return self.settings.database.url.get_secret_value()

    @asynccontextmanager
    async def gateway(self) -> AsyncIterator[None]:
        """The role, once it keeps the accounts."""
        async with running(gateway, self.settings), await connect(self.database_url, name="test") as connection:
            await eventually(lambda: is_live(connection), within_s=20)
            yield

    @asynccontextmanager
    async def ingest(self) -> AsyncIterator[None]:
        """The role; start the gateway before it."""
        async with running(ingest, self.settings):
            yield

    async def gengfu(self, *words: str) -> tuple[int, str, str]:
        """Run a command; its status, output and errors."""
        environment = {name: os.environ[name] for name in ("PATH", "HOME", "PYTHONPATH") if name in os.environ}
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "ops.cli", *words,
            env=environment | as_environment(self.settings), cwd=self.folder,
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        async with asyncio.timeout(60):
            out, err = await process.communicate()
        return process.returncode or 0, out.decode(), err.decode()

    def session(self, device: dict[str, Any], *, client_id: str = "its-random-id") -> Session:
        return Session(
            self.broker.url,
            credentials=Credentials(device["device"], device["secret"], client_id),
            filters=device["subscribe"],
            name=f"test {device['device']}",
        )


class Role(Protocol):
    """A module of `ops.roles`."""

    async def run(self, settings: Settings, *, stop: asyncio.Event) -> None:
        """Serve until `stop` is set."""
        ...


@asynccontextmanager
async def running(role: Role, settings: Settings) -> AsyncIterator[None]:
    """A role inside of this test's event loop."""
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(role.run(settings, stop=stop), name="role")
        try:
            yield
        finally:
            stop.set()


async def is_live(connection: Connection) -> bool:
    """Whether a gateway keeps the accounts."""
    return (await register.revision(connection)).live


@asynccontextmanager
async def made_place(folder: Path, database_url: str, *, kind: str = "nats", workers: int = 1) -> AsyncIterator[Place]:
    """An empty gengfu with a broker of its own; with mosquitto the test is skipped where that is not installed."""
    await migrate(database_url)
    async with running_nats(folder) if kind == "nats" else mosquitto(folder) as broker:
        settings = load(
            overrides=[
                f"database.url={database_url}",
                f"broker.url={broker.url}",
                f"broker.kind={kind}",
                f"broker.secret={BROKER_SECRET}",
                f"ingest.workers={workers}",
                f"data_dir={folder}",
                "storage.retention_days=0",
                "privacy.enabled=false",  # no rules run here that could say who is on duty
                *_files_of(broker),
            ]
        ).settings
        yield Place(broker, settings, folder)


def _files_of(broker: NatsServer | MosquittoServer) -> list[str]:
    if isinstance(broker, NatsServer):
        return [f"broker.nats_accounts_file={broker.accounts_file}", f"broker.nats_pid_file={broker.pid_file}"]
    return [
        f"broker.mosquitto_password_file={broker.broker.password_file}",
        f"broker.mosquitto_acl_file={broker.broker.acl_file}",
        f"broker.mosquitto_pid_file={broker.broker.pid_file}",
    ]
