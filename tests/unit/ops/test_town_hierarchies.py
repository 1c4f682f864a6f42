"""Towns of any depth and with several hierarchies: what reads without a finding, and what is said of the rest."""

from pathlib import Path
from typing import Any

import pytest
import shapely

from tests.unit.ops.small_town import COMMUNITY_E, COMMUNITY_W, TOWN, edit_csv, edit_geojson, read, write_small_town

G = "grids.geojson"
FIRE = "990101100F"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_small_town(tmp_path / "town")


def add(folder: Path, *grids: dict[str, Any], geometry: dict[str, Any] | None = None) -> None:
    features = [{"type": "Feature", "properties": {"name": "x", **grid}, "geometry": geometry} for grid in grids]
    edit_geojson(folder, G, lambda it: it["features"].extend(features))


def fire(code: str, level: int, made_of: list[str], **more: Any) -> dict[str, Any]:
    return {"code": f"{FIRE}{code}", "level": level, "hierarchy": "fire", "made_of": made_of, **more}


def test_a_second_hierarchy_is_made_of_patrol_grids(folder: Path) -> None:
    west, east = fire("1", 2, [COMMUNITY_W], parent=f"{FIRE}0"), fire("2", 2, [COMMUNITY_E], parent=f"{FIRE}0")
    add(folder, fire("0", 1, [TOWN]), west, east)
    town, findings = read(folder)
    assert findings == []
    found = {grid.code: grid for grid in town.grids if grid.hierarchy == "fire"}
    patrol = {grid.code: grid for grid in town.grids if grid.hierarchy == "patrol"}
    assert shapely.equals(found[f"{FIRE}1"].shape, patrol[COMMUNITY_W].shape)
    assert {grid.code[:12] for grid in town.base_grids()} == {COMMUNITY_W, COMMUNITY_E}, "places lie in patrol grids"
    assert town.checkpoints[0].grid == f"{COMMUNITY_W}002"


def test_a_town_may_be_deeper_than_three_levels(folder: Path) -> None:
    def cut(collection: dict[str, Any]) -> None:
        ring = [[111.28, 30.70], [111.285, 30.70], [111.285, 30.71], [111.28, 30.71], [111.28, 30.70]]
        for half in (0, 1):
            shape = [[x + half * 0.005, y] for x, y in ring]
            collection["features"].append(
                {
                    "type": "Feature",
                    "properties": {
                        "code": f"H-{half}",
                        "name": "half",
                        "level": 4,
                        "parent": f"{COMMUNITY_W}001",
                        "grade": 3,
                    },
                    "geometry": {"type": "Polygon", "coordinates": [shape]},
                }
            )

    edit_geojson(folder, G, cut)
    edit_csv(folder, "grid_posts.csv", f"{COMMUNITY_W}001,A,P-1", "H-0,A,P-1\nH-0,B,P-2\nH-1,B,P-2\nH-1,A,P-1")
    town, findings = read(folder)
    assert {"H-0", "H-1"} <= {grid.code for grid in town.base_grids()}
    assert town.checkpoints[1].grid == "H-1"
    # the three that were base grids before now end above the others
    assert {finding.what for finding in findings} == {"has no grids below it"}


@pytest.mark.parametrize(
    ("grid", "where", "what"),
    [
        (
            fire("0", 1, ["990101100009"]),
            f"feature 8 (code {FIRE}0)",
            'is made of "990101100009", which does not exist',
        ),
        (fire("0", 1, [TOWN], hierarchy="patrol"), "feature 8", "is a patrol grid and made of others"),
        (fire("0", 1, [TOWN], hierarchy="Fire!"), "feature 8", 'has the hierarchy "Fire!"'),
        (fire("0", 2, [TOWN], parent=TOWN), "feature 8", 'is of the hierarchy "fire" and its parent of "patrol"'),
        (fire("0", 2, [TOWN], parent=TOWN), "the file", 'has no grid of level 1 in the hierarchy "fire"'),
        (fire("0", 1, []), "feature 8", "has no geometry"),
        (fire("0", 100, [TOWN]), "feature 8", "has the level 100"),
    ],
)
def test_what_cannot_be_is_said(folder: Path, grid: dict[str, Any], where: str, what: str) -> None:
    add(folder, grid)
    errors = [it for it in read(folder)[1] if it.severity == "error"]
    assert [it for it in errors if it.where.startswith(where) and what in it.what], errors


