"""A mosquitto of a test's own: it can be killed and started again on the same port and data."""

import contextlib
import signal
import subprocess
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from gateway import Credentials, MosquittoProvisioner, Session, credentials_of, ingest_account, shared_filters
from gateway.accounts import Lane
from gateway.provisioning import DeviceAccount
from gateway.verifiers import verifiers_for
from ops.embedded.errors import BinaryMissingError
from ops.embedded.mosquitto import Mosquitto
from tests.integration.nats_server import BROKER_SECRET, eventually, free_port, secret_of

START_S = 20.0
STOP_S = 20.0


class MosquittoServer:
    """mosquitto with the safe configuration; `log` holds what it says."""

    def __init__(self, folder: Path, *, port: int | None = None, workers: Sequence[str] = ("1",)) -> None:
        self.workers = workers
        self.accounts: dict[str, DeviceAccount] = {}
        self.broker = Mosquitto(folder, port=port or free_port())
        self.log = self.broker.folder / "mosquitto.log"
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return self.broker.url

    @property
    def pid(self) -> int:
        assert self.process is not None, "it does not run"
        return self.process.pid

    @property
    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def provisioner(self) -> MosquittoProvisioner:
        return MosquittoProvisioner(
            self.broker.password_file,
            acl_file=self.broker.acl_file,
            pid_file=self.broker.pid_file,
            url=self.url,
            secret=BROKER_SECRET,
            workers=self.workers,
        )

    async def start(self) -> None:
        self.broker.prepare()
        self._spawn()
        await eventually(self._ready, within_s=START_S)

    def _spawn(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(self.broker.argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    async def _ready(self) -> bool:
        assert self.running, self.log.read_text()
        return await self.broker.is_ready()

    def stop(self, number: signal.Signals = signal.SIGKILL) -> None:
        if self.process is not None:
            self.process.send_signal(number)
            self.process.wait(STOP_S)
            self.process = None

    async def let_in(self, *devices: str) -> None:
        """Make these devices the ones that may connect; the secret of each is `secret of <name>`."""
        for device in devices:
            self.accounts.setdefault(device, DeviceAccount(device, verifiers_for(secret_of(device))))
        await self.provisioner().apply([self.accounts[device] for device in devices])

    def ingest(self, lane: Lane = "up", *, worker: str = "1", **options: Any) -> Session:
        """A session as ingest has it."""
        credentials = credentials_of(ingest_account(worker, lane), secret=BROKER_SECRET)
        options.setdefault("filters", shared_filters(lane, secret=BROKER_SECRET))
        return Session(self.url, credentials=credentials, name=f"test {lane} {worker}", **options)

    def device(self, name: str, *, client_id: str = "any", **options: Any) -> Session:
        """A session as a device has it, with the filters that are asked for."""
        credentials = Credentials(name, secret_of(name), client_id)
        return Session(self.url, credentials=credentials, name=f"test {name}", **options)


@contextlib.asynccontextmanager
async def mosquitto(folder: Path, *, workers: Sequence[str] = ("1",)) -> AsyncIterator[MosquittoServer]:
    """A server of the test's own, killed at the end; the test is skipped where mosquitto is not installed."""
    server = MosquittoServer(folder / "mosquitto", workers=workers)
    try:
        await server.start()
    except BinaryMissingError as error:
        pytest.skip(str(error))
    try:
        yield server
    finally:
        server.stop()
