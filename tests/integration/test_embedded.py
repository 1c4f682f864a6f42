"""The embedded services for real: every way to run them, every way to kill them, every way to be in their way."""

import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import bcrypt
import psycopg
import pytest

from ops.embedded import (
    ChildEvent,
    ChildSpec,
    DataDirLockedError,
    EmbeddedError,
    EmbeddedServices,
    EventKind,
    PrivilegeError,
    SetupError,
    identity,
)
from ops.embedded.binaries import PostgresInstall, find_postgres
from ops.embedded.data_dir import DataDir
from ops.embedded.nats import answers_mqtt
from ops.embedded.postgres import Postgres
from ops.embedded.process import tail
from tests.conftest import Services, processes_of
from tests.ordinary_user import import_path, runnable_python

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root has to become somebody else")
NOBODY = 65534
WORD, WRONG = "word", "wrong"  # passwords

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


@pytest.fixture
def hold() -> Iterator[Hold]:
    """Starts holders and makes sure that none outlives the test."""
    holders: list[Holder] = []

    def start(folder: Path, *, uid: int | None = None) -> Holder:
        holders.append(Holder(folder, uid=uid))
        return holders[-1]

    yield start
    for holder in holders:
        if holder.process.poll() is None:
            holder.process.kill()
            holder.close()


@pytest.fixture
def closed() -> Iterator[Path]:
    """A folder that only its owner may enter."""
    folder = Path(tempfile.mkdtemp(prefix="gengfu-"))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def open_folder(closed: Path) -> Path:
    """A folder that everybody may enter."""
    closed.chmod(0o755)
    return closed


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


# Ways to run


@needs_root
@pytest.mark.parametrize("mode", [0o755, 0o700], ids=["as an account", "in a user namespace"])
async def test_root_starts_stops_and_finds_its_data_again(closed: Path, mode: int) -> None:
    set_mode(closed, mode)
    for word in ("one", "two"):
        async with EmbeddedServices(closed / "d") as running:
            postgres = running.supervisor.children["postgres"].pid
            assert postgres
            assert (owner_of(postgres) == 0) == (mode == 0o700)
            remember(running.database_url, word)
            begin = time.monotonic()
        assert time.monotonic() - begin < 10
        assert processes_of(closed) == []
    async with EmbeddedServices(closed / "d") as running:
        assert remembered(running.database_url) == ["one", "two"]


@needs_root
def test_an_ordinary_user_starts_and_stops(open_folder: Path, hold: Hold) -> None:
    home = open_folder / "home"
    home.mkdir()
    os.chown(home, NOBODY, NOBODY)
    for _ in range(2):
        holder = hold(home / "d", uid=NOBODY)
        pids = holder.until("up")["pids"]
        assert {owner_of(pid) for pid in pids.values()} == {NOBODY}
        holder.interrupt()
        assert nothing_runs(home)


@needs_root
async def test_programs_that_the_account_cannot_read_are_copied(open_folder: Path) -> None:
    wheel = find_postgres()
    hidden = open_folder / "hidden"
    hidden.mkdir(mode=0o700)
    (hidden / "site").symlink_to(wheel.root)
    said: list[str] = []
    with DataDir(open_folder / "d") as folder:
        install = PostgresInstall(hidden / "site", wheel.version)
        postgres = Postgres(folder, port=0, say=said.append, install=install)
        await postgres.prepare()
        assert Path(postgres.spec().argv[0]).is_relative_to(folder.bin)
        assert postgres.spec().identity.kind == "account"
    assert said[0].startswith(f"copying PostgreSQL's programs to {folder.bin}")


async def test_the_database_is_what_was_agreed(services: Services) -> None:
    wanted = {
        "server_encoding": "UTF8",
        "TimeZone": "UTC",
        "fsync": "on",
        "synchronous_commit": "on",
        "password_encryption": "scram-sha-256",
        "listen_addresses": "127.0.0.1",
    }
    async with await psycopg.AsyncConnection.connect(services.database_url) as connection:
        cursor = await connection.execute("select name, setting from pg_settings where name = any(%s)", [list(wanted)])
        assert dict(await cursor.fetchall()) == wanted
        cursor = await connection.execute(
            "select datcollate, datctype from pg_database where datname = current_database()"
        )
        assert await cursor.fetchone() == ("C.UTF-8", "C.UTF-8")
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(services.database_url, password=WRONG)


def test_each_test_has_a_database_of_its_own(database_url: str, services: Services) -> None:
    with psycopg.connect(database_url) as connection:
        row = connection.execute("select current_database()").fetchone()
    assert row
    assert row[0].startswith("test_")
    assert database_url != services.database_url


