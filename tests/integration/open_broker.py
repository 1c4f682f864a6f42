"""Real brokers that let the user `test` do anything, for tests of the protocol itself."""

import asyncio
import contextlib
import signal
import subprocess
import sysconfig
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Literal

import pytest
from typing_extensions import override

from gateway.address import Credentials
from gateway.mqtt.packets import Version
from gateway.session import Session
from ops.embedded.binaries import find_mosquitto
from ops.embedded.errors import BinaryMissingError
from tests.integration.nats_server import free_port

Kind = Literal["nats", "mosquitto"]
START_S = 20.0


class OpenBroker(ABC):
    """One broker; it can be killed and started again on the same port and data."""

    kind: Kind

    def __init__(self, folder: Path, *, version: Version, extra: str) -> None:
        self.folder = folder
        self.port = free_port()
        self.version: Version = version
        self.extra = extra
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"mqtt://127.0.0.1:{self.port}"

    def session(self, client_id: str = "the-session", **options: Any) -> Session:
        credentials = Credentials("test", "test", client_id)
        return Session(self.url, credentials=credentials, name="test", **{"version": self.version, **options})

    async def start(self) -> None:
        self._spawn()
        async with asyncio.timeout(START_S):
            while not await self._answers():
                assert self.process is not None
                assert self.process.poll() is None, (self.folder / "log").read_text()
                await asyncio.sleep(0.02)

    def _spawn(self) -> None:
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(self.command(), stdout=log, stderr=log)

    async def _answers(self) -> bool:
        with contextlib.suppress(OSError):
            _, writer = await asyncio.open_connection("127.0.0.1", self.port)
            writer.close()
            return True
        return False

    def stop(self, number: signal.Signals = signal.SIGKILL) -> None:
        if self.process is not None:
            self.process.send_signal(number)
            self.process.wait(10)
            self.process = None

    @abstractmethod
    def command(self) -> list[str]:
        """Write the configuration; how the broker is run."""


class OpenNats(OpenBroker):
    """nats-server."""

    kind: Kind = "nats"

    @override
    def command(self) -> list[str]:
        config = self.folder / "nats.conf"
        config.write_text(f"""
server_name: "open-{self.port}"
host: 127.0.0.1
port: -1
jetstream {{ store_dir: "{self.folder}/js" }}
mqtt {{ host: 127.0.0.1, port: {self.port}, ack_wait: "1s", max_ack_pending: 20000 }}
authorization {{ user: test, password: test }}
{self.extra}
""")
        return [str(Path(sysconfig.get_path("scripts")) / "nats-server"), "-c", str(config)]


class OpenMosquitto(OpenBroker):
    """mosquitto."""

    kind: Kind = "mosquitto"

    @override
    def command(self) -> list[str]:
        try:
            program = find_mosquitto()
        except BinaryMissingError as error:
            pytest.skip(str(error))
        config = self.folder / "mosquitto.conf"
        config.write_text(f"""
user root
listener {self.port} 127.0.0.1
allow_anonymous true
max_inflight_messages 20000
max_inflight_bytes 0
max_queued_messages 0
set_tcp_nodelay true
log_type error
log_type warning
persistence false
{self.extra}
""")
        return [str(program), "-c", str(config)]


_KINDS: dict[Kind, type[OpenBroker]] = {"nats": OpenNats, "mosquitto": OpenMosquitto}


@contextlib.asynccontextmanager
async def open_broker(kind: Kind, folder: Path, *, version: Version = 4, extra: str = "") -> AsyncIterator[OpenBroker]:
    """A broker of the test's own; the test is skipped where it is not installed."""
    broker = _KINDS[kind](folder, version=version, extra=extra)
    await broker.start()
    try:
        yield broker
    finally:
        broker.stop()
