"""`gengfu bench ingest` as its users start it: what it prints, what it leaves behind, and that it can be ended."""

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from gateway.verifiers import pbkdf2_of
from ops.bench.brokers import choose_kind
from ops.bench.errors import BenchError
from ops.embedded import BinaryMissingError
from tests.conftest import Services, processes_of
from tests.integration.mosquitto_server import MosquittoServer
from tests.integration.nats_server import BROKER_SECRET, secret_of

pytestmark = pytest.mark.timeout(240)

INGEST = [sys.executable, "-m", "ops.cli", "bench", "ingest"]
END_S = 200


@pytest.fixture
def place() -> Iterator[Path]:
    """Where the measurement makes its folder; nothing may be left in it, nor run in it."""
    folder = Path(tempfile.mkdtemp(prefix="gengfu-test-"))
    folder.chmod(0o755)  # PostgreSQL may run as another user
    try:
        yield folder
        left = processes_of(folder)
        assert not left, f"processes are left: {left}"
        assert list(folder.iterdir()) == []
    finally:
        shutil.rmtree(folder)


@pytest.fixture(params=["mosquitto", "nats"])
def kind(request: pytest.FixtureRequest) -> str:
    try:
        return choose_kind(request.param)
    except BenchError as error:
        pytest.skip(str(error))


def measured(*options: str, place: Path, **environment: str) -> dict[str, Any]:
    done = subprocess.run(
        [*INGEST, *options, "--json", "--dir", str(place)],
        capture_output=True,
        text=True,
        timeout=END_S,
        check=False,
        env=os.environ | environment,
    )
    assert done.returncode == 0, done.stderr
    (line,) = done.stdout.splitlines()
    return dict(json.loads(line))


def test_full_speed_is_one_line_whose_ledger_is_whole(kind: str, place: Path) -> None:
    line = measured("--case", "speed", "--seconds", "1", "--devices", "60", "--seq", "--broker", kind, place=place)
    assert (line["case"], line["broker"], line["engine"], line["seq"]) == ("speed", kind, "native", True)
    assert line["sent"] == line["rows"] == line["stored"] == line["acknowledged"] > 0
    assert line["lost"] == line["doubled"] == line["refused"] == 0
    assert line["committed_per_s"] > 0
    for party in ("ingest", "broker", "postgres", "load"):
        assert line[f"{party}_cpu_s_per_million"] > 0
    assert line["config"]["postgresql"]["synchronous_commit"] == "on"
    assert line["config"]["world"] == {"grids": 54, "checkpoints": 120}
    assert line["versions"]["postgresql"]
    assert line["versions"][kind]


def test_latencies_are_those_of_the_commits(place: Path) -> None:
    line = measured("--case", "latency", "--seconds", "5", place=place)
    assert line["latency_by"] == "pg_xact_commit_timestamp"
    assert 0 < line["p50_ms"] <= line["p99_ms"]
    assert 0 < line["urgent_p50_ms"] <= line["urgent_p99_ms"]
    assert "committed_per_s" not in line


def test_a_backlog_is_drained_whole(place: Path) -> None:
    line = measured("--case", "backlog", "--messages", "5000", place=place)
    assert line["backlog"] == line["rows"] == line["sent"] == 5000
    assert line["queued_per_s"] > 0
    assert line["drained_per_s"] > 0


async def test_a_broker_that_runs_already_is_measured_and_left_empty(tmp_path: Path, place: Path) -> None:
    server = MosquittoServer(tmp_path / "mosquitto")
    try:
        server.broker.prepare()
    except BinaryMissingError as error:
        pytest.skip(str(error))
    await server.provisioner().write([])
    names = ["load-1", "load-2"]
    with server.broker.password_file.open("a") as passwords, server.broker.acl_file.open("a") as rights:
        passwords.writelines(f"{name}:{pbkdf2_of(secret_of(name))}\n" for name in names)
        rights.writelines(
            f"user {name}\ntopic write gengfu/v1/+/up\ntopic write gengfu/v1/+/urgent\n" for name in names
        )
    accounts = tmp_path / "accounts.csv"
    accounts.write_text("user,password\n" + "".join(f"{name},{secret_of(name)}\n" for name in names))
    try:
        await server.start()
        line = await asyncio.to_thread(
            measured,
            *("--case", "backlog", "--messages", "3000"),
            *("--broker-url", server.url, "--load-accounts", str(accounts), "--broker-pid", str(server.pid)),
            place=place,
            GENGFU_BROKER_SECRET=BROKER_SECRET,
        )
        async with server.ingest() as session:
            await session.wait_ready(timeout_s=10)
            assert session.pending == 0
    finally:
        server.stop()
    assert line["rows"] == line["sent"] == line["acknowledged"] == 3000
    assert line["broker_cpu_s_per_million"] > 0
    assert "mosquitto" not in line["versions"]


def test_ctrl_c_leaves_nothing(place: Path) -> None:
    with subprocess.Popen(
        [*INGEST, "--dir", str(place)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stderr
        for line in process.stderr:
            if line.startswith("broker and session"):
                break
        assert processes_of(place)
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(30) == 130


def test_a_server_without_timescaledb_is_named_and_left_as_it_was(services: Services, place: Path) -> None:
    done = subprocess.run(
        [*INGEST, "--timescale", services.database_url, "--dir", str(place)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert "has no TimescaleDB" in done.stderr
    with psycopg.connect(services.database_url) as connection:
        names = connection.execute("SELECT datname FROM pg_database WHERE datname LIKE 'gengfu_bench%'").fetchall()
    assert names == []


def test_a_bare_group_lists_what_can_be_measured() -> None:
    done = subprocess.run([*INGEST[:-1]], capture_output=True, text=True, timeout=30, check=False)
    assert "ingest" in done.stdout


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (["--full", "--devices", "5"], "leave these options out"),
        (["--broker", "nats", "--workers", "2"], "one worker"),
        (["--broker", "emqx"], "--broker-url"),
        (["--broker-pid", "1"], "--broker-url"),
        (["--broker-url", "mqtt://127.0.0.1"], "--load-accounts"),
        (["--case", "speed", "--dir", "/nonexistent"], "give another with --dir"),
    ],
)
def test_what_cannot_be_measured_is_said_at_once(options: list[str], complaint: str) -> None:
    done = subprocess.run([*INGEST, *options], capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode in (1, 2)
    assert complaint in " ".join(done.stderr.replace("│", " ").split())
