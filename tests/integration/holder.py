"""A process that holds the embedded services, as `gengfu demo` does, and what can be seen of it from outside."""

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.conftest import processes_of
from tests.ordinary_user import import_path, runnable_python

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root has to become somebody else")
NOBODY = 65534

HOLDER = """
import asyncio, json, signal, sys
from pathlib import Path
from ops.embedded import EmbeddedError, EmbeddedServices

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell lets what it starts in the background ignore it

def say(**words):
    print(json.dumps(words), flush=True)

def tell(event):
    say(kind=event.kind, text=event.sentence)

async def main():
    async with EmbeddedServices(Path(sys.argv[1]), on_event=tell) as running:
        pids = {name: child.pid for name, child in running.supervisor.children.items()}
        say(kind="up", database=running.database_url, broker=running.broker_url, pids=pids)
        await asyncio.Event().wait()

try:
    asyncio.run(main())
except EmbeddedError as error:
    say(kind="error", text=str(error))
except KeyboardInterrupt:
    say(kind="bye")
"""


class Holder:
    """A process that holds the services, as `gengfu demo` does."""

    def __init__(self, folder: Path, *, uid: int | None = None) -> None:
        self.folder = folder
        self.said: list[dict[str, Any]] = []
        python = Path(sys.executable) if uid is None else runnable_python(uid=uid, gid=uid)
        path = ":".join(filter(None, sys.path)) if uid is None else import_path(uid=uid, gid=uid)
        self.process = subprocess.Popen(
            [python, "-B", "-W", "error", "-c", HOLDER, folder],
            stdout=subprocess.PIPE,
            text=True,
            cwd="/",
            env={**os.environ, "PYTHONPATH": path},
            user=uid,
            group=uid,
            extra_groups=None if uid is None else [],
        )

    def until(self, kind: str, *, child: str = "") -> dict[str, Any]:
        """Reads what it says up to a line of this kind."""
        assert self.process.stdout
        for line in self.process.stdout:
            word: dict[str, Any] = json.loads(line)
            self.said.append(word)
            if word["kind"] == kind and child in word.get("text", ""):
                return word
        raise AssertionError(f"it ended without saying {kind}: {self.said}")

    def texts(self, kind: str) -> list[str]:
        return [word["text"] for word in self.said if word["kind"] == kind]

    def interrupt(self) -> None:
        """Presses Ctrl-C and waits for its end."""
        self.process.send_signal(signal.SIGINT)
        self.until("bye")
        self.close()

    def close(self) -> None:
        self.process.wait(20)
        assert self.process.stdout
        self.process.stdout.close()


Hold = Callable[..., Holder]


def nothing_runs(folder: Path) -> bool:
    """Waits until no process of a data folder is left."""
    end = time.monotonic() + 10
    while processes_of(folder):
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


def remember(database: str, word: str) -> None:
    with psycopg.connect(database) as connection:
        connection.execute("create table if not exists note (word text primary key)")
        connection.execute("insert into note values (%s)", [word])


def remembered(database: str) -> list[str]:
    with psycopg.connect(database) as connection:
        return [row[0] for row in connection.execute("select word from note order by word")]


def set_mode(folder: Path, mode: int) -> None:
    folder.chmod(mode)


def owner_of(pid: int) -> int:
    return Path(f"/proc/{pid}").stat().st_uid


def connack(broker_url: str, *, user: str = "", password: str = "") -> int:
    """Connects to a broker and returns the code of its CONNACK."""

    def text(value: str) -> bytes:
        return len(value).to_bytes(2, "big") + value.encode()

    flags = 0x02 | (0xC0 if user else 0)
    body = text("MQTT") + bytes([4, flags, 0, 60]) + text("t" + secrets.token_hex(8))
    body += text(user) + text(password) if user else b""
    host, port = broker_url.removeprefix("mqtt://").split(":")
    with socket.create_connection((host, int(port)), timeout=5) as connection:
        connection.sendall(b"\x10" + bytes([len(body)]) + body)
        return connection.recv(4)[3]
