"""The storage on a server that others run: TimescaleDB there is used when it may be, and must never be needed."""

import secrets
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from ingest.database import connect
from ingest.engines import NativeEngine, Part, TimescaleEngine, Wish, choose_engine, convert, engine_at, state_of
from ingest.errors import ConversionRefused, EngineMismatch, MigrationFailed
from ingest.inventory import take_inventory
from ingest.migrate import check_schema, migrate
from ingest.upkeep import upkeep
from tests.integration.bench import NOW, bench_on, fix, make_town, run_until_settled

LATE = NOW - timedelta(days=40)
PLAY: Sequence[dict[str, Any] | bytes] = (
    fix(accuracy_m=6, speed_mps=1.3, heading_deg=87, altitude_m=61, battery_pct=83, boot=1, seq=5),
    fix(1, lat=-33.123_456_7, lon=-70.987_654_3, mock=True),
    fix(1, lat=30.006),
    {**fix(lat=30.001), "t": LATE.isoformat()},
    {"type": "status", "t": NOW.isoformat(), "battery_pct": 40.4},
    {"type": "scan", "t": NOW.isoformat(), "tag": "04A2", "method": "nfc"},
    {"type": "report", "t": LATE.isoformat(), "kind": "fire_hazard", "text": "纸箱 🔥"},
    {"type": "button", "t": "2036-01-01T00:00:00Z", "button": "sos", "pressed": True},
    {"type": "position", "t": "2036-01-01T00:00:00Z", "lat": 1, "lon": 1},
    b"\xff",
)
WRITTEN = (
    "SELECT * FROM position ORDER BY device, time, digest",
    "SELECT * FROM position_readable ORDER BY device, time, lat_deg",
    "SELECT * FROM reading ORDER BY device, time, digest",
    "SELECT * FROM last_known",
    "SELECT * FROM position_hour ORDER BY hour, device, grid",
    "SELECT kind, subject, window_from, window_to FROM dirty_mark ORDER BY 1, 2, 3",
    "SELECT digest, topic, payload, codec, reason, times, received_at FROM quarantine ORDER BY digest",
    "SELECT lane, name, reason, value FROM ingest_counter ORDER BY name, reason",
)
COLUMNS = """
SELECT c.relname AS "table", a.attname AS "column", format_type(a.atttypid, a.atttypmod) AS type
  FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
 WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm') AND NOT c.relispartition
 ORDER BY c.relname, a.attnum
"""


async def test_the_schema_is_made_once(timescale_url: str) -> None:
    assert await migrate(timescale_url) > 0
    assert await migrate(timescale_url) == 0
    async with await connect(timescale_url, name="test") as connection:
        await check_schema(connection)


