"""Who is told what, how little waits for a slow reader, and what a module of a message must be."""

import asyncio
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

import pytest
from prometheus_client import CollectorRegistry

from ops.http.viewer import Viewer
from ops.live.errors import KindError
from ops.live.hub import Hub, InForce, Standing
from ops.live.kinds import Kind, Message, kinds
from ops.live.messages.closed import Closed
from ops.live.messages.left import Left
from ops.live.messages.resync import Resync
from ops.live.metrics import ENDS, LiveMetrics
from ops.live.news import News, event
from ops.live.reader import CHUNK_BYTES, MAX_WAITING, Reader

NOW = datetime(2026, 11, 21, 8, tzinfo=UTC)
KINDS = kinds()


class Said(Message):
    """A message with a text."""

    type: str = "said"
    text: str


def news(kind: str, id: str, text: str = "", *, grid: str | None = "B1", unit: str | None = "U1") -> News:
    return News(kind=KINDS[kind], id=id, data=event(Said(text=f"{kind} {id} {text}")), grid=grid, unit=unit)


def session(role: str = "officer", *, grids: set[str] | None = None, unit: str | None = None) -> InForce:
    viewer = Viewer(id=1, name="li", role=role, scope=None if grids is None else "C1", unit=unit)
    return InForce(viewer=viewer, ends_at=NOW, grids=None if grids is None else frozenset(grids))


def new_hub() -> Hub:
    hub = Hub(LiveMetrics(CollectorRegistry()), zone="Asia/Shanghai", now=lambda: NOW)
    hub.begin()
    return hub


@contextmanager
def joined(hub: Hub, its: InForce, token: bytes = b"t") -> Iterator[Reader]:
    with hub.joined(its, token_hash=token) as reader:
        assert b'"type":"hello"' in asyncio.run(reader.take())
        yield reader


def texts(data: bytes) -> list[str]:
    return [Said.model_validate_json(line[6:]).text for line in data.decode().split("\n\n") if line]


def taken(reader: Reader) -> bytes:
    """What is taken at once; nothing when the reader would wait."""

    async def take() -> bytes:
        try:
            return await asyncio.wait_for(reader.take(), 0.01)
        except TimeoutError:
            return b""

    return asyncio.run(take())


def test_the_newest_state_of_a_thing_takes_the_place_of_the_one_before() -> None:
    hub = new_hub()
    with joined(hub, session()) as reader:
        hub.publish([news("position", "H1", "a"), news("alert", "1", "a"), news("alert", "2"), news("alert", "1", "b")])
        hub.publish([news("position", "H1", "b")])
        assert texts(taken(reader)) == ["alert 1 b", "alert 2 ", "position H1 b"]
        assert taken(reader) == b""


