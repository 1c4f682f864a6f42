"""Loopback ports: chosen once, remembered, and chosen anew only when somebody else has taken one."""

import errno
import json
import random
import socket
from pathlib import Path

from ops.embedded.errors import EmbeddedError

HOST = "127.0.0.1"
# Below the kernel's usual range for outgoing connections (from 32768), so that none of those sits on a port of ours.
LOWEST, HIGHEST = 20_000, 32_000
ATTEMPTS = 200


def is_free(port: int) -> bool:
    """Says whether a server could listen on this loopback port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # old connections in TIME_WAIT do not matter
        try:
            probe.bind((HOST, port))
            probe.listen()
        except OSError as error:
            if error.errno in (errno.EADDRINUSE, errno.EACCES):
                return False
            raise EmbeddedError(
                f"cannot listen on {HOST}: {error.strerror}; gengfu needs the loopback interface"
            ) from error
    return True


def choose_ports(file: Path, *, names: tuple[str, ...]) -> tuple[dict[str, int], list[str]]:
    """Gives each service its port of last time, or a free one.

    Args:
        file: where the ports are remembered; one that cannot be read counts as empty.
        names: services that want a port.

    Returns:
        Port by service, and sentences about ports that had to change.
    """
    known = _read(file)
    chosen: dict[str, int] = {}
    sentences = []
    for name in names:
        port = known.get(name)
        if port is not None and port not in chosen.values() and is_free(port):
            chosen[name] = port
            continue
        chosen[name] = _free_port(taken=set(chosen.values()) | set(known.values()))
        if port is not None:
            sentences.append(
                f"port {port} of {name} has been taken by another program; {name} is now at {chosen[name]}"
            )
    if chosen != known:
        unfinished = file.with_name(file.name + ".new")
        unfinished.write_text(json.dumps(chosen, indent=1) + "\n", encoding="ascii")
        unfinished.replace(file)
    return chosen, sentences


def _free_port(*, taken: set[int]) -> int:
    for _ in range(ATTEMPTS):
        port = random.randint(LOWEST, HIGHEST)  # noqa: S311  not a secret
        if port not in taken and is_free(port):
            return port
    raise EmbeddedError(f"no free port was found on {HOST} between {LOWEST} and {HIGHEST}; too much is running here")


def _read(file: Path) -> dict[str, int]:
    try:
        found = json.loads(file.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return {}
    if not isinstance(found, dict):
        return {}
    return {name: port for name, port in found.items() if isinstance(port, int) and 0 < port < 65536}
