"""A sound town reads without a finding, and means what its files say; files that cannot be read are said."""

from datetime import UTC, date, datetime, time
from pathlib import Path

import pytest

from ops.town import Town
from ops.town import files as town_files
from tests.unit.ops.small_town import COMMUNITY_W, CSV_FILES, TOWN, edit_geojson, read, write_small_town

G, K, R, S, H = (f"{stem}.geojson" for stem in ("grids", "checkpoints", "routes", "roads", "hydrants"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_small_town(tmp_path / "town")


def test_a_sound_town_has_no_findings_and_all_its_records(folder: Path) -> None:
    town, findings = read(folder)
    assert findings == []
    assert town.counts() == {
        "grids": 7,
        "checkpoints": 3,
        "routes": 1,
        "roads": 1,
        "hydrants": 1,
        "posts": 4,
        "units": 2,
        "devices": 4,
        "custody": 4,
        "shifts": 1,
        "equipment": 2,
        "grid_posts": 8,
        "grade_policies": 2,
        "lines": 1,
        "line_plans": 1,
        "visit_plans": 1,
        "static_posts": 2,
        "holidays": 2,
    }


def test_values_are_what_the_files_mean(folder: Path) -> None:
    town, _ = read(folder)
    school, corner, _ = town.checkpoints
    assert (school.lat, school.lon, school.radius_m, school.tags) == (30.695, 111.285, 30, ("04A2B3C4D5",))
    assert corner.radius_m == 40
    assert corner.kind is None
    assert school.grid == f"{COMMUNITY_W}002"
    assert town.routes[0].grid == TOWN
    assert town.hydrants[0].manufactured == date(2019, 5, 1)
    first, second, third, vehicle = town.custody
    assert first.ends == second.starts == datetime(2026, 5, 31, 16, tzinfo=UTC)  # midnight in Shanghai
    assert third.starts == datetime(2026, 1, 1, tzinfo=UTC)
    assert (vehicle.starts, vehicle.ends, vehicle.holder_kind) == (None, None, "unit")
    shift = town.shifts[0]
    assert (shift.days, shift.starts, shift.ends, shift.rounds) == ((0, 1), time(20), time(8), 2)
    room, extinguisher = town.equipment
    assert room.shape is None
    assert extinguisher.grid == "990101100002002"
    assert [device.datum for device in town.devices] == ["wgs84", "gcj02", "wgs84", "wgs84"]
    assert town.devices[0].name == "H-1"


def test_holdings_add_the_tags_that_are_fixed_to_things(folder: Path) -> None:
    town, _ = read(folder)
    assert [(row.device, row.holder, row.holder_kind) for row in town.holdings()][4:] == [("T-1", "HY-1", "hydrant")]


def test_grids_come_top_down(folder: Path) -> None:
    edit_geojson(folder, "grids.geojson", lambda it: it["features"].reverse())
    town, findings = read(folder)
    assert findings == []
    assert [grid.level for grid in town.grids_top_down()] == [1, 2, 2, 3, 3, 3, 3]


def test_a_byte_order_mark_and_windows_line_ends_are_fine(folder: Path) -> None:
    for name, text in CSV_FILES.items():
        (folder / name).write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
    assert read(folder)[1] == []


def test_files_that_cannot_be_read(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / K).write_text('{"type":\n "FeatureCollection",,}', encoding="utf-8")
    (folder / G).write_bytes(b'{"type": NaN}')
    (folder / R).write_text("[" * 100_000, encoding="utf-8")
    (folder / S).write_bytes(b"")
    (folder / H).unlink()
    (folder / H).mkdir()
    (folder / "posts.csv").write_bytes("code,name\nP-1,岗".encode("gb18030"))
    (folder / "units.csv").write_bytes("code,name".encode("utf-16"))
    (folder / "devices.csv").write_text("device;kind\nH-1;handset\n", encoding="utf-8")
    (folder / "custody.csv").rename(tmp_path / "elsewhere.csv")
    (folder / "custody.csv").symlink_to(tmp_path / "elsewhere.csv")
    monkeypatch.setattr(town_files, "MAX_BYTES", 200_000)
    (folder / "shifts.csv").write_bytes(b"x" * 200_001)
    (folder / "equipment.csv").write_text("code,kind,name\n", encoding="utf-8")
    said = {
        finding.file: f"{finding.where}: {finding.what}" for finding in read(folder)[1] if finding.severity == "error"
    }
    assert said[K].startswith("line 2 column 22: is not JSON: ")
    assert said[G] == "the file: has a number that is none: NaN is not allowed in JSON"
    assert said[R] == "the file: is nested too deeply to be GeoJSON"
    assert said[S] == "the file: is empty"
    assert said[H] == "the file: is a folder"
    assert said["posts.csv"].startswith("line 2: is not UTF-8 (byte 15")
    assert said["posts.csv"].endswith("it looks like GB18030")
    assert said["units.csv"] == "line 1: is UTF-16, not UTF-8"
    assert said["devices.csv"] == "row 1: is separated by semicolons"
    assert said["custody.csv"] == "the file: is a symbolic link"
    assert said["shifts.csv"] == "the file: is larger than 64 MiB"
    assert said["equipment.csv"] == "the file: has no rows"


def test_missing_files(folder: Path, tmp_path: Path) -> None:
    for file in (K, R, H):
        (folder / file).unlink()
    (folder / "hydrant.geojson").write_text("{}", encoding="utf-8")
    said = [(it.severity, it.file, it.what) for it in read(folder)[1] if it.where == "the file"]
    assert said == [
        ("warning", "hydrant.geojson", "is not known and is ignored"),
        ("error", K, "is missing"),
        ("info", R, "is not there"),
        ("info", H, "is not there"),
    ]
    town, findings = read(tmp_path / "nowhere")
    assert town == Town()
    assert [finding.what for finding in findings] == ["cannot be read: No such file or directory"]


def test_a_place_on_a_shared_border_belongs_to_the_lower_code(folder: Path) -> None:
    edit_geojson(folder, K, lambda it: it["features"][0]["geometry"].update(coordinates=[111.29, 30.70]))
    assert read(folder)[0].checkpoints[0].grid == "990101100001001"
