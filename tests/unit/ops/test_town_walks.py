"""The files of lines, visits and static posts: what they mean, and what is wrong with them."""

from pathlib import Path
from typing import Any

import pytest

from tests.unit.ops.small_town import COMMUNITY_E, COMMUNITY_W, edit_csv, edit_geojson, read, write_small_town


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_small_town(tmp_path / "town")


def errors(folder: Path) -> list[str]:
    return [f"{it.file} {it.where} {it.what}" for it in read(folder)[1] if it.severity == "error"]


def test_values_are_what_the_files_mean(folder: Path) -> None:
    town, _ = read(folder)
    (line,) = town.lines
    assert (line.corridor_m, line.share) == (20, 0.8)
    assert line.grid == f"{COMMUNITY_W}001"
    circle, polygon = town.static_posts
    assert (circle.lat, circle.lon, circle.radius_m, circle.geometry) == (30.695, 111.285, 50, None)
    assert circle.days == (0, 1)
    assert circle.share == 0.9
    assert polygon.geometry is not None
    assert polygon.grid == f"{COMMUNITY_E}001"
    assert [round(polygon.lat, 6), round(polygon.lon, 6)] == [30.705, 111.295]
    assert polygon.radius_m == pytest.approx(73, abs=1)  # half the diagonal of 96 by 111 m
    assert town.visit_plans[0].dwell_s == 900
    assert town.line_plans[0].times == 2


def test_a_line_through_several_grids_belongs_to_the_one_above(folder: Path) -> None:
    def longer(it: dict[str, Any]) -> None:
        it["features"][0]["geometry"]["coordinates"].append([111.286, 30.695])

    edit_geojson(folder, "lines.geojson", longer)
    assert read(folder)[0].lines[0].grid == COMMUNITY_W


@pytest.mark.parametrize(
    ("name", "old", "new", "said"),
    [
        ("line_plans.csv", "L-1", "L-9", "names the line 'L-9', which does not exist"),
        ("line_plans.csv", "F-1", "F-9", "names the unit 'F-9', which does not exist"),
        ("line_plans.csv", "night", "noon", "names the shift 'noon', which does not exist"),
        ("visit_plans.csv", "week", "year", "has the every 'year'"),
        ("visit_plans.csv", "week,3,1", "week,3,8", "has more visits in a week than it has days"),
        ("visit_plans.csv", "grid_officer", "mayor", "has the role 'mayor'"),
    ],
)
def test_what_is_wrong_with_a_row_is_said(folder: Path, name: str, old: str, new: str, said: str) -> None:
    edit_csv(folder, name, old, new)
    (error,) = errors(folder)
    assert error.startswith(name)
    assert said.replace("'", '"') in error


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("ends", "07:00", "ends as it starts"),
        ("unit", "F-9", 'names the unit "F-9", which does not exist'),
        ("share", 1.5, "has the share 1.5"),
        ("radius_m", 5, "has the radius_m 5"),
    ],
)
def test_what_is_wrong_with_a_static_post_is_said(folder: Path, key: str, value: object, said: str) -> None:
    edit_geojson(folder, "static_posts.geojson", lambda it: it["features"][0]["properties"].update({key: value}))
    (error,) = errors(folder)
    assert said in error


def test_a_line_in_no_plan_is_a_warning(folder: Path) -> None:
    (folder / "line_plans.csv").unlink()
    found = [it for it in read(folder)[1] if it.severity == "warning"]
    assert [(it.file, it.what) for it in found] == [("lines.geojson", "is in no plan")]
