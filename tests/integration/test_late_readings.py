"""Readings for a range that is rolled up, compressed or dropped: stored once or refused, and always counted."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from ingest.database import Connection, connect
from ingest.engines import Engine, NativeEngine, TimescaleEngine, engine_at, timescale
from ingest.late import counted, edges
from ingest.locks import Lock
from ingest.upkeep import upkeep
from rules.leadership import Leadership
from tests.integration.bench import Bench, bench_on, make_town

NOON = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0)


@dataclass
class Store:
    """A bench, its engine and a connection for upkeep."""

    bench: Bench
    engine: Engine
    connection: Connection
    url: str

    async def send(self, *readings: dict[str, Any]) -> None:
        await self.bench.pipeline.process([self.bench.delivery(*readings)])

    async def keep_up(self, *, retention_days: int = 90) -> None:
        assert await upkeep(self.connection, self.engine, retention_days=retention_days) == []

    async def late(self) -> dict[str, int]:
        return await counted(self.connection)

    async def fixes(self) -> int:
        (row,) = await self.bench.rows("SELECT coalesce(sum(fixes), 0)::int AS fixes FROM position_hour")
        return int(row["fixes"])

    async def rows(self) -> int:
        (row,) = await self.bench.rows(
            "SELECT count(*)::int AS n, count(DISTINCT (device, time, digest))::int AS d FROM position"
        )
        assert row["n"] == row["d"]
        return int(row["n"])


@pytest.fixture(params=["native_url", "timescale_url"])
async def store(request: pytest.FixtureRequest) -> AsyncIterator[Store]:
    url = request.getfixturevalue(request.param)
    await make_town(url)
    engine = await engine_at(url, wish="auto")
    assert isinstance(engine, NativeEngine if request.param == "native_url" else TimescaleEngine)
    async with bench_on(url) as bench, await connect(url, name="test") as connection:
        yield Store(bench, engine, connection, url)


def fixes(days_ago: float, seconds: Sequence[int], **values: Any) -> list[dict[str, Any]]:
    begin = NOON - timedelta(days=days_ago)
    return [
        {
            "type": "position",
            "t": (begin + timedelta(seconds=second)).isoformat(),
            "lat": 30.005,
            "lon": 111.005,
            **values,
        }
        for second in seconds
    ]


async def test_late_readings_are_stored_once_and_counted(store: Store) -> None:
    for days_ago in (3, 10, 60):
        await store.send(*fixes(days_ago, range(100)))
    await store.keep_up()
    assert await store.late() == {"dropped": 0, "compressed": 0, "rolled_up": 0}
    assert await store.rows() == await store.fixes() == 300

    # Half of what comes now is there already, between the seconds and at them.
    for days_ago in (3, 10, 60):
        await store.send(*fixes(days_ago, range(50, 150)))
    await store.send(*fixes(100, range(10)))
    assert await store.rows() == 450
    assert await store.bench.counters() == {
        ("received", ""): 610,
        ("stored", ""): 450,
        ("repeated", ""): 150,
        ("quarantined", "clock"): 10,
    }
    compressed = 200 if store.engine.columnar else 0
    assert await store.late() == {"dropped": 0, "compressed": compressed, "rolled_up": 300 - compressed}

    await store.keep_up()
    assert await store.fixes() == 450
    assert await store.rows() == 450
    if store.engine.columnar:
        old = [part for part in await store.engine.parts(store.connection) if part.ends < NOON - timedelta(days=5)]
        assert {(part.compressed, part.partial) for part in old} == {(True, False)}


async def test_a_large_backlog_goes_into_compressed_days_whole(store: Store) -> None:
    await store.send(*fixes(10, range(0, 3000, 2)))
    await store.keep_up()
    await store.bench.pipeline.process(
        [store.bench.delivery(*fixes(10, range(begin, begin + 500))) for begin in range(0, 3000, 500)]
    )
    assert await store.rows() == 3000
    assert (await store.bench.counters())["repeated", ""] == 1500


async def test_other_readings_come_late_as_well(store: Store) -> None:
    scans = [
        {"type": "scan", "t": (NOON - timedelta(days=10, seconds=second)).isoformat(), "tag": "04A2", "method": "nfc"}
        for second in range(20)
    ]
    await store.send(*scans[:10])
    await store.keep_up()
    await store.send(*scans)
    assert len(await store.bench.rows("SELECT FROM reading")) == 20
    assert (await store.bench.counters())["repeated", ""] == 10
    assert sum((await store.late()).values()) == 20


async def test_hours_outlive_their_rows(store: Store) -> None:
    await store.send(*fixes(60, range(5)), *fixes(2, range(3)))
    await store.keep_up()
    await store.keep_up(retention_days=30)
    assert (await store.rows(), await store.fixes()) == (3, 8)
    assert (await edges(store.connection))["dropped"].date() == (datetime.now(UTC) - timedelta(days=30)).date()

    # The mark of an hour whose rows were dropped before it was rolled up again must not take its figures away.
    await store.connection.execute("INSERT INTO touched_hour (hour) VALUES (%s)", [NOON - timedelta(days=60)])
    await store.keep_up(retention_days=30)
    assert await store.fixes() == 8
    assert await store.bench.rows("SELECT FROM touched_hour WHERE hour < now() - interval '1 day'") == []


async def test_what_comes_while_an_hour_is_rolled_up_is_rolled_up_next(store: Store) -> None:
    await store.send(*fixes(3, range(4)))
    async with store.bench.pool.connection() as connection, connection.transaction():
        # A batch that commits after the marks were read.
        mark = "INSERT INTO touched_hour (hour) VALUES (%s)"
        await connection.execute(mark, [NOON - timedelta(days=3)])
        assert await store.engine.refresh_rollup(store.connection) == 1
    assert await store.engine.refresh_rollup(store.connection) == 1
    assert await store.engine.refresh_rollup(store.connection) == 0
    assert await store.fixes() == 4


async def test_an_hour_that_is_stale_again_at_once_does_not_keep_the_other_steps_waiting(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    refresh = store.engine.refresh_rollup

    async def disturbed(*args: Any, **options: Any) -> int:
        done = await refresh(*args, **options)
        await store.connection.execute("INSERT INTO touched_hour (hour) VALUES (%s)", [NOON - timedelta(days=60)])
        return done

    await store.send(*fixes(60, range(5)))
    monkeypatch.setattr(store.engine, "refresh_rollup", disturbed)
    async with asyncio.timeout(20):
        assert await upkeep(store.connection, store.engine, retention_days=30) == []
    assert await store.rows() == 0


async def test_a_step_that_fails_is_said_and_the_others_are_done(
    store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def fails(*_: Any, **__: Any) -> int:
        raise psycopg.errors.DiskFull("no room")

    await store.send(*fixes(60, range(5)))
    monkeypatch.setattr(store.engine, "refresh_rollup", fails)
    assert await upkeep(store.connection, store.engine, retention_days=30) == ["rollup"]
    assert "rollup failed, trying again later: no room" in caplog.text
    assert await store.rows() == 0


async def test_one_worker_at_a_time_keeps_up(store: Store) -> None:
    await store.send(*fixes(60, range(5)))
    async with store.bench.pool.connection() as other:
        await other.execute("SELECT pg_advisory_lock(%s)", [Lock.UPKEEP.value])
        await store.keep_up(retention_days=30)
        assert await store.rows() == 5
        await other.execute("SELECT pg_advisory_unlock_all()")
    await store.keep_up(retention_days=30)
    assert await store.rows() == 0


async def test_it_is_kept_up_while_the_rules_are_held(store: Store) -> None:
    """The two once had one lock: nothing was rolled up or dropped for as long as a worker of the rules lived."""
    await store.send(*fixes(60, range(5)))
    leader = Leadership(store.url, holder="test")
    assert await leader.take() is not None
    try:
        await store.keep_up(retention_days=30)
        assert await store.rows() == 0
        assert "rolled_up" in await edges(store.connection)
    finally:
        await leader.leave()


@pytest.fixture
async def hypertables(timescale_url: str) -> AsyncIterator[Store]:
    await make_town(timescale_url)
    async with bench_on(timescale_url) as bench, await connect(timescale_url, name="test") as connection:
        yield Store(bench, await engine_at(timescale_url, wish="timescale"), connection, timescale_url)


async def test_the_hour_that_runs_is_computed_when_it_is_read(hypertables: Store) -> None:
    now = datetime.now(UTC)
    at = [now + timedelta(seconds=second) for second in range(20)]  # ahead, so that no hour ends in between
    new = [{"type": "position", "t": time.isoformat(), "lat": 30.005, "lon": 111.005} for time in at]
    await hypertables.send(*fixes(2, range(5)))
    await hypertables.keep_up()
    await hypertables.send(*new[:9])
    assert await hypertables.fixes() == 14
    await hypertables.keep_up()
    await hypertables.send(*new[9:])
    assert await hypertables.fixes() == 25


async def test_chunks_become_shorter_under_load_and_longer_after(
    hypertables: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def length() -> timedelta:
        query = "SELECT time_interval FROM timescaledb_information.dimensions WHERE hypertable_name = 'position'"
        (row,) = await hypertables.bench.rows(query)
        interval: timedelta = row["time_interval"]
        return interval

    await hypertables.send(*fixes(1, range(300)))
    await hypertables.connection.execute("ANALYZE position")
    await hypertables.keep_up()
    assert await length() == timedelta(days=1)
    monkeypatch.setattr(timescale, "MANY_ROWS", 200)
    monkeypatch.setattr(timescale, "FEW_ROWS", 100)
    await hypertables.keep_up()
    assert await length() == timedelta(hours=6)
    monkeypatch.setattr(timescale, "MANY_ROWS", 10_000)
    await hypertables.keep_up()
    assert await length() == timedelta(hours=6)
    monkeypatch.setattr(timescale, "FEW_ROWS", 5_000)
    await hypertables.keep_up()
    assert await length() == timedelta(days=1)
