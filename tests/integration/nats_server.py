"""A nats-server of a test's own: it can be killed and started again on the same port and data."""

import asyncio
import contextlib
import signal
import socket
import subprocess
import sysconfig
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gateway import Credentials, Session, credentials_of, ingest_account, lane_filters
from gateway.accounts import Lane
from gateway.errors import BrokerError
from gateway.provisioning import DeviceAccount, NatsProvisioner
from gateway.verifiers import verifiers_for

BROKER_SECRET = "a broker secret of the tests, long enough"  # noqa: S105


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass
class NatsServer:
    """nats-server with MQTT; un-acknowledged messages come again after `ack_wait_s`."""

    folder: Path
    ack_wait_s: int = 30
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None
    accounts: dict[str, DeviceAccount] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"mqtt://127.0.0.1:{self.port}"

    @property
    def accounts_file(self) -> Path:
        return self.folder / "accounts.conf"

    @property
    def pid_file(self) -> Path:
        return self.folder / "nats.pid"

    def provisioner(self) -> NatsProvisioner:
        return NatsProvisioner(
            self.accounts_file, pid_file=self.pid_file, url=self.url, secret=BROKER_SECRET, workers=["1"]
        )

    async def start(self) -> None:
        if not self.accounts_file.exists():
            await self.provisioner().write([])
        config = self.folder / "nats.conf"
        config.write_text(f"""
server_name: "test-{self.port}"
host: 127.0.0.1
port: -1
pid_file: "{self.pid_file}"
log_file: "{self.folder}/nats.log"
jetstream {{ store_dir: "{self.folder}/js" }}
mqtt {{ host: 127.0.0.1, port: {self.port}, ack_wait: "{self.ack_wait_s}s", max_ack_pending: 8192 }}
include ./accounts.conf
""")
        self._spawn(config)
        async with asyncio.timeout(20):
            while not await self._answers():
                assert self.running, (self.folder / "nats.log").read_text()
                await asyncio.sleep(0.02)

    def _spawn(self, config: Path) -> None:
        binary = Path(sysconfig.get_path("scripts")) / "nats-server"
        self.process = subprocess.Popen([binary, "-c", config])

    @property
    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None

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

    async def let_in(self, *devices: str) -> None:
        """Make these devices the ones that may connect; the secret of each is `secret of <name>`."""
        for device in devices:
            self.accounts.setdefault(device, DeviceAccount(device, verifiers_for(secret_of(device))))
        await self.provisioner().apply([self.accounts[device] for device in devices])

    def ingest(self, lane: Lane = "up", **options: Any) -> Session:
        """A session as ingest has it."""
        credentials = credentials_of(ingest_account("1", lane), secret=BROKER_SECRET)
        return Session(self.url, credentials=credentials, filters=lane_filters(lane), name=f"test {lane}", **options)

    def device(self, name: str, *, client_id: str | None = None, **options: Any) -> Session:
        """A session as a device has it, with the filters that are asked for."""
        credentials = Credentials(name, secret_of(name), client_id or f"random-{name}")
        return Session(self.url, credentials=credentials, name=f"test {name}", **options)


def secret_of(device: str) -> str:
    return f"secret of {device}"


async def eventually(condition: Callable[[], bool | Awaitable[bool]], *, within_s: float = 30.0) -> None:
    """Wait until a condition holds."""
    async with asyncio.timeout(within_s):
        while True:
            held = condition()
            if held if isinstance(held, bool) else await held:
                return
            await asyncio.sleep(0.01)


async def in_vain(session: Session, kind: type[BrokerError]) -> None:
    """Wait until something of that kind is in the way of a session, and raise it."""
    await eventually(lambda: isinstance(session._trouble, kind))
    await session.wait_up(timeout_s=0.1)


@contextlib.asynccontextmanager
async def running_nats(folder: Path, *, ack_wait_s: int = 30) -> AsyncIterator[NatsServer]:
    """A server of the test's own, killed at the end."""
    server = NatsServer(folder, ack_wait_s=ack_wait_s)
    await server.start()
    try:
        yield server
    finally:
        server.stop()
