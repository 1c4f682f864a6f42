"""The broker: the mosquitto of this machine, on the loopback, configured so that it keeps what it has confirmed."""

import os
import re
import subprocess
from pathlib import Path
from signal import SIGTERM

from ops.embedded.binaries import find_mosquitto
from ops.embedded.errors import SetupError
from ops.embedded.files import replace_private
from ops.embedded.nats import answers_mqtt
from ops.embedded.ports import HOST
from ops.embedded.spec import ChildSpec

NAME = "mosquitto"
VERSION_TIMEOUT_S = 10.0
AUTOSAVE_S = 1  # what a kill -9 of the broker may cost; at each change it would cost it nine tenths of its speed
MAX_INFLIGHT_MESSAGES = 20_000  # at least two batches; with the default of 20 a commit of 23 ms allows 860 messages/s
MAX_QUEUED_BYTES = 2 << 30  # for one session that is away; without a bound the machine's memory would be it
MAX_PACKET_BYTES = 300 * 1024  # topic counted; the wire contract allows 256 KiB of content
NOBODY = "nobody:$7$101$AAAAAAAAAAAAAAAA$" + "A" * 86 + "==\n"  # no password gives this hash

CONFIGURATION = """\
# Written by gengfu at every start; changes are lost. Accounts stand in the password file and in the acl file.
{user}pid_file {folder}/mosquitto.pid
log_dest stderr
log_type error
log_type warning
log_type notice
log_timestamp_format %Y-%m-%dT%H:%M:%SZ

listener {port} {host}
allow_anonymous false
password_file {folder}/passwords
acl_file {folder}/acl
# Nobody gets another's session by naming its client id.
use_username_as_clientid true
max_packet_size {max_packet_bytes}

# What waits is kept on disk, without a limit of messages: the default of 1000 drops the rest without a word.
persistence true
persistence_location {folder}/data/
autosave_interval {autosave_s}
max_queued_messages 0
max_queued_bytes {max_queued_bytes}
max_inflight_messages {max_inflight_messages}
max_inflight_bytes 0
sys_interval 1
"""


def safe_configuration(
    folder: Path,
    *,
    port: int,
    host: str = HOST,
    max_inflight_messages: int = MAX_INFLIGHT_MESSAGES,
    max_queued_bytes: int = MAX_QUEUED_BYTES,
    autosave_s: int = AUTOSAVE_S,
) -> str:
    """Text of a configuration with which mosquitto loses nothing that devices keep until their receipt.

    Args:
        folder: holds `passwords`, `acl`, `mosquitto.pid` and the folder `data`.
        port: where it listens for MQTT.
        host: address it listens on.
        max_inflight_messages: messages that may be under way to one session at once, unacknowledged.
        max_queued_bytes: payload that may wait for one session; what comes above is dropped.
        autosave_s: seconds between saves to disk.

    Raises:
        SetupError: the folder's name cannot stand in the file.
    """
    if "\n" in str(folder):
        raise SetupError(
            f"{str(folder)!r} cannot stand in mosquitto's configuration; choose a folder without line break"
        )
    return CONFIGURATION.format(
        user="user root\n" if os.geteuid() == 0 else "",  # else it would become a user who may not read the folder
        folder=folder,
        port=port,
        host=host,
        max_packet_bytes=MAX_PACKET_BYTES,
        autosave_s=autosave_s,
        max_queued_bytes=max_queued_bytes,
        max_inflight_messages=max_inflight_messages,
    )


class Mosquitto:
    """One mosquitto in a folder of its own."""

    def __init__(self, folder: Path, *, port: int, max_inflight_messages: int = MAX_INFLIGHT_MESSAGES) -> None:
        """Remembers where it is.

        Args:
            folder: for its files; made when missing, closed to others.
            port: loopback port for MQTT.
            max_inflight_messages: messages that may be under way to one session at once, unacknowledged.
        """
        self.folder = folder.absolute()
        self._port = port
        self._max_inflight_messages = max_inflight_messages
        self._program: Path | None = None

    @property
    def url(self) -> str:
        """Address for MQTT clients."""
        return f"mqtt://{HOST}:{self._port}"

    @property
    def configuration(self) -> Path:
        """The broker's configuration file."""
        return self.folder / "mosquitto.conf"

    @property
    def store(self) -> Path:
        """Folder of what waits."""
        return self.folder / "data"

    @property
    def password_file(self) -> Path:
        """Names and verifiers; rewritten by whoever keeps the accounts, read again at SIGHUP."""
        return self.folder / "passwords"

    @property
    def acl_file(self) -> Path:
        """Who may do what; rewritten and read again like the passwords."""
        return self.folder / "acl"

    @property
    def pid_file(self) -> Path:
        """Written by the broker when it starts, removed when it is gone."""
        return self.folder / "mosquitto.pid"

    def prepare(self) -> None:
        """Finds the program and writes the configuration; accounts that are there stay, else nobody is let in.

        Raises:
            BinaryMissingError: mosquitto is not installed.
        """
        self._program = find_mosquitto()
        for folder in (self.folder, self.store):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        # A missing or empty password file is not the same as one that lets nobody in.
        for file, text in ((self.password_file, NOBODY), (self.acl_file, "# Nobody may do anything.\n")):
            if not file.exists():
                replace_private(file, text)
        text = safe_configuration(self.folder, port=self._port, max_inflight_messages=self._max_inflight_messages)
        replace_private(self.configuration, text)

    def spec(self) -> ChildSpec:
        """How the prepared broker is run."""
        return ChildSpec(
            name=NAME,
            argv=self.argv,
            stop_signal=SIGTERM,
            stop_grace_s=15.0,  # it saves what waits
            ready=self.is_ready,
            tidy=self._tidy,
            advice=f"look at {self.configuration}, the space on its disk, and whether port {self._port} is taken",
        )

    @property
    def argv(self) -> list[str | Path]:
        """The command that runs the prepared broker; its log goes to stderr."""
        if self._program is None:
            raise SetupError("the broker was not prepared; call prepare() first")
        return [self._program, "-c", self.configuration]

    async def is_ready(self) -> bool:
        """Says whether it answers."""
        return await answers_mqtt(HOST, self._port)

    async def _tidy(self) -> None:
        # A stale number might by now be another process, which a SIGHUP would kill.
        self.pid_file.unlink(missing_ok=True)


def version_of(program: Path) -> str:
    """Asks a mosquitto for its version, such as `2.0.11`.

    Raises:
        SetupError: it does not say one.
    """
    try:
        said = subprocess.run([program, "-h"], capture_output=True, text=True, timeout=VERSION_TIMEOUT_S, check=False)  # noqa: S603  found by us
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SetupError(f"{program} could not be asked for its version: {error}; install mosquitto again") from error
    if found := re.search(r"mosquitto version (\S+)", said.stdout + said.stderr):
        return found[1]
    raise SetupError(f"{program} does not say its version; is it mosquitto?")