async def test_a_role_that_may_not_create_tables_is_told_so(native_url: str) -> None:
    role = f"visitor_{secrets.token_hex(6)}"
    with psycopg.connect(native_url, autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {role} LOGIN PASSWORD 'visitor'".encode())
        try:
            with pytest.raises(MigrationFailed, match=f'OWNER TO "{role}"'):
                await migrate(make_conninfo(native_url, user=role, password="visitor"))  # noqa: S106  its own
        finally:
            connection.execute(f"DROP ROLE {role}".encode())


async def test_tables_and_columns_are_the_same_on_both_engines(timescale_url: str, native_url: str) -> None:
    found = []
    for url in (timescale_url, native_url):
        await migrate(url)
        async with await connect(url, name="test") as connection:
            found.append(await (await connection.execute(COLUMNS)).fetchall())
    assert found[0] == found[1]


async def test_empty_tables_become_hypertables_where_the_extension_is(timescale_url: str) -> None:
    said: list[str] = []
    await migrate(timescale_url, say=said.append)
    assert said[-1].startswith("readings are kept in hypertables of TimescaleDB ")
    async with await connect(timescale_url, name="test") as connection:
        assert isinstance(await choose_engine(connection, wish="auto"), TimescaleEngine)
        assert isinstance(await choose_engine(connection, wish="timescale"), TimescaleEngine)
        with pytest.raises(EngineMismatch, match=r"storage\.engine is native, but this database keeps"):
            await choose_engine(connection, wish="native")


async def test_the_hours_of_a_device_have_an_index_on_older_hypertables_too(timescale_url: str) -> None:
    there = "SELECT count(*) AS it FROM pg_class WHERE relname = 'position_hour_device'"
    await migrate(timescale_url)
    async with await connect(timescale_url, name="test") as connection:
        assert await (await connection.execute(there)).fetchone() == {"it": 1}
        await connection.execute("DROP INDEX _timescaledb_internal.position_hour_device")
        await migrate(timescale_url)
        assert await (await connection.execute(there)).fetchone() == {"it": 1}


async def test_plain_postgresql_is_told_what_it_lacks(native_url: str) -> None:
    with pytest.raises(EngineMismatch, match="run CREATE EXTENSION timescaledb in it"):
        await migrate(native_url, engine="timescale")
    async with await connect(native_url, name="test") as connection:
        with pytest.raises(EngineMismatch, match="has no such extension"):
            await choose_engine(connection, wish="timescale")
        with pytest.raises(EngineMismatch, match="has no such extension"):
            await convert(connection, compress_before=NOW)
        assert isinstance(await choose_engine(connection, wish="auto"), NativeEngine)


async def test_the_native_engine_does_its_work_beside_the_extension(timescale_url: str) -> None:
    await migrate(timescale_url, engine="native")
    engine = NativeEngine()
    old = datetime(2008, 7, 1, 12, tzinfo=UTC)
    async with await connect(timescale_url, name="test") as connection:
        assert isinstance(await choose_engine(connection, wish="auto"), NativeEngine)
        await engine.ensure_schema(connection)
        await engine.ensure_partitions(connection, [old, old + timedelta(days=1)])
        assert await engine.compress(connection, older_than=NOW) == []
        dropped = await engine.drop_older(connection, than=old + timedelta(days=1))
        assert sorted(dropped) == ["position_20080701", "reading_20080701"]
        await connection.execute("INSERT INTO touched_hour (hour) VALUES (date_trunc('hour', now()))")
        assert await engine.refresh_rollup(connection) == 1
        assert await engine.refresh_rollup(connection) == 0


async def test_what_is_sent_is_kept_once_or_held_with_its_reason(timescale_url: str) -> None:
    await make_town(timescale_url)
    async with bench_on(timescale_url) as bench:
        for payload in (fix(), b"\xff", fix(), fix(1)):
            bench.pipeline.put(bench.delivery(payload))
        await run_until_settled(bench, 4)
        assert len(await bench.rows("SELECT FROM position")) == 2
        assert [row["reason"] for row in await bench.rows("SELECT reason FROM quarantine")] == ["utf8"]
        assert await bench.counters() == {
            ("received", ""): 4,
            ("stored", ""): 2,
            ("repeated", ""): 1,
            ("quarantined", "utf8"): 1,
        }


async def test_a_day_that_was_dropped_takes_late_data_again(database_url: str) -> None:
    await make_town(database_url)
    async with bench_on(database_url) as bench, bench.pool.connection() as connection:
        late = {**fix(), "t": LATE.isoformat()}
        await bench.pipeline.process([bench.delivery(late, fix())])
        assert await upkeep(connection, await engine_at(database_url, wish="auto"), retention_days=30) == []
        assert len(await bench.rows("SELECT FROM position")) == 1
        # The worker's own engine still believes in the dropped day.
        await bench.pipeline.process([bench.delivery(late)])
        assert len(await bench.rows("SELECT FROM position")) == 2


async def test_the_rows_are_the_same_on_both_engines(timescale_url: str, native_url: str) -> None:
    received_at = datetime.now(UTC)
    there = await written(timescale_url, received_at)
    assert all(there.values())
    assert there == await written(native_url, received_at)


async def test_full_tables_are_converted_without_losing_a_row(timescale_url: str) -> None:
    received_at = datetime.now(UTC)
    said: list[str] = []
    before = await written(timescale_url, received_at, engine="native")
    await migrate(timescale_url, say=said.append)
    assert said == [
        "this database has TimescaleDB, but its tables hold readings: `gengfu storage convert` moves them over"
    ]

    days: list[Part] = []
    async with await connect(timescale_url, name="test") as connection:
        await convert(connection, compress_before=NOW - timedelta(days=4), moved=days.append)
        assert len(days) >= 4
        engine = await choose_engine(connection, wish="timescale")
        assert await upkeep(connection, engine, retention_days=90) == []
        parts = await engine.parts(connection)
        assert {part.compressed for part in parts if part.ends < NOW - timedelta(days=4)} == {True}
        after = {query: await (await connection.execute(query.encode())).fetchall() for query in WRITTEN}
        assert not (await state_of(connection)).partitioned
    assert after == before


async def test_nothing_is_converted_under_a_running_worker(timescale_url: str) -> None:
    await make_town(timescale_url, engine="native")
    async with bench_on(timescale_url) as bench:
        await bench.pipeline.process([bench.delivery(fix())])
        async with await connect(timescale_url, name="ingest up"), bench.pool.connection() as connection:
            with pytest.raises(ConversionRefused, match="gengfu ingest up is at work"):
                await convert(connection, compress_before=NOW)
        assert len(await bench.rows("SELECT FROM position")) == 1


async def written(url: str, received_at: datetime, *, engine: Wish = "auto") -> dict[str, list[dict[str, Any]]]:
    """All that is in the tables after the same has been sent twice."""
    await make_town(url, engine=engine)
    async with bench_on(url) as bench:
        for _ in range(2):
            await bench.pipeline.process([bench.delivery(reading, received_at=received_at) for reading in PLAY])
        async with bench.pool.connection() as connection:
            assert await upkeep(connection, await engine_at(url, wish="auto"), retention_days=90) == []
        return {query: await bench.rows(query) for query in WRITTEN}


async def test_a_plain_owner_of_the_database_is_enough(timescale_url: str) -> None:
    role, word = f"owner_{secrets.token_hex(6)}", secrets.token_hex(6)
    with psycopg.connect(timescale_url, autocommit=True) as connection:
        name = connection.info.dbname
        connection.execute(f"CREATE ROLE {role} LOGIN PASSWORD '{word}'".encode())
        connection.execute(f'ALTER DATABASE "{name}" OWNER TO {role}'.encode())
        try:
            url = make_conninfo(timescale_url, user=role, password=word)
            after = await written(url, datetime.now(UTC))
            assert all(after.values())
            async with await connect(url, name="test") as owner:
                engine = await choose_engine(owner, wish="timescale")
                assert any(part.compressed for part in await engine.parts(owner))
                inventory = await take_inventory(owner, engine)
                assert inventory.folder is None
                assert await engine.drop_older(owner, than=NOW - timedelta(days=30))
        finally:
            connection.execute(f'ALTER DATABASE "{name}" OWNER TO CURRENT_USER'.encode())
            connection.execute(f"REASSIGN OWNED BY {role} TO CURRENT_USER".encode())
            connection.execute(f"DROP OWNED BY {role}".encode())
            connection.execute(f"DROP ROLE {role}".encode())
