"""What a device keeps between its runs: its client id and its boot counter, in one small file for each device."""

import json
import os
import secrets
import time
from dataclasses import dataclass
from pathlib import Path


@dataclass
class ClientState:
    """The boot counter of this run and the client id, which is random, because whoever knows it could take the session.

    `kept` when a file holds them.
    """

    boot: int
    client_id: str
    kept: bool = False


def open_state(folder: Path | None, device: str, *, at_least: int = 0) -> ClientState:
    """Read the state, count the boot up and write it back; without a folder the time stands for the counter.

    Args:
        folder: made when it is missing; None keeps nothing.
        device: its name.
        at_least: the boot counter must not be below this.

    Raises:
        OSError: the folder cannot be used.
    """
    fresh = secrets.token_urlsafe(24)
    if folder is None:
        return ClientState(int(time.time()), fresh)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    file = folder / f"{device}.json"
    try:
        known = json.loads(file.read_text(encoding="utf-8"))
        state = ClientState(max(int(known["boot"]) + 1, at_least), str(known["client_id"]), kept=True)
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        # The time, not 1: a lost file must not bring back numbers that were receipted before.
        state = ClientState(max(int(time.time()), at_least), fresh, kept=True)
    temporary = file.with_suffix(".new")
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as out:
        json.dump({"boot": state.boot, "client_id": state.client_id}, out)
        out.flush()
        os.fsync(out.fileno())  # a counter that falls back would give two readings one number
    temporary.replace(file)
    return state
