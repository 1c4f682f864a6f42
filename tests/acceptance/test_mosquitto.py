"""The whole of gengfu with mosquitto as its broker and two ingest workers, as its users start it."""

import asyncio
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from gateway.client import DeviceClient
from ops.embedded.binaries import ADMIN_PATHS
from tests.acceptance.running import GENGFU, STOP_S, Demo, demo_in, environment, eventually
from tests.conftest import processes_of

DEVICES = ("VT-01", "VT-02")
EACH = 40


def gengfu(*words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([*GENGFU, *words], capture_output=True, text=True, env=environment(), timeout=90, check=False)


def test_a_demo_with_two_workers(tmp_path: Path) -> None:
    if not any(shutil.which("mosquitto", path=path) for path in (None, *ADMIN_PATHS)):
        pytest.skip("mosquitto is not installed; install it to run this test")
    folder = tmp_path / "data"
    with demo_in(folder, "--broker", "mosquitto", "--set", "ingest.workers=2") as demo:
        asyncio.run(report(demo))
        assert demo.count("SELECT count(*) FROM position") == len(DEVICES) * EACH
        assert demo.count("SELECT count(DISTINCT worker) FROM ingest_counter WHERE name = 'stored' AND value > 0") == 2
        (worker,) = demo.pids_of("run", "ingest")[:1]
        signal_to(worker)
        eventually(lambda: len(demo.pids_of("run", "ingest")) == 2 and worker not in demo.pids_of("run", "ingest"))
        asyncio.run(report(demo))
        assert demo.count("SELECT count(*) FROM position") == 2 * len(DEVICES) * EACH
        answer = gengfu("device", "revoke", DEVICES[0], "--yes", "--dir", str(folder))
        assert answer.stdout == f"{DEVICES[0]} is revoked: the broker acts on it\n", answer.stderr
        assert demo.stop(signal.SIGTERM) < STOP_S
    assert processes_of(folder) == []


async def report(demo: Demo) -> None:
    """Each device sends single readings, and waits for the receipt of the last."""
    secrets = demo.secrets()
    began_ms = time.time_ns() // 1_000_000 - 1000
    for name in DEVICES:
        async with DeviceClient(demo.line["broker"], device=name, secret=secrets[name]["secret"]) as client:
            for number in range(EACH):
                await client.send([{"type": "position", "t": began_ms + number, "lat": 30.7, "lon": 111.3}])
            assert await client.drain(stall_s=20)


def signal_to(process: int) -> None:
    subprocess.run(["kill", "-9", str(process)], check=True)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["serve", "--broker", "mosquitto"], "set broker.url and broker.kind"),
        (["serve", "--embedded", "--set", "ingest.workers=2"], "nats-server cannot share messages"),
    ],
)
def test_what_cannot_be_started_is_said(words: list[str], said: str, tmp_path: Path) -> None:
    answer = gengfu(*words, "--dir", str(tmp_path / "data"))
    assert answer.returncode == 1
    assert said in " ".join(answer.stderr.split())
    assert processes_of(tmp_path) == []
