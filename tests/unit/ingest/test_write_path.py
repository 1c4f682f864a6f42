"""The parts of the write path that need no database: gathering, the filter of recent keys, the choice of the way."""

import asyncio
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from time import monotonic

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.columns import Positions
from ingest.database import options_of
from ingest.delivery import Delivery, Nobody, settle_all
from ingest.gathering import Gathering, Limits
from ingest.mode import DOUBT, LIMIT, ModeChoice
from ingest.recent import AGE_US, Recent

NOW = datetime(2026, 11, 21, 8, tzinfo=UTC)
SHORT = b'{"type":"position"}'


def message(number: int, payload: bytes = SHORT) -> Delivery:
    return Delivery("gengfu/v1/H-01/up", payload, NOW, dup=False, settler=Nobody(), token=number)


def messages(count: int) -> list[Delivery]:
    return [message(number) for number in range(count)]


def positions(*keys: tuple[int, int, int], age_us: int = 0) -> Positions:
    device, time_us, digest = (np.array(column, np.int64) for column in zip(*keys, strict=True))
    columns = {name: np.zeros(len(keys), np.int64) for name in Positions.__dataclass_fields__}
    return Positions(
        **{**columns, "device": device, "time_us": time_us, "digest": digest, "received_us": time_us + age_us}
    )


class Valve:
    def __init__(self) -> None:
        self.turned: list[str] = []

    def pause(self) -> None:
        self.turned.append("pause")

    def resume(self) -> None:
        self.turned.append("resume")


async def test_a_full_batch_does_not_wait() -> None:
    gathering = Gathering(Limits(readings=10, age_s=60))
    gathering.put_all(messages(25))
    async with asyncio.timeout(5):
        batches = [[one.token for one in (await gathering.batch())[1]] for _ in range(2)]
    assert batches == [list(range(10)), list(range(10, 20))]


async def test_what_is_not_full_waits_a_quarter_of_its_age_for_more() -> None:
    gathering = Gathering(Limits(readings=10, age_s=0.2))
    before = monotonic()
    gathering.put_all(messages(3))
    since, batch = await gathering.batch()
    assert len(batch) == 3
    assert monotonic() - before >= 0.05
    assert before <= since <= monotonic()


async def test_what_keeps_coming_is_waited_for_until_the_first_has_its_age() -> None:
    gathering = Gathering(Limits(readings=10_000_000, age_s=0.1))
    gathering.put_all(messages(1))

    async def keep_coming() -> None:
        while True:
            gathering.put_all(messages(1))
            await asyncio.sleep(0)

    async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
        coming = tasks.create_task(keep_coming())
        since, _ = await gathering.batch()
        coming.cancel()
    assert monotonic() - since >= 0.1


async def test_nought_of_age_takes_what_is_there() -> None:
    gathering = Gathering(Limits(readings=10, age_s=0))
    async with asyncio.timeout(5), asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(gathering.batch())
        await asyncio.sleep(0)
        gathering.put_all(messages(2))
        assert len((await waiting)[1]) == 2


async def test_arrays_and_long_messages_count_by_what_they_hold() -> None:
    gathering = Gathering(Limits(readings=100, payload_bytes=100_000, age_s=0))
    array = b"[" + b",".join([SHORT] * 60) + b"]"
    gathering.put_all([message(0, array), message(1, array), message(2, b"x" * 90_000), message(3, b"y" * 90_000)])
    sizes = [[one.token for one in (await gathering.batch())[1]] for _ in range(3)]
    assert sizes == [[0], [1, 2], [3]]


async def test_the_flow_stops_above_two_batches_and_goes_on_below_one() -> None:
    gathering, valve = Gathering(Limits(readings=10, age_s=0)), Valve()
    gathering.flow = valve
    gathering.put_all(messages(19))
    assert valve.turned == []
    gathering.put_all(messages(6))
    gathering.put_all(messages(1))
    assert valve.turned == ["pause"]
    await gathering.batch()
    assert valve.turned == ["pause"]
    await gathering.batch()
    assert valve.turned == ["pause", "resume"]


@given(st.lists(st.tuples(st.integers(1, 3), st.integers(1, 5), st.integers(1, 2)), min_size=1), st.data())
def test_what_is_said_to_be_known_was_committed(keys: list[tuple[int, int, int]], data: st.DataObject) -> None:
    recent = Recent(slots=8)
    committed: set[tuple[int, int, int]] = set()
    for key in keys:
        if recent.known(positions(key))[0]:
            assert key in committed
        if data.draw(st.booleans()):
            recent.add(positions(key))
            committed.add(key)
            assert recent.known(positions(key))[0]
    recent.clear()
    assert not recent.known(positions(*keys)).any()


def test_an_old_fix_is_not_remembered() -> None:
    recent = Recent(slots=8)
    recent.add(positions((1, 5, 1), age_us=AGE_US + 1))
    assert not recent.known(positions((1, 5, 1))).any()


def test_the_way_is_staging_until_repetitions_are_seldom() -> None:
    choice = ModeChoice()
    assert choice.mode == "staging"
    batches = 0
    while choice.mode == "staging":
        choice.learn(rows=5000, repeated=0)
        batches += 1
    assert 10 <= batches <= 20
    choice.learn(rows=5000, repeated=1)
    assert choice.mode == "direct"
    choice.learn(rows=5000, repeated=50)
    assert choice.rate > LIMIT
    assert choice.mode == "staging"
    choice.doubt()
    assert choice.rate == DOUBT


def test_settling_keeps_the_order_and_asks_each_connection_once_per_run() -> None:
    said: list[tuple[str, list[int]]] = []

    class Side:
        def __init__(self, name: str) -> None:
            self.name = name

        def settle(self, tokens: Sequence[int]) -> None:
            said.append((self.name, list(tokens)))

    one, other = Side("one"), Side("other")
    order = [one, one, other, one]
    settle_all([Delivery("t", b"", NOW, dup=False, settler=side, token=i) for i, side in enumerate(order)])
    assert said == [("one", [0, 1]), ("other", [2]), ("one", [3])]


def test_the_failpoint_ends_the_process_at_its_count_and_only_when_asked() -> None:
    script = "from ingest.failpoint import reach\nfor i in range(3): reach('after_commit'); print(i, flush=True)"
    for value, printed, status in (("after_commit:3", "0\n1\n", -9), ("", "0\n1\n2\n", 0), ("other", "0\n1\n2\n", 0)):
        done = subprocess.run(
            [sys.executable, "-c", script],
            env={"PYTHONPATH": ":".join(sys.path), "GENGFU_TEST_FAIL": value},
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.stdout, done.returncode) == (printed, status)


@pytest.mark.parametrize(
    ("conninfo", "session"),
    [
        ("postgresql://one,two/gengfu", "read-write"),
        ("host=one,two dbname=gengfu", "read-write"),
        ("postgresql://one/gengfu", None),
        ("dbname=gengfu", None),
    ],
)
def test_of_several_servers_the_one_that_takes_writes_is_wanted(conninfo: str, session: str | None) -> None:
    options = options_of(conninfo, name="test", statement_timeout_s=8, lock_timeout_s=5)
    assert options.get("target_session_attrs") == session
    assert "statement_timeout=8000" in options["options"]
