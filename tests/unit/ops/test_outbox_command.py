"""`gengfu outbox` as a person and as a program meet it."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from gateway.device_outbox import DeviceOutbox, OutboxFile
from gateway.errors import OutboxError
from ops.commands.outbox import app

FIX = {"type": "position", "t": "2026-11-21T08:00:00Z", "lat": 30.69, "lon": 111.28}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for device in ("H-01", "H-02"):
        with OutboxFile(tmp_path, device=device) as store:
            DeviceOutbox(store, device=device, boot=3).put([FIX] * 3, lane="up", live=False)
            if device == "H-01":
                store.count_try("up", [(3, 2)], most=1)
    return tmp_path


def invoke(*words: str) -> Result:
    return CliRunner().invoke(app, list(words), catch_exceptions=False)


def test_status_says_what_waits_and_what_is_parked(folder: Path) -> None:
    first, second = json.loads(invoke("status", str(folder), "--json").output)
    assert (first["device"], first["waiting"], first["parked"]) == ("H-01", {"up": 2, "urgent": 0}, 1)
    assert (second["device"], second["waiting"], second["parked"]) == ("H-02", {"up": 3, "urgent": 0}, 0)
    assert first["oldest"] == first["newest"] == FIX["t"]
    lines = invoke("status", str(folder)).output.splitlines()
    assert lines[1].split()[:5] == ["H-01", "2", "0", "1", "0"]


def test_it_may_be_asked_while_the_device_is_played(folder: Path) -> None:
    with OutboxFile(folder, device="H-01") as store:
        assert invoke("requeue", str(folder)).output == "H-01: 1 readings are queued again\n"
        assert store.changed_elsewhere()
        assert store.waiting["up"] == 3


def test_what_is_parked_can_be_read_and_queued_again(folder: Path) -> None:
    assert json.loads(invoke("parked", str(folder)).output) == FIX | {"device": "H-01", "boot": 3, "seq": 2}
    assert invoke("parked", str(folder), "--device", "H-02").output == ""
    assert invoke("requeue", str(folder), "--device", "H-02").output == "nothing is parked\n"
    assert invoke("requeue", str(folder)).output == "H-01: 1 readings are queued again\n"
    assert invoke("requeue", str(folder)).output == "nothing is parked\n"


def test_what_is_not_there_is_said(folder: Path) -> None:
    with pytest.raises(OutboxError, match=r"there is no outbox in .*nowhere"):
        invoke("status", str(folder / "nowhere"))
    with pytest.raises(OutboxError, match="there is no outbox of H-09 in"):
        invoke("requeue", str(folder), "--device", "H-09")
