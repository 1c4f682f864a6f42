"""The embedded services for real: every way to run them, and whom their broker lets in."""

import os
import signal
import socket
import time
from pathlib import Path

import bcrypt
import psycopg
import pytest

from ops.embedded import (
    EmbeddedServices,
    SetupError,
)
from ops.embedded.binaries import PostgresInstall, find_postgres
from ops.embedded.data_dir import DataDir
from ops.embedded.nats import answers_mqtt
from ops.embedded.postgres import Postgres
from tests.conftest import Services, processes_of
from tests.integration.holder import (
    NOBODY,
    Hold,
    connack,
    needs_root,
    nothing_runs,
    owner_of,
    remember,
    remembered,
    set_mode,
)

WORD, WRONG = "word", "wrong"  # passwords


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
