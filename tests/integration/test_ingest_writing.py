"""The ways into the table: straight and by staging keep the same rows and count them alike."""

import asyncio
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Literal

import numpy as np
import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.fixes import NO_COUNT
from ingest.allowance import Allowance
from ingest.columns import NONE, Positions
from ingest.database import Connection, connect, time_limit
from ingest.errors import DatabaseUnavailable, TookTooLong
from ingest.line import Line
from ingest.pack import copy_rows, int4_array, time_array
from ingest.recent import Recent
from ingest.writer import prepare
from tests.integration.bench import (
    NOW,
    SHARED_DATABASE,
    Bench,
    bench_on,
    fix,
    run_until,
    run_until_settled,
    somebody_waits,
)
from tests.integration.nats_server import eventually


def choose(bench: Bench, way: Literal["direct", "staging"]) -> None:
    bench.pipeline._choice.rate = 0.0 if way == "direct" else 1.0


@pytest.mark.parametrize("way", ["direct", "staging"])
async def test_a_repetition_that_is_not_remembered_is_found_by_the_database(
    bench: Bench, way: Literal["direct", "staging"]
) -> None:
    choose(bench, way)
    await bench.pipeline.process([bench.delivery(fix(), fix(1))])
    bench.pipeline._recent.clear()
    choose(bench, way)
    await bench.pipeline.process([bench.delivery(fix(1), fix(2), fix(2))])
    assert len(await bench.rows("SELECT FROM position")) == 3
    assert await bench.counters() == {("received", ""): 5, ("stored", ""): 3, ("repeated", ""): 2}
    assert bench.pipeline._choice.rate > 0


async def test_a_repetition_that_is_remembered_does_not_reach_the_database(bench: Bench) -> None:
    await bench.pipeline.process([bench.delivery(fix(), fix(1))])
    choose(bench, "direct")
    await bench.pipeline.process([bench.delivery(fix(), fix(1))])
    assert await bench.counters() == {("received", ""): 4, ("stored", ""): 2, ("repeated", ""): 2}
    assert bench.pipeline._choice.rate == 0


@settings(max_examples=15, suppress_health_check=SHARED_DATABASE)
@given(data=st.data())
def test_no_way_and_no_memory_changes_the_rows_or_the_sums(town_url: str, data: st.DataObject) -> None:
    fixes = [fix(second, lat=30.001 + second / 1e5) for second in range(12)]
    plan = data.draw(
        st.lists(
            st.tuples(
                st.sampled_from(["direct", "staging"]),
                st.booleans(),
                st.lists(st.sampled_from(fixes), min_size=1, max_size=8),
            ),
            max_size=6,
        )
    )

    async def play() -> None:
        async with bench_on(town_url) as bench:
            bench.pipeline._recent = Recent(slots=4)
            for way, forgets, readings in [*plan, ("direct", False, fixes)]:
                choose(bench, way)
                if forgets:
                    bench.pipeline._recent.clear()
                await bench.pipeline.process([bench.delivery(*readings)])
            rows = await bench.rows("SELECT lat FROM position ORDER BY time")
            assert [row["lat"] for row in rows] == [300_010_000 + 100 * second for second in range(12)]
            counters = await bench.counters()
            assert counters["received", ""] == counters["stored", ""] + counters.get(("repeated", ""), 0)
            ((stored),) = await bench.rows(
                "SELECT value = (SELECT count(*) FROM position) AS same FROM ingest_counter"
                " WHERE name = 'stored' AND lane = 'up'"
            )
            assert stored["same"]

    asyncio.run(play())


