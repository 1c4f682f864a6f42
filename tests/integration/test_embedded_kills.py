"""The embedded services for real: every way to kill them."""

import os
import signal
import subprocess
import time
from pathlib import Path

import psycopg
import pytest

from ops.embedded import (
    ChildEvent,
    ChildSpec,
    EmbeddedServices,
    EventKind,
    PrivilegeError,
    identity,
)
from ops.embedded.process import tail
from tests.conftest import processes_of
from tests.integration.holder import NOBODY, Hold, connack, needs_root, nothing_runs, remember, remembered


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