def test_secrets_and_logs_are_closed_to_others(services: Services) -> None:
    for name in ("secrets", "log", "nats", "postgres"):
        assert (services.folder / name).stat().st_mode & 0o077 == 0
    for file in ("secrets/postgres-password", "nats/accounts.conf", "nats/nats.conf"):
        assert (services.folder / file).stat().st_mode & 0o777 == 0o600


# The broker lets in whom its accounts file names


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


async def test_nobody_is_let_in_until_the_accounts_file_says_so(closed: Path) -> None:
    verifier = bcrypt.hashpw(WORD.encode(), bcrypt.gensalt(4)).decode()
    accounts = f'authorization {{ users = [ {{ user: "d1", password: "{verifier}" }} ] }}\n'
    async with EmbeddedServices(closed / "d") as running:
        assert connack(running.broker_url) == 5
        assert connack(running.broker_url, user="d1", password=WORD) == 5
        running.nats_accounts_file.write_text(accounts)
        os.kill(int(running.nats_pid_file.read_text()), signal.SIGHUP)
        end = time.monotonic() + 5
        while connack(running.broker_url, user="d1", password=WORD) != 0:
            assert time.monotonic() < end, "the broker did not take the new accounts"
        assert connack(running.broker_url) == 5
    assert not running.nats_pid_file.exists()
    async with EmbeddedServices(closed / "d") as running:  # what was written stays
        assert connack(running.broker_url, user="d1", password=WORD) == 0


async def test_accounts_that_the_broker_refuses_fail_the_start(closed: Path) -> None:
    double = '{ user: "d1", password: "x" }'
    with pytest.raises(SetupError, match=r"look at .*accounts.conf.*Duplicate user"):
        await EmbeddedServices(
            closed / "d", accounts_conf=f"authorization {{ users = [ {double}, {double} ] }}"
        ).__aenter__()
    assert processes_of(closed) == []
    DataDir(closed / "d").__enter__().__exit__()  # and the folder is free again


async def test_a_port_without_a_broker_does_not_answer() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    assert await answers_mqtt("127.0.0.1", port) is False


# Ways to be killed


def test_killed_services_come_back_with_their_data_and_that_is_said(closed: Path, hold: Hold) -> None:
    holder = hold(closed / "d")
    up = holder.until("up")
    remember(up["database"], "before")
    computing = psycopg.connect(up["database"], autocommit=True)
    # A backend that computes does not notice that the server's main process is gone: it must be cleared away.
    computing.pgconn.send_query(b"select count(*) from generate_series(1, 1000000000000)")
    os.kill(up["pids"]["postgres"], signal.SIGKILL)
    holder.until("ready", child="PostgreSQL")
    assert remembered(up["database"]) == ["before"]
    computing.close()
    os.kill(up["pids"]["nats"], signal.SIGKILL)
    holder.until("ready", child="nats-server")
    assert connack(up["broker"]) == 5
    assert holder.texts("died") == [
        "PostgreSQL was killed (signal 9); starting it again, attempt 2",
        "nats-server was killed (signal 9); starting it again, attempt 2",
    ]
    holder.interrupt()
    assert nothing_runs(closed)


@pytest.mark.parametrize("uid", [None, pytest.param(NOBODY, marks=needs_root)], ids=["self", "ordinary user"])
def test_killed_holder_leaves_nothing_and_the_next_start_works(open_folder: Path, hold: Hold, uid: int | None) -> None:
    home = open_folder / "home"
    home.mkdir()
    if uid is not None:
        os.chown(home, uid, uid)
    holder = hold(home / "d", uid=uid)
    up = holder.until("up")
    remember(up["database"], "before")
    holder.process.kill()
    holder.close()
    assert nothing_runs(home)
    holder = hold(home / "d", uid=uid)
    again = holder.until("up")
    assert again["database"] == up["database"]
    assert again["broker"] == up["broker"]
    assert remembered(again["database"]) == ["before"]
    holder.interrupt()


def test_what_a_killed_holder_left_is_stopped_at_the_next_start(closed: Path, hold: Hold) -> None:
    holder = hold(closed / "d")
    pids = holder.until("up")["pids"]
    for pid in pids.values():  # stopped processes cannot obey the kernel's signal, as if it had never come
        os.kill(pid, signal.SIGSTOP)
    holder.process.kill()
    holder.close()
    assert len(processes_of(closed)) >= 2
    bystander = subprocess.Popen(["/bin/sleep", "60"], cwd=closed / "d" / "postgres")
    try:
        holder = hold(closed / "d")
        first = holder.until("leftover")
        assert first["text"].startswith(f"an earlier gengfu left nats (process {pids['nats']}) running in {closed}/d")
        for pid in pids.values():
            os.kill(pid, signal.SIGCONT)
        assert set(holder.until("up")["pids"].values()).isdisjoint(pids.values())
        assert bystander.poll() is None
        holder.interrupt()
    finally:
        bystander.kill()
        bystander.wait()


