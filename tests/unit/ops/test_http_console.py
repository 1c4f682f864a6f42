"""The console's files, what a page may load, evidence as it is drawn, and the state of a hydrant."""

import gzip
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from ops.errors import SettingsError
from ops.http.console import load_console
from ops.http.drawing import drawing_of
from ops.http.guards import content_policy
from ops.http.water import hydrant_state
from ops.settings import load

NOW = datetime(2026, 11, 21, 8, tzinfo=UTC)


def test_only_what_lies_in_the_folder_is_served(tmp_path: Path) -> None:
    dist = tmp_path / "dist"
    (dist / "assets" / "fonts").mkdir(parents=True)
    (tmp_path / "house.key").write_text("secret")
    (dist / "index.html").write_text("<!doctype html>")
    (dist / "icon.svg").write_text("<svg/>")
    (dist / "assets" / "index-B4x_dQ2-.js").write_text("go();" * 1000)
    (dist / "assets" / "fonts" / "a b.woff2").write_bytes(b"wOF2")
    (dist / "assets" / ".hidden").write_text("no")
    (dist / "assets" / "link.js").symlink_to(tmp_path / "house.key")
    (dist / "out").symlink_to(tmp_path)
    console = load_console(dist)
    assert set(console.files) == {
        "/index.html",
        "/icon.svg",
        "/assets/index-B4x_dQ2-.js",
        "/assets/fonts/a b.woff2",
    }
    assert console.beside_assets() == ["/icon.svg"]
    assert console.index is console.files["/index.html"]
    script = console.files["/assets/index-B4x_dQ2-.js"]
    assert script.content_type == "text/javascript"
    assert script.cache_control.endswith("immutable")
    assert script.zipped is not None
    assert gzip.decompress(script.zipped) == script.body
    assert console.files["/index.html"].cache_control == "no-cache"
    assert console.files["/assets/fonts/a b.woff2"].content_type == "font/woff2"
    assert load_console(tmp_path / "none").index is None


def test_a_page_loads_from_nowhere_else_unless_tiles_are_set() -> None:
    assert not re.search(r"https?:|unsafe", content_policy(None))
    assert "worker-src 'self'" in content_policy(None)
    assert content_policy("/tiles/{z}/{x}/{y}.png") == content_policy(None)
    policy = content_policy("https://tiles.example.org:8443/{z}/{x}/{y}.png?key=1")
    assert "connect-src 'self' https://tiles.example.org:8443;" in policy
    assert policy.count("https://tiles.example.org:8443") == 2


@pytest.mark.parametrize(
    "tiles",
    [
        "https://tiles.example.org/{z}/{x}.png",
        "ftp://tiles.example.org/{z}/{x}/{y}.png",
        "https://tiles.example.org; script-src *//{z}/{x}/{y}.png",
        "//tiles.example.org/{z}/{x}/{y}.png",
        "https://tiles.example.org/{z}/{x}/{y}.png;img-src *",
    ],
)
def test_a_tile_address_cannot_loosen_the_policy(tiles: str) -> None:
    with pytest.raises((SettingsError, ValidationError), match=r"map\.tiles"):
        load(overrides=[f"map.tiles={tiles}"])


def test_tiles_are_set_with_their_datum() -> None:
    settings = load(overrides=["map.tiles=https://t.example/{z}/{x}/{y}.png", "map.tiles_datum=gcj02"]).settings
    assert (settings.map.tiles, settings.map.tiles_datum) == ("https://t.example/{z}/{x}/{y}.png", "gcj02")


def evidence(visit_at: str | None) -> dict[str, Any]:
    def fix(second: int, distance_m: float, flags: int = 0) -> dict[str, Any]:
        time = f"2026-11-21T08:00:{second:02}.000Z"
        place = {"lat": 30.05, "lon": 111.05, "accuracy_m": 6.0, "distance_m": distance_m}
        return {"time": time, **place, "received_after_s": 0.4, "flags": flags}

    visit = {"device": "H1", "holder": "P1", "at": visit_at, "received_at": None} if visit_at else None
    device = {
        "device": "H1",
        "holder": "P1",
        "fixes_in_window": 9,
        "fixes": [fix(10, 80.0), fix(20, 5.0), fix(40, 90.0)],
    }
    return {
        "place": {"lat": 30.05, "lon": 111.05, "radius_m": 30.0},
        "window": ["2026-11-21T08:00:00.000Z", "2026-11-21T09:00:00.000Z"],
        "visit": visit,
        "devices": [{**device, "holes": [["2026-11-21T08:10:00.000Z", "2026-11-21T08:30:00.000Z"]]}],
    }


@pytest.mark.parametrize(
    ("at", "seconds"),
    [("2026-11-21T08:00:20.000Z", [20]), ("2026-11-21T08:00:30.000Z", [20, 40]), (None, None)],
)
def test_evidence_is_drawn_as_circle_points_and_the_segment_that_proves(
    at: str | None, seconds: list[int] | None
) -> None:
    drawing = drawing_of(evidence(at))
    assert drawing is not None
    assert drawing.circle is not None
    assert drawing.circle.radius_m == 30
    assert [point.time.second for point in drawing.tracks[0].points] == [10, 20, 40]
    assert drawing.tracks[0].holes[0].until - drawing.tracks[0].holes[0].since == timedelta(minutes=20)
    assert (drawing.visit and [point.time.second for point in drawing.visit.points]) == seconds


def test_evidence_without_a_place_is_not_drawn() -> None:
    assert drawing_of(None) is None
    assert drawing_of({"fixes": []}) is None


@pytest.mark.parametrize(
    ("measured", "silent_h", "state"),
    [
        ({"pressure_kpa": 300, "tilt_deg": 1}, 0, "fine"),
        (None, 0, "fine"),
        ({"pressure_kpa": 139.9}, 0, "low_pressure"),
        ({"pressure_kpa": 140}, 0, "fine"),
        ({"pressure_kpa": 100, "tilt_deg": -40}, 0, "knocked"),
        ({"tamper": True}, 9, "knocked"),
        ({"pressure_kpa": 100}, 4, "silent"),
    ],
)
def test_the_state_of_a_hydrant(measured: dict[str, Any] | None, silent_h: int, state: str) -> None:
    heard_at = NOW - timedelta(hours=silent_h)
    assert hydrant_state(measured, heard_at=heard_at, tagged=True, now=NOW) == state


def test_a_hydrant_that_nothing_watches() -> None:
    assert hydrant_state({}, heard_at=None, tagged=True, now=NOW) == "silent"
    assert hydrant_state(None, heard_at=None, tagged=False, now=NOW) == "untagged"
