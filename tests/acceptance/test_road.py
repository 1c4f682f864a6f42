"""The road: from a device's message to an alert that someone acknowledges, as its users walk it."""

import asyncio
import csv
import gzip
import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from gateway.client import DeviceClient
from tests.acceptance.running import GENGFU, Demo, demo_in, environment, eventually, start_demo
from tests.conftest import processes_of

TRACKS = Path(__file__).parents[3] / "shared" / "data" / "geolife-beijing.csv.gz"


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    with demo_in(tmp_path_factory.mktemp("demo") / "data") as running:
        yield running


def say(demo: Demo, device: str, *readings: dict[str, Any], urgent: bool = False) -> None:
    """Send readings as a device and wait for its receipt."""

    async def send() -> None:
        secret = demo.secrets()[device]["secret"]
        async with DeviceClient(demo.line["broker"], device=device, secret=secret) as client:
            await client.send(readings, lane="urgent" if urgent else "up")
            assert await client.drain(stall_s=20)

    asyncio.run(send())


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def gengfu(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [*GENGFU, *arguments], capture_output=True, text=True, env=environment(), timeout=170, check=False
    )


def test_the_line_says_where_everything_is(demo: Demo) -> None:
    assert set(demo.line) == {"console", "broker", "database", "user", "password", "devices"}
    kinds = [row["kind"] for row in demo.secrets().values()]
    assert {kind: kinds.count(kind) for kind in set(kinds)} == {"handset": 24, "radio": 6, "vehicle": 5, "tag": 40}
    assert json.loads((demo.folder / "demo.json").read_text()) == demo.line


def test_an_sos_is_seen_and_acknowledged(demo: Demo) -> None:
    press = {"type": "button", "t": now_ms(), "button": "sos", "pressed": True, "lat": 30.69, "lon": 111.28}
    say(demo, "HS-01", press, urgent=True)
    (alert,) = eventually(lambda: demo.call("GET", "/api/alerts?rule=sos&device=HS-01")["items"])
    assert (alert["severity"], alert["state"]) == ("critical", "open")
    assert alert["grid"]
    assert demo.call("POST", f"/api/alerts/{alert['id']}/ack", {})["state"] == "acknowledged"
    assert demo.status("POST", f"/api/alerts/{alert['id']}/ack", {}) == 200


def test_a_handsets_report_becomes_an_incident_and_a_unit_arrives(demo: Demo) -> None:
    place = {"lat": 30.6905, "lon": 111.2805}
    say(demo, "HS-02", {"type": "report", "t": now_ms(), "kind": "fire_hazard", "text": "纸箱", **place}, urgent=True)
    incident = eventually(
        lambda: [one for one in demo.call("GET", "/api/incidents")["items"] if one["kind"] == "fire_hazard"]
    )[0]
    assert incident["number"].startswith("I-")
    say(demo, "VT-01", {"type": "position", "t": now_ms() + 1, "accuracy_m": 5, **place})
    eventually(lambda: demo.call("GET", f"/api/incidents/{incident['id']}")["arrived_at"])


def test_a_dispatched_device_is_told(demo: Demo) -> None:
    told: list[Any] = []

    async def listen() -> None:
        heard = asyncio.Event()

        def take(message: Any) -> None:
            told.append(message)
            heard.set()

        secret = demo.secrets()["VT-01"]["secret"]
        client = DeviceClient(demo.line["broker"], device="VT-01", secret=secret, on_message=take)
        async with client:
            await client.wait_ready(timeout_s=10)
            body = {"kind": "smoke", "lat": 30.691, "lon": 111.281, "text": "", "unit": unit}
            await asyncio.to_thread(demo.call, "POST", "/api/incidents", body)
            async with asyncio.timeout(15):
                await heard.wait()

    unit = next(one["code"] for one in demo.call("GET", "/api/units")["items"] if "VT-01" in json.dumps(one))
    asyncio.run(listen())
    assert told[0]["type"] == "dispatch"


def test_equipment_past_its_life_has_tickets_and_few_alerts(demo: Demo) -> None:
    tickets = eventually(lambda: demo.call("GET", "/api/tickets?limit=500")["items"])
    assert {ticket["kind"] for ticket in tickets} <= {"inspect", "repair", "replace"}
    assert len(tickets) > len(demo.call("GET", "/api/alerts?rule=equipment_expiry")["items"]) > 0


def test_rounds_of_today_are_planned(demo: Demo) -> None:
    rounds = demo.call("GET", "/api/rounds")["items"]
    assert rounds
    assert all(round_["points"] for round_ in rounds)


def test_a_track_can_be_looked_at_and_the_look_is_kept(demo: Demo) -> None:
    say(demo, "VT-03", {"type": "position", "t": now_ms(), "lat": 30.69, "lon": 111.28, "speed_mps": 1.2})
    track = demo.call("GET", "/api/devices/VT-03/track?purpose=test")
    assert track["items"][0]["speed_mps"] == 1.2
    assert demo.count("SELECT count(*) FROM audit WHERE subject LIKE '%VT-03%'") >= 1


