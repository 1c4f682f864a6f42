"""`gengfu bench ingest` as its users start it: what it prints, what it leaves behind, and that it can be ended."""

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

from ops.bench.brokers import choose_kind
from ops.bench.errors import BenchError
from tests.conftest import Services, processes_of

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


def measured(*options: str, place: Path) -> dict[str, Any]:
    done = subprocess.run(
        [*INGEST, *options, "--json", "--dir", str(place)], capture_output=True, text=True, timeout=END_S, check=False
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
    line = measured("--case", "latency", "--seconds", "2", place=place)
    assert line["latency_by"] == "pg_xact_commit_timestamp"
    assert 0 < line["p50_ms"] <= line["p99_ms"]
    assert 0 < line["urgent_p50_ms"] <= line["urgent_p99_ms"]
    assert "committed_per_s" not in line


def test_a_backlog_is_drained_whole(place: Path) -> None:
    line = measured("--case", "backlog", "--messages", "5000", place=place)
    assert line["backlog"] == line["rows"] == line["sent"] == 5000
    assert line["queued_per_s"] > 0
    assert line["drained_per_s"] > 0


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
