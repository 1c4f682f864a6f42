"""The syntax of mosquitto.conf: a key and a value on each line, listeners with options of their own, included folders.

Source: the manual page mosquitto.conf(5) of 2.0.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ops.doctor.configuration.text import text_of
from ops.doctor.errors import UnreadableConfiguration


@dataclass(frozen=True)
class Line:
    """A key with its value and where it stands."""

    key: str
    value: str
    where: str


@dataclass
class Listener:
    """A port, and what is said about it."""

    name: str
    options: dict[str, Line] = field(default_factory=dict)

    @property
    def loopback(self) -> bool:
        """Whether only this machine reaches it."""
        _, _, host = self.name.partition(" ")
        return host in {"127.0.0.1", "::1", "localhost"} or self.name.startswith("0 /")  # port 0 is a socket file


@dataclass
class MosquittoFile:
    """What a configuration says; the last of repeated keys holds."""

    options: dict[str, Line] = field(default_factory=dict)
    listeners: list[Listener] = field(default_factory=list)

    def text(self, key: str, default: str) -> str:
        """The value in force."""
        return self.options[key].value if key in self.options else default

    def whole(self, key: str, default: int) -> int:
        """The value in force as a number.

        Raises:
            UnreadableConfiguration: it is none.
        """
        line = self.options.get(key)
        if line is None:
            return default
        try:
            return int(line.value)
        except ValueError:
            raise UnreadableConfiguration(
                f"{line.where}: {key} is {line.value!r}, but must be a whole number"
            ) from None

    def yes(self, key: str, *, default: bool = False) -> bool:
        """The value in force as yes or no.

        Raises:
            UnreadableConfiguration: it is neither `true` nor `false`.
        """
        line = self.options.get(key)
        if line is None:
            return default
        if line.value not in {"true", "false"}:
            raise UnreadableConfiguration(f"{line.where}: {key} is {line.value!r}, but must be true or false")
        return line.value == "true"

    def anywhere(self, *keys: str) -> bool:
        """Whether one of the keys is set, at the top or for a listener."""
        return any(key in options for options in self._scopes() for key in keys)

    def _scopes(self) -> Iterator[dict[str, Line]]:
        yield self.options
        for listener in self.listeners:
            yield listener.options


# Options that belong to the listener named last, and before any listener to the default one.
_OF_LISTENERS = frozenset({
    "bind_interface", "cafile", "capath", "certfile", "ciphers", "ciphers_tls1.3", "crlfile", "dhparamfile", "http_dir",
    "keyfile", "max_connections", "max_qos", "max_topic_alias", "mount_point", "protocol", "psk_hint",
    "require_certificate", "socket_domain", "tls_engine", "tls_version", "use_identity_as_username",
    "use_subject_as_username", "use_username_as_clientid", "websockets_headers_size",
})  # fmt: skip
_PER_LISTENER = frozenset({"allow_anonymous", "password_file", "acl_file", "psk_file", "plugin", "auth_plugin"})


def read_mosquitto(file: Path) -> MosquittoFile:
    """Read a configuration and the folders that it includes.

    Raises:
        UnreadableConfiguration: a file cannot be read, or a line has a key and no value.
    """
    found = MosquittoFile()
    per_listener = False
    listener: Listener | None = None
    for line in _lines(file, seen=frozenset()):
        if line.key == "per_listener_settings":
            per_listener = line.value == "true"
        if line.key == "listener":
            listener = Listener(line.value)
            found.listeners.append(listener)
        elif listener and (line.key in _OF_LISTENERS or (per_listener and line.key in _PER_LISTENER)):
            listener.options[line.key] = line
        else:
            found.options[line.key] = line
    return found


def _lines(file: Path, *, seen: frozenset[Path]) -> Iterator[Line]:
    if file.resolve() in seen:
        raise UnreadableConfiguration(f"{file} includes itself; take the include_dir line out")
    for number, raw in enumerate(text_of(file).splitlines(), start=1):
        text = raw.strip()
        if not text or text.startswith("#"):
            continue
        key, _, value = text.partition(" ")
        line = Line(key, value.strip(), f"{file}:{number}")
        if not line.value:
            raise UnreadableConfiguration(
                f"{line.where}: {key!r} has no value; each line is a key, a space and a value"
            )
        if key == "include_dir":
            yield from _included(line, seen=seen | {file.resolve()})
        else:
            yield line


def _included(line: Line, *, seen: frozenset[Path]) -> Iterator[Line]:
    folder = Path(line.value)
    if not folder.is_dir():
        raise UnreadableConfiguration(f"{line.where}: the folder {folder} that it includes is not there")
    for file in sorted(folder.glob("*.conf")):
        yield from _lines(file, seen=seen)
