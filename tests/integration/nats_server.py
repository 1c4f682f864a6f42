"""A nats-server of a test's own: it can be killed and started again on the same port and data."""

import asyncio
import contextlib
import signal
import socket
import subprocess
import sysconfig
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

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
        binary = Path(sysconfig.get_path("scripts")) / "nats-server"
        self.process = subprocess.Popen([binary, "-c", config])
        async with asyncio.timeout(20):
            while not await self._answers():
                assert self.process.poll() is None, (self.folder / "nats.log").read_text()
                await asyncio.sleep(0.02)

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

    async def let_in(self, devices: dict[str, str], *, but: Iterable[str] = ()) -> None:
        """Make these devices, by name and secret, the ones that may connect."""
        await self.provisioner().apply(
            [DeviceAccount(name, verifiers_for(secret)) for name, secret in devices.items() if name not in but]
        )