def test_initdb_that_was_killed_half_way_is_begun_again(closed: Path, hold: Hold) -> None:
    (closed / "d").mkdir()
    (closed / "d" / "gengfu.lock").touch()
    half = closed / "d" / "postgres.new" / "data"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")
    holder = hold(closed / "d")
    holder.until("up")
    assert "was interrupted while it made" in holder.texts("note")[0]
    holder.interrupt()


@pytest.mark.parametrize("delay_s", [0.05, 0.3])
def test_a_holder_killed_in_its_first_start_is_recovered(closed: Path, hold: Hold, delay_s: float) -> None:
    holder = hold(closed / "d")
    holder.until("note")
    with pytest.raises(subprocess.TimeoutExpired):
        holder.process.wait(delay_s)  # somewhere within initdb
    holder.process.kill()
    holder.close()
    holder = hold(closed / "d")
    remember(holder.until("up")["database"], "works")
    holder.interrupt()
    assert not (closed / "d" / "postgres.new").exists()


def test_ctrl_c_in_the_first_start_leaves_nothing(closed: Path, hold: Hold) -> None:
    holder = hold(closed / "d")
    holder.until("note")
    holder.interrupt()
    assert processes_of(closed) == []


async def test_all_stop_within_ten_seconds_even_when_deaf(closed: Path) -> None:
    events: list[ChildEvent] = []

    async def is_deaf() -> bool:
        return tail(closed / "d" / "log" / "deaf.log") == ["deaf now"]

    deaf = ChildSpec(
        name="deaf",
        argv=["/bin/sh", "-c", "trap '' TERM; echo deaf now; while :; do sleep 1; done"],
        ready=is_deaf,
        depends_on=("postgres", "nats"),
    )
    async with EmbeddedServices(closed / "d", on_event=events.append) as running:
        await running.supervisor.add(deaf)
        for state in running.supervisor.children.values():
            assert state.pid
            os.kill(state.pid, signal.SIGSTOP)
        begin = time.monotonic()
    assert time.monotonic() - begin < 10
    killed = [event.child for event in events if event.kind == EventKind.KILLED]
    assert killed == ["deaf", "postgres", "nats"], events
    assert processes_of(closed) == []


@needs_root
async def test_root_without_any_way_is_told_a_place_that_would_work(
    closed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(identity, "_namespace", lambda _parent: [])  # a kernel that allows none
    with pytest.raises(PrivilegeError, match=rf"{closed} is closed to other users.*--dir /var/lib/gengfu"):
        await EmbeddedServices(closed / "d").__aenter__()


# Ways to be in the way


def test_two_at_one_folder_collide(closed: Path, hold: Hold) -> None:
    first = hold(closed / "d")
    first.until("up")
    second = hold(closed / "d")
    text = second.until("error")["text"]
    assert text.startswith(f"another gengfu (process {first.process.pid}) is using {closed}/d; stop it")
    second.close()
    first.interrupt()


async def test_a_port_taken_meanwhile_is_changed_and_that_is_said(closed: Path) -> None:
    async with EmbeddedServices(closed / "d") as running:
        port = int(running.broker_url.rpartition(":")[2])
    events: list[ChildEvent] = []
    with socket.create_server(("127.0.0.1", port)):
        async with EmbeddedServices(closed / "d", on_event=events.append) as running:
            assert not running.broker_url.endswith(f":{port}")
            assert connack(running.broker_url) == 5
    notes = [event.sentence for event in events if event.kind == EventKind.NOTE]
    assert notes[0].startswith(f"port {port} of mqtt has been taken by another program")


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda folder: (folder / "secrets/postgres-password").unlink(), "postgres-password is missing.*from a backup"),
        (
            lambda folder: (folder / "postgres/PG_VERSION").write_text("17\n"),
            "made by PostgreSQL 17, and 18 is installed",
        ),
        (lambda folder: (folder / "postgres/PG_VERSION").unlink(), "not a whole PostgreSQL data folder"),
    ],
    ids=["no password", "other version", "not whole"],
)
async def test_a_spoilt_folder_is_refused(closed: Path, spoil: Callable[[Path], object], message: str) -> None:
    folder = closed / "d"
    (folder / "postgres").mkdir(parents=True)
    (folder / "postgres/PG_VERSION").write_text("18\n")
    (folder / "secrets").mkdir()
    (folder / "secrets/postgres-password").write_text("x\n")
    (folder / "gengfu.lock").touch()
    spoil(folder)
    with pytest.raises(SetupError, match=message):
        await EmbeddedServices(folder).__aenter__()


async def test_within_one_process_a_folder_is_held_once(services: Services) -> None:
    with pytest.raises(DataDirLockedError, match=f"process {os.getpid()}"):
        await EmbeddedServices(services.folder).__aenter__()
    assert issubclass(DataDirLockedError, EmbeddedError)
