"""Importing a town: all or nothing, dated, repeatable."""

import csv
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from typer.testing import CliRunner

from ingest.database import Connection, connect
from ingest.migrate import migrate
from ops.commands.town import app
from ops.town import Town, read_town
from ops.town.errors import TownImportError
from ops.town.importer import Imported, import_town
from ops.town.shipped import copy_sample, sample_dir
from rules.roster import give, take
from rules.store.roster import custody_list

LATER = datetime.now(UTC) + timedelta(hours=1)


@pytest.fixture
async def connection(database_url: str) -> Connection:
    await migrate(database_url)
    return await connect(database_url, name="test")


async def count(connection: Connection, table: str, condition: str = "true") -> int:
    row = await (await connection.execute(f"SELECT count(*) AS n FROM {table} WHERE {condition}".encode())).fetchone()  # noqa: S608
    assert row
    return int(row["n"])


def town_of(folder: Path) -> Town:
    town, findings = read_town(folder)
    assert not [finding for finding in findings if finding.severity == "error"]
    return town


def added(imported: Imported) -> dict[str, int]:
    return {name: counts["added"] for name, counts in imported.counts.items()}


async def test_the_sample_has_the_scale_of_the_sources(connection: Connection, tmp_path: Path) -> None:
    async with connection:
        imported = await import_town(connection, town_of(sample_dir()), folder=sample_dir())
        counts = added(imported)
        assert counts["grid"] == 1 + 9 + 54 + 1 + 3
        assert (counts["grid_post"], counts["grade_policy"]) == (108, 4)
        assert counts["route"] == 18
        assert 100 <= counts["checkpoint"] <= 140
        assert counts["hydrant"] == 150
        assert counts["device"] == 24 + 6 + 5 + 40
        assert await count(connection, "equipment", "kind LIKE 'extinguisher%'") == 600
        assert await count(connection, "equipment", "kind = 'fire_room'") == 9
        assert await count(connection, "post", "role = 'patrol'") == 24
        assert await count(connection, "device_secret") == 0


async def test_a_second_import_changes_nothing(connection: Connection, tmp_path: Path) -> None:
    async with connection:
        town = town_of(sample_dir())
        await import_town(connection, town, folder=sample_dir(), secrets=tmp_path / "secrets.csv")
        again = await import_town(connection, town, folder=sample_dir(), secrets=tmp_path / "secrets.csv", at=LATER)
        assert {what for counts in again.counts.values() for what in counts} == {"unchanged"}
        assert not again.secrets
        with (tmp_path / "secrets.csv").open() as file:
            assert len(list(csv.DictReader(file))) == 75
        assert (tmp_path / "secrets.csv").stat().st_mode & 0o077 == 0


async def test_a_change_makes_a_version_and_the_past_keeps_its_own(connection: Connection, tmp_path: Path) -> None:
    copy_sample(tmp_path / "town")
    async with connection:
        await import_town(connection, town_of(tmp_path / "town"), folder=tmp_path / "town")
        path = tmp_path / "town" / "checkpoints.geojson"
        content = json.loads(path.read_text())
        code = content["features"][0]["properties"]["code"]
        content["features"][0]["properties"]["radius_m"] = 55
        path.write_text(json.dumps(content))
        imported = await import_town(connection, town_of(tmp_path / "town"), folder=tmp_path / "town", at=LATER)
        assert imported.counts["checkpoint"]["changed"] == 1
        rows = await (
            await connection.execute("SELECT * FROM checkpoint WHERE code = %s ORDER BY valid_from", [code])
        ).fetchall()
        assert [row["valid_to"] for row in rows] == [LATER, None]
        assert rows[1]["radius_m"] == 55
        assert rows[1]["valid_from"] == LATER


async def test_what_is_gone_ends_and_a_missing_file_leaves_its_part_alone(
    connection: Connection, tmp_path: Path
) -> None:
    folder = tmp_path / "town"
    copy_sample(folder)
    async with connection:
        await import_town(connection, town_of(folder), folder=folder)
        lines = (folder / "equipment.csv").read_text().splitlines(keepends=True)
        (folder / "equipment.csv").write_text("".join(lines[:-1]))
        for name in ("shifts.csv", "roads.geojson"):
            (folder / name).unlink()
        imported = await import_town(connection, town_of(folder), folder=folder, at=LATER)
        assert imported.counts["equipment"]["ended"] == 1
        assert "shift" not in imported.counts
        assert await count(connection, "shift", "valid_to IS NULL") == 42


async def test_a_device_of_another_kind_stops_everything(connection: Connection, tmp_path: Path) -> None:
    async with connection:
        town = town_of(sample_dir())
        name = town.devices[0].device
        await connection.execute("INSERT INTO device (name, kind) VALUES (%s, 'recorder')", [name])
        with pytest.raises(TownImportError, match=f"{name} is a .* but it is registered as a recorder"):
            await import_town(connection, town, folder=sample_dir(), secrets=tmp_path / "secrets.csv")
        assert await count(connection, "grid") == 0


async def test_secrets_that_cannot_be_written_stop_everything(connection: Connection, tmp_path: Path) -> None:
    async with connection:
        with pytest.raises(TownImportError, match="name another file with --secrets"):
            await import_town(connection, town_of(sample_dir()), folder=sample_dir(), secrets=tmp_path / "no" / "x.csv")
        assert await count(connection, "grid") == 0
        assert await count(connection, "device_secret") == 0


def test_the_command_shows_errors_and_imports_nothing(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import asyncio

    asyncio.run(migrate(database_url))
    monkeypatch.setenv("GENGFU_DATABASE_URL", database_url)
    copy_sample(tmp_path / "town")
    path = tmp_path / "town" / "units.csv"
    path.write_text(path.read_text().replace("foot", "hovercraft", 1))
    result = CliRunner().invoke(app, ["import", str(tmp_path / "town")])
    assert result.exit_code == 1
    assert "hovercraft" in result.output
    assert "nothing was imported" in result.output
    with psycopg.connect(database_url) as plain:
        row = plain.execute("SELECT count(*) FROM grid").fetchone()
        assert row == (0,)


async def test_what_was_handed_over_by_hand_outlives_the_next_import(connection: Connection) -> None:
    async with connection:
        await import_town(connection, town_of(sample_dir()), folder=sample_dir())
        now = datetime.now(UTC)
        async with connection.transaction():
            await give(connection, "HS-01", holder="P-13", at=now, hand_over=True, actor="officer", now=now)
            await take(connection, "HS-02", at=now, actor="officer", now=now)
        again = await import_town(connection, town_of(sample_dir()), folder=sample_dir(), at=LATER)
        assert set(again.counts["custody"]) == {"unchanged"}
        rows = await custody_list(connection, device=None, holder=None, since=LATER)
        assert {it["holder"] for it in rows if it["device"] == "HS-01"} == {"P-13"}
        assert not [it for it in rows if it["device"] == "HS-02"]