@settings(max_examples=20, suppress_health_check=SHARED_DATABASE)
@given(rows=st.integers(1, 40), seed=st.integers(0, 2**32 - 1), absent=st.sampled_from([0.0, 0.3, 1.0]))
def test_packed_rows_arrive_as_they_were(town_url: str, rows: int, seed: int, absent: float) -> None:
    random = np.random.default_rng(seed)
    narrow, wide = 32_767, 2**31 - 1
    limits = {
        "accuracy": narrow,
        "speed": narrow,
        "heading": narrow,
        "altitude": narrow,
        "battery": narrow,
        "flags": 127,
    }
    columns = {
        name: random.integers(-limits.get(name, wide), limits.get(name, wide), rows, endpoint=True)
        for name in Positions.__dataclass_fields__
    }
    for name in ("boot", "seq", "grid"):
        columns[name] = random.integers(1, wide, rows)
    for name, none in {**dict.fromkeys(limits, NONE), "boot": NO_COUNT, "seq": NO_COUNT, "grid": 0}.items():
        if name != "flags":
            columns[name] = np.where(random.random(rows) < absent, none, columns[name])
    for name in ("time_us", "received_us"):
        columns[name] = random.integers(946_684_800_000_000, 4_102_444_800_000_000, rows)

    async def arrive() -> list[tuple[Any, ...]]:
        async with await connect(town_url, name="test", autocommit=False) as connection:
            await prepare(connection)
            async with connection.cursor().copy("COPY staging_position FROM STDIN (FORMAT binary)") as copy:
                await copy.write(copy_rows(Positions(**columns)))
            found = await (await connection.execute("SELECT * FROM staging_position")).fetchall()
            return [tuple(row.values()) for row in found]

    def value(name: str, row: int) -> Any:
        number = int(columns[name][row])
        if name in {"time_us", "received_us"}:
            return datetime.fromtimestamp(0, UTC) + timedelta(microseconds=number)
        nothing = {"boot": NO_COUNT, "seq": NO_COUNT, "grid": 0}.get(name, NONE if name in limits else None)
        return None if number == nothing and name != "flags" else number

    sent = [tuple(value(name, row) for name in Positions.__dataclass_fields__) for row in range(rows)]
    assert asyncio.run(arrive()) == sent


async def test_packed_arrays_arrive_as_they_were(database_url: str) -> None:
    for numbers in ([], [1, -2, 2**31 - 1]):
        column = np.array(numbers, np.int64)
        async with await connect(database_url, name="test") as connection:
            row = await (
                await connection.execute("SELECT %s AS ints, %s AS times", [int4_array(column), time_array(column)])
            ).fetchone()
        assert row is not None
        assert row["ints"] == numbers
        assert row["times"] == [datetime.fromtimestamp(0, UTC) + timedelta(microseconds=us) for us in numbers]


async def test_of_two_fixes_at_the_newest_moment_every_order_keeps_the_same(bench: Bench) -> None:
    twins = [fix(5, lat=30.001), fix(5, lat=30.002), fix(1, lat=30.003), fix(9, lat=0, lon=0)]
    await bench.pipeline.process([bench.delivery(*twins)])
    (first,) = await bench.rows("SELECT lat, lon, time FROM last_known")
    await bench.rows("DELETE FROM last_known RETURNING device")
    bench.pipeline._recent.clear()
    await bench.pipeline.process([bench.delivery(*reversed(twins))])
    assert await bench.rows("SELECT lat, lon, time FROM last_known") == [first]
    assert first["time"] == NOW - timedelta(hours=1) + timedelta(seconds=5)


async def test_a_million_noughts_become_one_refusal(bench: Bench) -> None:
    await bench.pipeline.process([bench.delivery(b"[" + b"0," * 100_000 + b"0]")])
    (held,) = await bench.rows("SELECT reason, detail FROM quarantine")
    assert held["reason"] == "size"
    assert "at most 6000" in held["detail"]


async def test_what_takes_too_long_is_cut_off(database_url: str) -> None:
    async with await connect(database_url, name="test") as connection:
        async with asyncio.timeout(10):
            with pytest.raises(TookTooLong, match=r"longer than 0\.2 s"), time_limit(connection, 0.2):
                await connection.execute("SELECT pg_sleep(60)")
        assert connection.closed


