"""The embedded services for real: every way to be in their way."""

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from ops.embedded import (
    ChildEvent,
    DataDirLockedError,
    EmbeddedError,
    EmbeddedServices,
    EventKind,
    SetupError,
)
from tests.conftest import Services
from tests.integration.holder import Hold, connack


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
