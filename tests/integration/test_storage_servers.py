"""The storage on a server that others run: TimescaleDB there must neither disturb nor be needed."""

import os
import secrets
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from ingest.database import connect
from ingest.engines import NativeEngine
from ingest.errors import MigrationFailed
from ingest.migrate import check_schema, migrate
from ingest.worker import upkeep
from tests.integration.bench import NOW, bench_on, fix, make_town, run_until_settled

ADDRESS = "GENGFU_TEST_TIMESCALE_URL"  # of any database on the server, for a role that may create databases

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
    "SELECT * FROM reading ORDER BY device, time, digest",
    "SELECT * FROM last_known",
    "SELECT * FROM position_hour ORDER BY hour",
    "SELECT kind, subject, window_from, window_to FROM dirty_mark ORDER BY 1, 2, 3",
    "SELECT digest, topic, payload, codec, reason, times, received_at FROM quarantine ORDER BY digest",
    "SELECT lane, name, reason, value FROM ingest_counter ORDER BY name, reason",
)


@pytest.fixture
def server_url() -> Iterator[str]:
    """A fresh database with the extension in it, dropped after the test."""
    server = os.environ.get(ADDRESS)
    if not server:
        pytest.skip(f"no TimescaleDB server to try: {ADDRESS} is not set")
    name = f"gengfu_test_{secrets.token_hex(6)}"
    url = make_conninfo(server, dbname=name)
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE template0'.encode())
    try:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("CREATE EXTENSION timescaledb")
        yield url
    finally:
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())


async def test_the_schema_is_made_once(server_url: str) -> None:
    assert await migrate(server_url) > 0
    assert await migrate(server_url) == 0
    async with await connect(server_url, name="test") as connection:
        await check_schema(connection)


async def test_a_role_that_may_not_create_tables_is_told_so(database_url: str) -> None:
    role = f"visitor_{secrets.token_hex(6)}"
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {role} LOGIN PASSWORD 'visitor'".encode())
        try:
            with pytest.raises(MigrationFailed, match=f'OWNER TO "{role}"'):
                await migrate(make_conninfo(database_url, user=role, password="visitor"))  # noqa: S106  its own
        finally:
            connection.execute(f"DROP ROLE {role}".encode())


async def test_the_native_engine_does_its_work_beside_the_extension(server_url: str) -> None:
    await make_town(server_url)
    engine = NativeEngine()
    old = datetime(2008, 7, 1, 12, tzinfo=UTC)
    async with await connect(server_url, name="test") as connection:
        await engine.ensure_schema(connection)
        await engine.ensure_partitions(connection, [old, old + timedelta(days=1)])
        assert await engine.compress(connection, older_than=NOW) == 0
        dropped = await engine.drop_older(connection, than=old + timedelta(days=1))
        assert sorted(dropped) == ["position_20080701", "reading_20080701"]
        await connection.execute("INSERT INTO touched_hour VALUES (date_trunc('hour', now()))")
        assert await engine.refresh_rollup(connection) == 1
        assert await engine.refresh_rollup(connection) == 0


async def test_what_is_sent_is_kept_once_or_held_with_its_reason(server_url: str) -> None:
    await make_town(server_url)
    async with bench_on(server_url) as bench:
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


async def test_a_day_that_was_dropped_takes_late_data_again(server_url: str) -> None:
    await make_town(server_url)
    async with bench_on(server_url) as bench, bench.pool.connection() as connection:
        late = {**fix(), "t": LATE.isoformat()}
        await bench.pipeline.process([bench.delivery(late, fix())])
        await upkeep(connection, NativeEngine(), retention_days=30)
        assert len(await bench.rows("SELECT FROM position")) == 1
        # The worker's own engine still believes in the dropped day.
        await bench.pipeline.process([bench.delivery(late)])
        assert len(await bench.rows("SELECT FROM position")) == 2


async def test_the_rows_are_those_of_the_embedded_server(server_url: str, database_url: str) -> None:
    received_at = datetime.now(UTC)
    there = await written(server_url, received_at)
    assert all(there.values())
    assert there == await written(database_url, received_at)


async def written(url: str, received_at: datetime) -> dict[str, list[dict[str, Any]]]:
    """All that is in the tables after the same has been sent twice."""
    await make_town(url)
    async with bench_on(url) as bench:
        for _ in range(2):
            await bench.pipeline.process([bench.delivery(reading, received_at=received_at) for reading in PLAY])
        async with bench.pool.connection() as connection:
            await upkeep(connection, NativeEngine(), retention_days=90)
        return {query: await bench.rows(query) for query in WRITTEN}