def test_two_roots_of_one_hierarchy_are_one_too_many(folder: Path) -> None:
    add(folder, fire("0", 1, [TOWN]), fire("9", 1, [TOWN]))
    (error,) = (it for it in read(folder)[1] if it.severity == "error")
    assert error.what == f'is a second town beside feature 8 (code {FIRE}0) in the hierarchy "fire"'


def test_a_fire_grid_without_ground_is_a_warning(folder: Path) -> None:
    add(folder, fire("0", 1, [TOWN]))
    add(
        folder,
        {"code": "far", "level": 2, "hierarchy": "fire", "parent": f"{FIRE}0"},
        geometry={"type": "Polygon", "coordinates": [[[111.4, 30.7], [111.41, 30.7], [111.41, 30.71], [111.4, 30.7]]]},
    )
    said = [(it.severity, it.what) for it in read(folder)[1]]
    assert ("warning", "holds most of no patrol grid: whoever is bound to it sees nothing") in said


def test_vacancies_and_a_post_that_stands_in_for_itself(folder: Path) -> None:
    edit_csv(folder, "grid_posts.csv", f"{COMMUNITY_W}001,B,P-2\n", "")
    edit_csv(folder, "grid_posts.csv", f"{COMMUNITY_E}001,B,P-2", f"{COMMUNITY_E}001,B,P-1")
    said = {(it.severity, it.where, it.what) for it in read(folder)[1]}
    assert said == {
        ("warning", f"grid {COMMUNITY_W}001 (网格)", "has no post B"),
        ("warning", f"row 6 (grid {COMMUNITY_E}001)", 'has "P-1" as A and as B'),
    }


@pytest.mark.parametrize(
    ("file", "old", "new", "what"),
    [
        ("grid_posts.csv", "A,P-1", "C,P-1", 'has the slot "C"'),
        ("grid_posts.csv", "A,P-1", "A,P-9", 'names the post "P-9", which does not exist'),
        ("grid_posts.csv", f"{COMMUNITY_W}001,A", f"{COMMUNITY_W}009,A", "names the grid"),
        ("grid_posts.csv", f"{COMMUNITY_W}001,B,P-2", f"{COMMUNITY_W}001,A,P-2", "has the grid and slot"),
        ("grade_policies.csv", "4,2,2", "5,2,2", 'has the grade "5"'),
        ("grade_policies.csv", "4,2,2", "1,2,2", 'has the grade "1" that'),
        ("grade_policies.csv", "4,2,2", "4,49,2", 'has the rounds "49"'),
        ("grade_policies.csv", "critical", "fatal", 'has the severity "fatal"'),
    ],
)
def test_rows_that_cannot_be(folder: Path, file: str, old: str, new: str, what: str) -> None:
    edit_csv(folder, file, old, new)
    errors = [it for it in read(folder)[1] if it.severity == "error"]
    assert [it for it in errors if it.file == file and what in it.what and it.remedy], errors


def test_a_road_outside_every_grid_is_a_warning(folder: Path) -> None:
    edit_geojson(
        folder,
        "roads.geojson",
        lambda it: it["features"][0]["geometry"].update(coordinates=[[111.29, 30.70], [111.31, 30.70]]),
    )
    (warning,) = read(folder)[1]
    assert (warning.file, warning.where) == ("roads.geojson", "feature 1 (code S-1)")
    assert warning.what == "runs for 946 m through no grid"