async def test_a_server_that_hangs_is_left_and_tried_again(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("ingest.line.ATTEMPT_S", 0.3)
    await bench.pipeline.process([bench.delivery(fix())])
    async with bench.pool.connection() as blocker, blocker.transaction():
        await blocker.execute("LOCK TABLE position IN ACCESS EXCLUSIVE MODE")
        bench.pipeline.put(bench.delivery(fix(1)))
        await run_until(bench, lambda: "holding on" in caplog.text)
    assert bench.settled == []
    monkeypatch.undo()
    bench.pipeline.put(bench.delivery(fix(1)))
    await run_until_settled(bench)
    assert len(await bench.rows("SELECT FROM position")) == 2


SLOW = """
CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.03); RETURN new; END $$;
CREATE TRIGGER dawdle BEFORE INSERT ON position FOR EACH ROW EXECUTE FUNCTION dawdle();
"""


async def test_what_takes_too_long_is_done_in_portions_and_counts_once(
    town_url: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with bench_on(town_url, allowance=partial(Allowance, burst=40, per_s=1)) as bench:
        async with bench.pool.connection() as connection:
            await connection.execute(SLOW)
        monkeypatch.setattr("ingest.line.ATTEMPT_S", 0.6)
        bench.pipeline.put_all([bench.delivery(fix(n, boot=1, seq=n)) for n in range(40)])
        await run_until_settled(bench, 40)
        assert bench.settled == list(range(40))
        assert await bench.counters() == {("received", ""): 40, ("stored", ""): 40}
        assert (
            "40 messages were too many for one transaction, going on with 20: it took longer than 0.6 s" in caplog.text
        )
        assert [record.name for record in caplog.records if record.name.startswith("psycopg")] == []


async def test_a_server_that_lets_in_and_hangs_is_not_asked_for_less(
    town_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hang(connection: Connection) -> None:
        await connection.execute("SELECT pg_sleep(60)")

    monkeypatch.setattr("ingest.line.prepare", hang)
    monkeypatch.setattr("ingest.line.ATTEMPT_S", 0.2)
    async with Line(town_url, name="test") as line:
        with pytest.raises(DatabaseUnavailable, match="does not answer") as caught:
            await line.connection()
        assert not isinstance(caught.value, TookTooLong)


async def test_a_database_that_only_reads_is_waited_for(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    await bench.pipeline.process([bench.delivery(fix())])
    await let_it_only_read(bench, read_only=True)
    bench.pipeline.put(bench.delivery(fix(1)))
    await run_until(bench, lambda: "it only reads" in caplog.text)
    assert bench.settled == []
    assert caplog.text.count("it only reads") == 1
    await let_it_only_read(bench, read_only=False)
    bench.pipeline.put(bench.delivery(fix(1)))
    await run_until_settled(bench)
    assert len(await bench.rows("SELECT FROM position")) == 2


async def let_it_only_read(bench: Bench, *, read_only: bool) -> None:
    """The database as after a failover: it ends every session, and new ones read only."""
    async with bench.pool.connection() as connection:
        row = await (await connection.execute("SELECT current_database() AS name")).fetchone()
        assert row is not None
        await connection.execute("SET default_transaction_read_only = off")
        switch = "on" if read_only else "off"
        await connection.execute(
            f'ALTER DATABASE "{row["name"]}" SET default_transaction_read_only = {switch}'.encode()
        )
        await connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


async def test_a_deadlock_only_delays(bench: Bench) -> None:
    both = [bench.delivery(fix()), bench.delivery(fix(), device="T-01")]
    await bench.pipeline.process(both)
    (one, other) = await bench.rows("SELECT device FROM last_known ORDER BY device")
    touch = "UPDATE last_known SET heard_at = heard_at WHERE device = %s"
    bench.pipeline.put_all([bench.delivery(fix(1)), bench.delivery(fix(1), device="T-01")])
    async with bench.pool.connection() as blocker, asyncio.TaskGroup() as tasks:
        try:
            async with blocker.transaction():
                await blocker.execute(touch, [other["device"]])
                tasks.create_task(run_until_settled(bench, 2))
                await eventually(lambda: somebody_waits(bench))
                await blocker.execute(touch, [one["device"]])
        except psycopg.errors.DeadlockDetected:
            pass  # either may be chosen
    assert len(await bench.rows("SELECT FROM position")) == 4
