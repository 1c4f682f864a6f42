"""`gengfu storage`: what it says of both engines, and that converting loses nothing."""

import asyncio
import json
import os
import secrets
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from ingest.engines import Wish, engine_at
from ingest.upkeep import upkeep
from ops.cli import main
from tests.integration.bench import bench_on, make_town
from tests.integration.test_late_readings import fixes


@pytest.fixture(params=["native_url", "timescale_url"])
async def filled(request: pytest.FixtureRequest) -> str:
    """A database with readings of three days, one of them old enough to be compressed."""
    url: str = request.getfixturevalue(request.param)
    await fill(url)
    return url


async def fill(url: str, *, engine: Wish = "auto") -> None:
    await make_town(url, engine=engine)
    async with bench_on(url) as bench, bench.pool.connection() as connection:
        for days_ago in (10, 2, 1):
            await bench.pipeline.process([bench.delivery(*fixes(days_ago, range(200)))])
        await upkeep(connection, await engine_at(url, wish="auto"), retention_days=90)
        await bench.pipeline.process([bench.delivery(*fixes(10, range(150, 250)))])


def gengfu(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], url: str, *words: str
) -> tuple[int, str]:
    """Exit status and what a command said, beside that database."""
    for name in [name for name in os.environ if name.startswith("GENGFU_") and not name.startswith("GENGFU_TEST_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("GENGFU_DATABASE_URL", url)
    with pytest.raises(SystemExit) as ended:
        main(["storage", *words])
    out, err = capsys.readouterr()
    return int(ended.value.code or 0), out + err


def said_by(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], url: str, *words: str) -> str:
    status, said = gengfu(monkeypatch, capsys, url, *words)
    assert status == 0, said
    return said


def test_status_for_programs(filled: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    said = json.loads(said_by(monkeypatch, capsys, filled, "status", "--json", "--set", "storage.capacity_gb=1"))
    tables = {table["name"]: table for table in said["tables"]}
    position = tables["position"]
    native = said["engine"] == "native"
    assert (said["extension_version"] is None) is native
    # Native has tomorrow's partition ready; a chunk comes with its first row.
    assert position["parts"] >= 3
    assert position["parts_compressed"] == (0 if native else 1)
    assert position["parts_with_late_rows"] == (0 if native else 1)
    assert 600 <= position["rows_estimated"] <= 700  # by their size, where rows came after compression
    assert 250 <= position["rows_per_day"] <= 285  # 400 from noon of the day before yesterday to midnight
    assert position["next_drop"] is not None
    assert said["late_readings"] == {
        "dropped": 0,
        "compressed": 0 if native else 100,
        "rolled_up": 100 if native else 0,
    }
    assert set(said["done_up_to"]) == {"dropped", "rolled_up"} | (set() if native else {"compressed"})
    assert said["free_bytes"] == 10**9 - said["size_bytes"]
    assert said["day_bytes"] > 0
    assert tables["position_hour"]["rows_estimated"] >= 0


def test_status_for_people(filled: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    said = said_by(monkeypatch, capsys, filled, "status", "--set", "storage.retention_days=0")
    assert "PostgreSQL" in said
    assert "position" in said
    assert "for ever" in said
    assert "late readings taken in" in said


def test_a_database_without_tables_is_sent_to_migrate(
    native_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    status, said = gengfu(monkeypatch, capsys, native_url, "status")
    assert status == 1
    assert "run `gengfu migrate`" in said


def test_a_role_that_may_not_look_is_told_so(
    database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asyncio.run(fill(database_url))
    role = f"visitor_{secrets.token_hex(6)}"
    visitor = make_conninfo(database_url, user=role, password="visitor")  # noqa: S106  its own
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {role} LOGIN PASSWORD 'visitor'".encode())
        try:
            status, said = gengfu(monkeypatch, capsys, visitor, "status")
            assert status == 1
            assert f"role {role} may not read gengfu's tables" in said
            connection.execute(f"GRANT SELECT ON migration, position, reading TO {role}".encode())
            status, said = gengfu(monkeypatch, capsys, visitor, "status")
            assert status == 1
            assert f'GRANT SELECT ON ALL TABLES IN SCHEMA public TO "{role}"' in said
            connection.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}".encode())
            said = said_by(monkeypatch, capsys, visitor, "status")
            assert "GRANT pg_read_all_settings" in said
        finally:
            connection.execute(f"DROP OWNED BY {role}".encode())
            connection.execute(f"DROP ROLE {role}".encode())


def test_converting_keeps_every_row(
    timescale_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asyncio.run(fill(timescale_url, engine="native"))
    before = rows(timescale_url)
    assert len(before) == 650
    with psycopg.connect(timescale_url, application_name="gengfu ingest"):
        status, said = gengfu(monkeypatch, capsys, timescale_url, "convert")
        assert status == 1
        assert "gengfu ingest is at work on this database" in said
    assert "hypertables now" in said_by(monkeypatch, capsys, timescale_url, "convert")
    assert "already" in said_by(monkeypatch, capsys, timescale_url, "convert")
    assert rows(timescale_url) == before


def rows(url: str) -> list[Any]:
    with psycopg.connect(url) as connection:
        return connection.execute("SELECT * FROM position ORDER BY device, time, digest").fetchall()
