"""The supervisor with small scripts as children: order, restart, flapping, deafness, death with the parent."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Literal

import pytest

from ops.embedded import ChildEvent, ChildFailedError, ChildSpec, EmbeddedError, EventKind, SetupError, Supervisor
from ops.embedded.child import trim
from ops.embedded.identity import Identity
from ops.embedded.process import Process, run_to_end, tail
from ops.embedded.procfs import mark_of
from ops.embedded.supervisor import layers
from tests.ordinary_user import runnable_python

SLEEPER = "import signal\nprint('up', flush=True)\nsignal.pause()"
DEAF = "import signal\nsignal.signal(15, signal.SIG_IGN)\nprint('up', flush=True)\nwhile True: signal.pause()"


class Witness:
    """Collects events and lets a test wait for one."""

    def __init__(self) -> None:
        self.events: list[ChildEvent] = []
        self._news = asyncio.Event()

    def __call__(self, event: ChildEvent) -> None:
        self.events.append(event)
        self._news.set()

    def said(self, kind: EventKind, child: str | None = None) -> list[str]:
        return [event.sentence for event in self.events if event.kind == kind and child in (None, event.child)]

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(20):
            while not condition():
                self._news.clear()
                await self._news.wait()


def script(name: str, code: str, *, depends_on: tuple[str, ...] = (), title: str = "", advice: str = "") -> ChildSpec:
    return ChildSpec(
        name=name, title=title, argv=[sys.executable, "-I", "-S", "-c", code], depends_on=depends_on, advice=advice
    )


def speaks(log: Path) -> Callable[[], Awaitable[bool]]:
    async def ready() -> bool:
        return tail(log) != []

    return ready


def supervisor(folder: Path, *specs: ChildSpec, witness: Witness, stop_timeout_s: float = 8.5) -> Supervisor:
    return Supervisor(
        specs, log_dir=folder / "log", run_dir=folder / "run", on_event=witness, stop_timeout_s=stop_timeout_s
    )


async def test_children_start_in_order_and_stop_in_reverse(tmp_path: Path) -> None:
    witness = Witness()
    specs = (script("c", SLEEPER, depends_on=("a", "b")), script("b", SLEEPER, depends_on=("a",)), script("a", SLEEPER))
    async with supervisor(tmp_path, *specs, witness=witness) as running:
        assert [event.child for event in witness.events if event.kind == EventKind.STARTED] == ["a", "b", "c"]
        pids = [state.pid for state in running.children.values()]
        assert all(state.ready for state in running.children.values())
        assert int((tmp_path / "run" / "a.pid").read_text().split()[0]) == running.children["a"].pid
    assert [event.child for event in witness.events if event.kind == EventKind.STOPPED] == ["c", "b", "a"]
    assert all(pid and mark_of(pid) is None for pid in pids)
    assert list((tmp_path / "run").iterdir()) == []


def test_layers_name_what_is_wrong() -> None:
    a, b = script("a", "", depends_on=("b",)), script("b", "", depends_on=("a",))
    with pytest.raises(EmbeddedError, match="cannot be put in order: a on b, b on a; check depends_on"):
        layers([a, b], known=())
    with pytest.raises(EmbeddedError, match="two children are called a"):
        layers([script("a", "")], known=["a"])
    assert [[spec.name for spec in layer] for layer in layers([a], known=["b"])] == [["a"]]


async def test_a_killed_child_is_started_again_and_that_is_said(tmp_path: Path) -> None:
    witness = Witness()
    async with supervisor(tmp_path, script("watch", SLEEPER, title="The watch"), witness=witness) as running:
        first = running.children["watch"].pid
        assert first
        os.kill(first, signal.SIGKILL)
        await witness.until(lambda: running.children["watch"].restarts == 1 and running.children["watch"].ready)
        assert running.children["watch"].pid != first
    assert witness.said(EventKind.DIED) == ["The watch was killed (signal 9); starting it again, attempt 2"]


async def test_a_child_that_dies_again_and_again_is_told_of_with_its_last_words(tmp_path: Path) -> None:
    witness = Witness()
    spec = script("sick", "import sys; sys.exit('no disk')", advice="look at the disk")
    async with supervisor(tmp_path, spec, witness=witness):
        await witness.until(lambda: bool(witness.said(EventKind.FLAPPING)))
    assert len(witness.said(EventKind.DIED)) == 5
    assert witness.said(EventKind.DIED)[-1] == "sick ended with exit code 1; starting it again, attempt 6"
    (sentence,) = witness.said(EventKind.FLAPPING)
    assert "sick died 5 times within a minute" in sentence
    assert "look at the disk" in sentence
    assert "no disk" in sentence


async def test_a_child_that_never_becomes_ready_fails_the_start_and_nothing_is_left(tmp_path: Path) -> None:
    async def never() -> bool:
        return False

    witness = Witness()
    spec = ChildSpec(name="slow", argv=[sys.executable, "-c", SLEEPER], ready=never, ready_timeout_s=0.5)
    with pytest.raises(ChildFailedError, match=r"slow was not ready within 0.5 s"):
        await supervisor(tmp_path, spec, witness=witness).__aenter__()
    assert witness.said(EventKind.STOPPED) == ["slow stopped"]


async def test_a_missing_program_fails_the_start_with_its_name(tmp_path: Path) -> None:
    async def never() -> bool:
        return False

    spec = ChildSpec(name="gone", argv=["/no/such/program"], ready=never)
    with pytest.raises(ChildFailedError, match=r"(?s)gone died 5 times.*exit code 127.*cannot start /no/such/program"):
        await supervisor(tmp_path, spec, witness=Witness()).__aenter__()


async def test_deaf_children_are_killed_within_the_limit_and_the_others_stop_in_good_order(tmp_path: Path) -> None:
    witness = Witness()
    log = tmp_path / "log"
    deaf = [
        ChildSpec(
            name=name,
            argv=[sys.executable, "-I", "-S", "-c", DEAF],
            depends_on=("base",),
            ready=speaks(log / f"{name}.log"),
        )
        for name in ("deaf1", "deaf2", "deaf3")
    ]
    running = supervisor(tmp_path, script("base", SLEEPER), *deaf, witness=witness, stop_timeout_s=3.0)
    async with running:
        begin = time.monotonic()
    assert time.monotonic() - begin < 3.5
    assert len(witness.said(EventKind.KILLED)) == 3
    assert "did not stop within 1.5 s of SIGTERM and is killed" in witness.said(EventKind.KILLED)[0]
    assert witness.said(EventKind.STOPPED) == ["base stopped"]


async def test_cancelling_run_stops_the_children(tmp_path: Path) -> None:
    witness = Witness()
    running = supervisor(tmp_path, script("a", SLEEPER), witness=witness)
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(running.run())
        await witness.until(lambda: bool(witness.said(EventKind.READY)))
        task.cancel()
    assert witness.said(EventKind.STOPPED) == ["a stopped"]


async def test_the_log_of_the_start_before_is_kept(tmp_path: Path) -> None:
    for word in ("first", "second"):
        spec = ChildSpec(
            name="a",
            argv=[sys.executable, "-c", f"import signal; print('{word}', flush=True); signal.pause()"],
            ready=speaks(tmp_path / "log" / "a.log"),
        )
        async with supervisor(tmp_path, spec, witness=Witness()):
            assert (tmp_path / "log" / "a.log").read_text() == f"{word}\n"
    assert (tmp_path / "log" / "a.log.1").read_text() == "first\n"
    assert (tmp_path / "log" / "a.log").stat().st_mode & 0o777 == 0o600


def test_a_long_log_is_put_aside_while_its_writer_goes_on(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    with log.open("a") as writer:
        writer.write("old\n" * 10)
        writer.flush()
        trim(log, limit=40)
        assert not (tmp_path / "a.log.1").exists()
        trim(log, limit=39)
        writer.write("new\n")
    assert (tmp_path / "a.log.1").read_text() == "old\n" * 10
    assert log.read_text() == "new\n"


async def test_a_child_has_the_default_signals_and_a_session_of_its_own(tmp_path: Path) -> None:
    status = "/proc/self/status"
    await run_to_end(["/bin/grep", "-E", "NSsid|SigBlk|SigIgn|^Pid", status], log=tmp_path / "log", timeout_s=10)
    found = dict(line.split(":\t") for line in (tmp_path / "log").read_text().splitlines())
    standard = (1 << 31) - 1  # 32 and 33 are the C library's own; `make` hands on an ignored 32
    assert int(found["SigBlk"], 16) & standard == int(found["SigIgn"], 16) & standard == 0
    assert found["NSsid"].split()[-1] == found["Pid"]


async def test_a_program_that_fails_or_hangs_says_so(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match=r"ended with exit code 3: it is broken; see .*log"):
        await run_to_end(
            [sys.executable, "-c", "print('it is broken'); raise SystemExit(3)"], log=tmp_path / "log", timeout_s=10
        )
    with pytest.raises(SetupError, match=r"did not end within 0.2 s and was killed"):
        await run_to_end([sys.executable, "-c", SLEEPER], log=tmp_path / "log", timeout_s=0.2)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can drop privileges")
@pytest.mark.parametrize("kind", ["account", "namespace"])
async def test_privileges_are_gone_and_the_death_signal_is_set(
    tmp_path: Path, kind: Literal["account", "namespace"]
) -> None:
    code = (
        "import ctypes, os; n = ctypes.c_int(); ctypes.CDLL(None).prctl(2, ctypes.byref(n)); "
        "print(os.geteuid(), os.getegid(), n.value)"
    )
    python = runnable_python(uid=65534, gid=65534)
    process = Process.start(
        [python, "-I", "-S", "-c", code],
        log=tmp_path / "log",
        death_signal=signal.SIGINT,
        identity=Identity(kind, 65534, 65534, "nobody"),
    )
    assert await process.wait() == 0
    assert (tmp_path / "log").read_text() == "65534 65534 2\n"
