"""A whole gengfu as its users start it: `gengfu demo` in a process of its own, and what they do with it."""

import csv
import json
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import HTTPCookieProcessor, Request, build_opener

import psycopg

READY_S = 90.0
STOP_S = 10.0
GENGFU = [sys.executable, "-m", "ops.cli"]


class Demo:
    """A running demo."""

    def __init__(self, process: "subprocess.Popen[str]", line: dict[str, str], folder: Path) -> None:
        self.process = process
        self.line = line
        self.folder = folder
        self._opener = build_opener(HTTPCookieProcessor(CookieJar()))

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """One request of the signed-in officer; the decoded answer."""
        data = None if body is None else json.dumps(body).encode()
        request = Request(  # noqa: S310  our own loopback address
            self.line["console"] + path, data=data, method=method, headers={"Content-Type": "application/json"}
        )
        with self._opener.open(request, timeout=10) as response:
            return json.loads(response.read() or b"null")

    def status(self, method: str, path: str, body: Any = None) -> int:
        """The status of one request."""
        try:
            self.call(method, path, body)
        except HTTPError as error:
            with error:
                return error.code
        return 200

    def sign_in(self) -> None:
        """As the officer that the demo made."""
        self.call("POST", "/api/session", {"user": self.line["user"], "password": self.line["password"]})

    def secrets(self) -> dict[str, dict[str, str]]:
        """The devices' CSV by device."""
        with Path(self.line["devices"]).open(newline="") as file:
            return {row["device"]: row for row in csv.DictReader(file)}

    def count(self, query: str) -> int:
        """One number from the database."""
        with psycopg.connect(self.line["database"]) as connection:
            row = connection.execute(query.encode()).fetchone()
        assert row is not None
        return int(row[0])

    def pids_of(self, *words: str) -> list[int]:
        """Processes of this demo whose command line ends in these words."""
        tree = {self.process.pid}
        found = []
        for entry in sorted(int(e.name) for e in Path("/proc").iterdir() if e.name.isdecimal()):
            try:
                parent = int((Path("/proc") / str(entry) / "stat").read_text().rpartition(")")[2].split()[1])
                line = (Path("/proc") / str(entry) / "cmdline").read_text().split("\0")[:-1]
            except (OSError, ValueError):
                continue
            if parent in tree:
                tree.add(entry)
                if not words or tuple(line[-len(words) :]) == words:
                    found.append(entry)
        return found

    def add_user(self, name: str, role: str, *options: str) -> str:
        """An account; its password."""
        added = subprocess.run(
            [*GENGFU, "user", "add", name, "--role", role, *options, "--dir", str(self.folder)],
            capture_output=True, text=True, env=environment(), timeout=60, check=True,
        )  # fmt: skip
        return added.stdout.split()[-1]

    def stop(self, number: signal.Signals = signal.SIGINT) -> float:
        """Tell it to stop as Ctrl-C does; how long it took, in seconds."""
        began = time.monotonic()
        self.process.send_signal(number)
        self.process.wait(STOP_S + 20)
        return time.monotonic() - began


def environment() -> dict[str, str]:
    """Ours, without settings of gengfu."""
    return {name: value for name, value in os.environ.items() if not name.startswith("GENGFU_")}


def start_demo(folder: Path, *options: str) -> Demo:
    """Start a demo and wait for its line."""
    with Path(f"{folder}.stderr").open("a") as errors:
        process = subprocess.Popen(
            [*GENGFU, "demo", "--json", "--no-simulation", "--dir", str(folder), *options],
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env=environment(),
            start_new_session=True,
        )
    assert process.stdout is not None
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        if not selector.select(READY_S):
            process.kill()
            raise AssertionError(f"no line within {READY_S} s; see {folder}.stderr and {folder}/log")
    line = process.stdout.readline()
    assert line, f"the demo ended with {process.wait(10)}; see {folder}.stderr"
    return Demo(process, json.loads(line), folder)


@contextmanager
def demo_in(folder: Path, *options: str) -> Iterator[Demo]:
    """A demo that is stopped at the end."""
    demo = start_demo(folder, *options)
    try:
        demo.sign_in()
        yield demo
    finally:
        if demo.process.poll() is None:
            demo.stop()
        if demo.process.stdout:
            demo.process.stdout.close()


def eventually(holds: Callable[[], Any], *, within_s: float = 20.0, every_s: float = 0.02) -> Any:
    """The first true answer of `holds`; other processes decide when that is, so it can only be asked again."""
    end = time.monotonic() + within_s
    while not (answer := holds()):
        assert time.monotonic() < end, f"not within {within_s} s"
        time.sleep(every_s)
    return answer