def test_what_presses_goes_first_and_calm_things_go_on_giving_way_meanwhile() -> None:
    hub = new_hub()
    with joined(hub, session()) as reader:
        long = "x" * (CHUNK_BYTES // 4)
        hub.publish([news("position", f"H{n}", long) for n in range(8)])
        first = texts(taken(reader))
        assert 3 <= len(first) <= 5
        hub.publish([news("alert", "1"), news("position", "H7", "new")])
        second = texts(taken(reader))
        assert second[0] == "alert 1 "
        rest = second + texts(taken(reader))
        assert rest[-1] == "position H7 new"
        assert len(first) + len(rest) == 9


async def test_a_reader_behind_is_told_to_begin_anew_and_holds_nothing_more() -> None:
    hub = new_hub()
    with hub.joined(session(), token_hash=b"t") as reader:
        hub.publish(news("position", f"H{n}") for n in range(MAX_WAITING * 2))
        assert reader.last is None  # these are as many as there are devices
        hub.publish(news("alert", str(n)) for n in range(MAX_WAITING + 1))
        assert reader.last is not None
        assert reader.last.reason == "behind"
        hub.publish([news("alert", "1")])
        assert await reader.take() == b'data: {"type":"resync","reason":"behind"}\n\n'


async def test_a_reader_that_does_not_take_its_last_word_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ops.live.reader.GRACE_S", 0.01)
    hub, cut = new_hub(), asyncio.Event()
    with hub.joined(session(), token_hash=b"t") as reader:
        reader.abort = cut.set
        hub.check({})
        await asyncio.wait_for(cut.wait(), 5)


@pytest.mark.parametrize(
    ("its", "seen"),
    [
        (session(), {"alert 1 ", "alert 2 ", "alert 3 ", "ticket 1 ", "ticket 2 ", "position 1 ", "position 2 "}),
        (session(grids={"B1"}), {"alert 1 ", "ticket 1 ", "position 1 "}),
        (session(grids=set()), set()),
        (session("crew"), {"ticket 1 ", "ticket 2 "}),
        (session("patrol", unit="U2"), {"position 2 "}),
        (session("patrol", unit="U2", grids={"B1"}), set()),
        (session("patrol"), set()),
        (session("admin"), set()),
        (session("auditor"), set()),
    ],
)
def test_each_is_told_what_it_may_see(its: InForce, seen: set[str]) -> None:
    hub = new_hub()
    with joined(hub, its) as reader:
        hub.publish([news("alert", "1"), news("alert", "2", grid="B2", unit="U2"), news("alert", "3", grid=None)])
        hub.publish([news("ticket", "1", unit=None), news("ticket", "2", grid="B2", unit=None)])
        hub.publish([news("position", "1"), news("position", "2", grid="B2", unit="U2")])
        assert set(texts(taken(reader))) == seen


async def test_what_leaves_the_territory_is_taken_back() -> None:
    hub = new_hub()
    hub.remember([news("position", "H1"), news("position", "H2", grid="B2"), news("alert", "1")])
    with hub.joined(session(grids={"B1"}), token_hash=b"t") as reader:
        await reader.take()
        hub.publish([news("position", "H1", grid="B2"), news("position", "H2", grid="B3")])
        assert await reader.take() == event(Left(unit="U1", device="H1"))
        hub.publish([news("position", "H1", grid="B3")])
        hub.publish([news("alert", "1", grid="B2")])
        assert b'"type":"resync","reason":"territory"' in await reader.take()


async def test_an_account_that_is_not_what_it_was_must_go() -> None:
    hub = new_hub()
    its = session("officer", grids={"B1"})
    for found, said in (
        ({}, '"closed","reason":"session"'),
        ({b"t": session("leader", grids={"B1"})}, '"closed","reason":"session"'),
        ({b"t": session("officer", grids={"B1", "B2"})}, '"resync","reason":"territory"'),
    ):
        with hub.joined(its, token_hash=b"t") as reader:
            await reader.take()
            hub.check({b"t": its})
            assert reader.last is None
            hub.check(found)
            assert said in (await reader.take()).decode()


async def test_nobody_joins_before_everything_was_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ops.live.hub.READY_S", 0.01)
    hub = Hub(LiveMetrics(CollectorRegistry()), zone="UTC", now=lambda: NOW)
    assert not await hub.is_ready()
    hub.begin()
    assert await hub.is_ready()
    with hub.joined(session(), token_hash=b"t") as reader:
        hub.begin_anew()
        assert b'"reason":"database"' in await reader.take()
    assert not await hub.is_ready()


async def test_a_heartbeat_says_what_is_known_and_how_old_that_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ops.live.hub.EVERY_S", 0.01)
    hub = new_hub()
    with hub.joined(session(), token_hash=b"t") as reader:
        assert b'"database":false,"looked_s":null,"ingest_s":null' in await reader.take()
        hub.stands(Standing(at=NOW, ingest_s=1.25, newest_s=None, rules_s=0.5))
        beats = asyncio.get_running_loop().create_task(hub.beat())
        try:
            said = (await reader.take()).decode()
        finally:
            beats.cancel()
        assert '"database":true,"looked_s":0.0,"ingest_s":1.2,"newest_s":null,"rules_s":0.5' in said


MODULES: dict[str, tuple[Any, str]] = {
    "nothing": (None, "has no `kind: Kind`"),
    "other": (Kind(model=Left), "another type than its own name"),
    "left": (Kind(model=Left, permission="units.raed"), "'units.raed', which is not among"),
    "left_": (Kind(model=Left, changed=b"SELECT 1"), "one of `changed` and `make`"),
}


@pytest.mark.parametrize("name", MODULES)
def test_a_module_that_is_no_message_fails_start_up(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kind, said = MODULES[name]
    package = tmp_path / f"pushed_{name}"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / f"{name.strip('_')}.py").write_text("from tests.unit.ops.test_live_hub import MODULES\n")
    monkeypatch.syspath_prepend(tmp_path)
    module = __import__(f"{package.name}.{name.strip('_')}")
    monkeypatch.setattr(getattr(module, name.strip("_")), "kind", kind, raising=False)
    with pytest.raises(KindError, match=said):
        kinds(package.name)
    del sys.modules[package.name]


def test_what_shows_rows_needs_a_permission() -> None:
    for name, kind in KINDS.items():
        assert (kind.permission is None) == (name in {"hello", "heartbeat", "resync", "closed"}), name
        assert name == "left" or (kind.changed is not None) == (kind.permission is not None)


def test_every_end_of_a_stream_is_counted_by_its_reason() -> None:
    given = {*get_args(Closed.model_fields["reason"].annotation), *get_args(Resync.model_fields["reason"].annotation)}
    assert set(ENDS) == given | {"gone", "slow"}


@pytest.mark.parametrize(
    "module", ["ops.live.hub", "ops.live.source", "ops.live.kinds", "ops.http", "ops.live.messages.alert"]
)
def test_each_part_can_be_imported_first(module: str) -> None:
    subprocess.run([sys.executable, "-c", f"import {module}"], check=True, timeout=60)


def test_the_page_about_http_names_every_message_and_its_permission() -> None:
    page = (Path(__file__).parents[3] / "docs" / "reference" / "http.md").read_text(encoding="utf-8")
    written = dict(re.findall(r"^\| `(\w+)` \| (`[\w.]+`|signed in) \|", page, re.MULTILINE))
    assert written == {name: f"`{kind.permission}`" if kind.permission else "signed in" for name, kind in KINDS.items()}
