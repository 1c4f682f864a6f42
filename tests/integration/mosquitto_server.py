"""A mosquitto of a test's own: it can be killed and started again on the same port and data."""

import contextlib
import signal
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ops.embedded.errors import BinaryMissingError
from ops.embedded.mosquitto import Mosquitto
from tests.integration.nats_server import eventually, free_port

START_S = 20.0
STOP_S = 20.0


class MosquittoServer:
    """mosquitto with the safe configuration; `log` holds what it says."""

    def __init__(self, folder: Path, *, port: int | None = None) -> None:
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


@contextlib.asynccontextmanager
async def mosquitto(folder: Path) -> AsyncIterator[MosquittoServer]:
    """A server of the test's own, killed at the end; the test is skipped where mosquitto is not installed."""
    server = MosquittoServer(folder / "mosquitto")
    try:
        await server.start()
    except BinaryMissingError as error:
        pytest.skip(str(error))
    try:
        yield server
    finally:
        server.stop()