def test_what_cannot_be_read_is_shown_and_replayed(demo: Demo) -> None:
    device = "VT-04"
    options = ["--set", f"database.url={demo.line['database']}"]
    say(demo, device, {"type": "position", "t": "2001-01-01T00:00:00Z", "lat": 30.69, "lon": 111.28})
    listed = gengfu("quarantine", "list", "--reason", "clock", *options)
    assert "set the device's clock" in listed.stdout
    days = (time.time() - 978_307_200) / 86_400
    replayed = gengfu("quarantine", "replay", "--reason", "clock", "--offset", f"+{days - 0.01:.4f}d", *options)
    assert replayed.stdout.startswith("1 stored, 0 stay")
    assert demo.count("SELECT count(*) FROM position WHERE flags & 32 <> 0") == 1


def write_track(path: Path, fixes: int) -> None:
    with gzip.open(path, "wt", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("user", "time", "lat", "lon"))
        for second in range(fixes):
            minute, rest = divmod(second, 60)
            writer.writerow(
                (
                    f"{second % 3:03}",
                    f"2008-10-23T{minute // 60:02}:{minute % 60:02}:{rest:02}Z",
                    39.9,
                    116.3 + second / 1e6,
                )
            )


def test_a_replay_survives_kill_9_of_ingest_and_adds_nothing_twice(tmp_path: Path) -> None:
    """The same as with the real tracks, on a small one, and with kills at known moments."""
    write_track(tmp_path / "track.csv.gz", 20_000)
    with demo_in(tmp_path / "data", "--set", "storage.retention_days=0") as demo:
        command = ["replay", str(tmp_path / "track.csv.gz"), "--register", "--json", "--dir", str(demo.folder)]
        with subprocess.Popen(
            [*GENGFU, *command, "--batch", "10"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment(),
        ) as replay:
            for kills in range(5):
                enough = f"SELECT (count(*) >= {1500 * (kills + 1)})::int FROM position"  # noqa: S608  a number
                eventually(partial(demo.count, enough), within_s=60)
                (pid,) = eventually(lambda: demo.pids_of("run", "ingest"))
                os.kill(pid, signal.SIGKILL)
            output, errors = replay.communicate(timeout=150)
        assert replay.returncode == 0, errors
        assert demo.count("SELECT count(*) FROM position") == 20_000
        again = gengfu(*command)
        assert again.returncode == 0, again.stderr
        assert demo.count("SELECT count(*) FROM position") == 20_000
        assert json.loads(output)["acknowledged"] == 20_000


@pytest.mark.skipif(not TRACKS.exists(), reason="the real tracks are not here")
@pytest.mark.timeout(400)
def test_real_tracks_are_stored_exactly(tmp_path: Path) -> None:
    with demo_in(tmp_path / "data", "--set", "storage.retention_days=0") as demo:
        for _ in range(2):
            done = gengfu("replay", str(TRACKS), "--register", "--json", "--dir", str(demo.folder))
            assert done.returncode == 0, done.stderr
            assert demo.count("SELECT count(*) FROM position") == 164_523
        received = demo.count("SELECT sum(value) FROM ingest_counter WHERE name = 'received'")
        accounted = demo.count("SELECT sum(value) FROM ingest_counter WHERE name <> 'received'")
        assert received == accounted >= 2 * 164_531


def test_ctrl_c_leaves_nothing_and_a_second_start_finds_everything(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    with demo_in(folder) as demo:
        say(demo, "VT-05", {"type": "position", "t": now_ms(), "lat": 30.69, "lon": 111.28})
        before = demo.line
        assert demo.stop() < 10
    assert processes_of(folder) == []
    with demo_in(folder) as demo:
        assert demo.line == before
        assert demo.count("SELECT count(*) FROM position") == 1


@pytest.mark.parametrize("victim", ["postgres", "nats", "gateway", "rules", "ops"])
def test_kill_9_of_a_part_is_survived_and_said(tmp_path: Path, victim: str) -> None:
    folder = tmp_path / "data"
    with demo_in(folder) as demo:
        file = {"postgres": folder / "postgres" / "postmaster.pid", "nats": folder / "nats" / "nats.pid"}.get(victim)
        pid = int(file.read_text().split()[0]) if file else demo.pids_of("run", victim)[0]
        os.kill(pid, signal.SIGKILL)
        said = Path(f"{folder}.stderr")
        eventually(lambda: "was killed (signal 9); starting it again" in said.read_text())

        def works() -> bool:
            try:
                say(demo, "HS-06", {"type": "button", "t": now_ms(), "button": "sos", "pressed": True}, urgent=True)
                demo.sign_in()
                return bool(demo.call("GET", "/api/alerts?rule=sos")["items"])
            except (OSError, AssertionError):
                return False

        eventually(works, within_s=60, every_s=0.5)


def test_kill_9_of_gengfu_itself_leaves_no_orphan_and_no_loss(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    demo = start_demo(folder)
    say(demo, "VT-05", {"type": "position", "t": now_ms(), "lat": 30.69, "lon": 111.28})
    demo.process.kill()
    demo.process.wait()
    assert demo.process.stdout
    demo.process.stdout.close()
    eventually(lambda: not processes_of(folder), within_s=30)
    with demo_in(folder) as again:
        assert again.count("SELECT count(*) FROM position") == 1


def test_two_demos_in_one_folder_collide_in_words(demo: Demo) -> None:
    second = gengfu("demo", "--dir", str(demo.folder))
    assert second.returncode == 1
    assert f"another gengfu (process {demo.process.pid}) is using" in second.stderr
