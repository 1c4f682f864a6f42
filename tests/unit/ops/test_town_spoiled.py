"""Each way of spoiling a sound town gives one finding that says where, what and what to do."""

from pathlib import Path
from typing import Any

import pytest

from ops.town import Finding
from tests.unit.ops.small_town import COMMUNITY_W, TOWN, edit_csv, edit_geojson, read, write_small_town

G, K, R, S, H = (f"{stem}.geojson" for stem in ("grids", "checkpoints", "routes", "roads", "hydrants"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_small_town(tmp_path / "town")


def _feature(collection: dict[str, Any], number: int) -> dict[str, Any]:
    feature = collection["features"][number - 1]
    assert isinstance(feature, dict)
    return feature


def _yard(number: int, *, size: float = 0.0004, hole: bool = False, **properties: Any) -> Any:
    """The checkpoint as a square around where it was."""

    def square(half: float) -> list[list[float]]:
        return [[111.285 + x * half, 30.695 + y * half] for x, y in ((-1, -1), (1, -1), (1, 1), (-1, 1), (-1, -1))]

    def edit(collection: Any) -> None:
        rings = [square(size), *([square(size / 2)[::-1]] if hole else [])]
        _feature(collection, number)["geometry"] = {"type": "Polygon", "coordinates": rings}
        _set(number, **properties)(collection)

    return edit


def _set(number: int, **properties: Any) -> Any:
    def edit(collection: dict[str, Any]) -> None:
        _feature(collection, number)["properties"].update(properties)

    return edit


def _drop(number: int, name: str) -> Any:
    return lambda collection: _feature(collection, number)["properties"].pop(name)


def _move(number: int, *coordinates: Any) -> Any:
    return lambda collection: _feature(collection, number)["geometry"].update(coordinates=list(coordinates))


def _ring(number: int, ring: list[list[float]]) -> Any:
    return lambda collection: _feature(collection, number)["geometry"].update(coordinates=[ring])


def _again(number: int) -> Any:
    return lambda collection: collection["features"].append(_feature(collection, number))


BOW = [[111.28, 30.69], [111.29, 30.70], [111.29, 30.69], [111.28, 30.70], [111.28, 30.69]]

# spoiled file, how (a pair of texts for CSV, a function for GeoJSON), severity, where, what
SPOILED_FEATURES = [
    (G, _drop(4, "grade"), "error", "feature 4 (code 990101100001001)", "has no grade"),
    (G, _set(4, grade=5), "error", "feature 4", "has the grade 5"),
    (G, _set(4, grade=True), "error", "feature 4", "has the grade True"),
    (G, _set(4, level="three"), "error", "feature 4", 'has the level "three"'),
    (G, _set(4, level=3.5), "error", "feature 4", "has the level 3.5"),
    (G, _drop(4, "parent"), "error", "feature 4", "has no parent"),
    (G, _set(1, parent=COMMUNITY_W), "error", "feature 1", "is of level 1 and has a parent"),
    (G, _set(4, parent="990101100009"), "error", "feature 4", "which does not exist"),
    (G, _set(4, parent=TOWN), "error", "feature 4", "is of level 3 and its parent"),
    (G, _set(4, parent="990101100001001"), "error", "feature 4", "is its own ancestor"),
    (G, _set(2, level=1, parent=None), "error", "feature 2", "is a second town beside feature 1"),
    (G, _set(1, level=2, parent=COMMUNITY_W), "error", "the file", "has no grid of level 1"),
    (G, _set(4, code=990101100001001), "error", "feature 4", "has a code that is not text"),
    (G, _set(4, name="  "), "error", "feature 4", "has a blank name"),
    (G, _set(4, name="a\u0000b"), "error", "feature 4", 'has the name "a\\u0000b"'),
    (G, _set(4, name="\ud800"), "error", "feature 4", "has the name"),
    (G, _set(4, code="990 1"), "error", "feature 4", 'has the code "990 1"'),
    (G, _set(4, datum="gcj02"), "error", "feature 4", 'is in the datum "gcj02"'),
    (G, lambda it: it.update(datum="bd09"), "error", "the file", 'is in the datum "bd09"'),
    (
        G,
        lambda it: it.update(crs={"properties": {"name": "urn:ogc:def:crs:EPSG::3857"}}),
        "error",
        "the file",
        "is in the",
    ),
    (G, _again(4), "error", "feature 8", "that feature 4 (code 990101100001001) has already"),
    (G, _ring(4, BOW), "error", "feature 4", "crosses or touches itself: Self-intersection[111.285 30.695]"),
    (G, _ring(4, [*BOW[:-1], [111.28, 30.6901]]), "error", "feature 4", "has the outer ring open"),
    (G, _ring(4, [[1, 1], [2, 2], [1, 1]]), "error", "feature 4", "has the outer ring with 3 positions"),
    (G, _ring(4, [[y, x] for x, y in BOW]), "error", "feature 4", "has latitude and longitude swapped"),
    (G, _ring(4, [[x * 1e5, y * 1e5] for x, y in BOW]), "error", "feature 4", "in metres, not degrees"),
    (G, _ring(4, [[200, 100]] * 4), "error", "feature 4", "out of range"),
    (G, _ring(4, []), "error", "feature 4", "has no coordinates"),
    (G, _move(4, 111.28, 30.69), "error", "feature 4", "has no coordinates"),
    (G, lambda it: _feature(it, 4).update(geometry=None), "error", "feature 4", "has no geometry"),
    (G, lambda it: _feature(it, 4).update(geometry=[]), "error", "feature 4", "has a geometry that is none"),
    (G, lambda it: _feature(it, 4)["geometry"].update(type="Point"), "error", "feature 4", "is a 'Point'"),
    (G, lambda it: _feature(it, 4).update(properties=None), "error", "feature 4", "is not a Feature"),
    (G, lambda it: it.update(type="Feature"), "error", "the file", "is not a FeatureCollection"),
    (G, lambda it: it.update(features=[]), "error", "the file", "has no features"),
    (G, _set(4, gread=2), "warning", "the file", 'has a property "gread" that is not known, in 1 of 7 features'),
    (
        G,
        _ring(4, [[111.279, 30.70], [111.29, 30.70], [111.29, 30.71], [111.279, 30.71], [111.279, 30.70]]),
        "warning",
        "feature 4",
        "leaves its parent",
    ),
    (
        G,
        _ring(4, [[111.28, 30.70], [111.29, 30.70], [111.29, 30.709], [111.28, 30.709], [111.28, 30.70]]),
        "warning",
        "feature 2",
        "in none of the grids below it",
    ),
    (
        G,
        _ring(4, [[111.28, 30.699], [111.29, 30.699], [111.29, 30.71], [111.28, 30.71], [111.28, 30.699]]),
        "warning",
        "feature 5",
        "overlaps feature 4 (code 990101100001001) by 10%",
    ),
    (K, _move(1, 30.695, 111.285), "error", "feature 1 (code K-1)", "has latitude and longitude swapped"),
    (K, _move(1, 111.26, 30.695), "error", "feature 1", "lies outside every base grid, 1912 m from the nearest"),
    (K, _move(1, 0, 0), "error", "feature 1", "lies outside every base grid"),
    (K, _move(1, 111.27995, 30.695), "warning", "feature 1", "lies 4.8 m outside every base grid"),
    (K, _move(1, 111.285), "error", "feature 1", "has a position that is not two numbers"),
    (K, _move(1, "111", "30"), "error", "feature 1", "has a position that is not two numbers"),
    (K, _set(1, radius_m=4), "error", "feature 1", "has the radius_m 4"),
    (K, _set(1, kind="shop"), "error", "feature 1", 'has the kind "shop"'),
    (K, _set(2, tag="04:a2:b3:c4:d5"), "error", "feature 2", "has the tag"),
    (K, _set(2, tags=["04A2B3C4D6", "04:a2:b3:c4:d5"]), "error", "feature 2", "has the tag"),
    (K, _set(2, tags=[1]), "error", "feature 2", "has the tags [1]"),
    (K, _set(2, dwell_s=5), "error", "feature 2", "has the dwell_s 5"),
    (K, _yard(1, radius_m=30), "error", "feature 1", "is a polygon with a radius_m"),
    (K, _yard(1, size=0.01, radius_m=None), "error", "feature 1", "m from its middle"),
    (K, _yard(1, hole=True, radius_m=None), "error", "feature 1", "is a polygon with holes"),
    (R, _set(1, ordered="often"), "error", "feature 1", 'has the ordered "often"'),
    (R, _set(1, legs=[{"minutes": 5, "tolerance_min": 2}] * 2), "error", "feature 1", "may be walked in any order"),
    (R, _set(1, ordered=True, legs=[{"minutes": 5, "tolerance_min": 2}]), "error", "feature 1", "has legs that do not"),
    (R, _set(1, ordered=True, legs=[{"minutes": 5}] * 2), "error", "feature 1", "among its legs"),
    (R, _set(1, checkpoints="K-1, K-2"), "warning", "feature 3 (code K-3)", "is on no route"),
    (R, _set(1, checkpoints=["K-1", "K-9"]), "error", "feature 1 (code R-1)", 'names the checkpoint "K-9"'),
    (R, _set(1, checkpoints=["K-1", "K-1"]), "error", "feature 1", 'names the checkpoint "K-1" twice'),
    (R, _set(1, checkpoints=[]), "error", "feature 1", "has the checkpoints []"),
    (R, _set(1, checkpoints=[1]), "error", "feature 1", "has 1 among its checkpoints"),
    (R, _move(1, [111.285, 30.695], [111.286, 30.705]), "warning", "feature 1", 'has the checkpoint "K-3" 860 m'),
    (R, _move(1, [111.285, 30.695], [111.285, 30.695]), "error", "feature 1", "is a line without length"),
    (S, _drop(1, "kind"), "error", "feature 1 (code S-1)", "has no kind"),
    (H, _set(1, manufactured="2027-01"), "error", "feature 1 (code HY-1)", "which is in the future"),
    (H, _set(1, manufactured="2019-13"), "error", "feature 1", "which is no month"),
    (H, _set(1, device="T-9"), "error", "feature 1", 'names the device "T-9", which does not exist'),
    (H, _set(1, device="H-1"), "error", "row 2 (device H-1)", 'but it is fixed to "HY-1"'),
    (H, _set(1, type="tower"), "error", "feature 1", 'has the type "tower"'),
]

_NIGHT = ",夜班,mon tue,20:00,08:00,F-1,R-1,2"
_WHEN = "mode,first_day,last_day,round_min,holidays"
SPOILED_ROWS = [
    ("posts.csv", ("P-1,一号岗", "P-1,"), "error", "row 2 (code P-1)", "has a blank name"),
    ("posts.csv", ("P-2", "P-1"), "error", "row 3 (code P-1)", "that row 2 (code P-1) has already"),
    ("posts.csv", ("A,F-1,patrol,\nP-2", "A,F-9,patrol,\nP-2"), "error", "row 2", 'names the unit "F-9"'),
    ("posts.csv", (",F-1,patrol", ",,patrol"), "warning", "row 2", "is a patrol without a unit"),
    ("posts.csv", ("一号岗,A", "一号岗,B"), "warning", "row 2", "is of squad"),
    ("posts.csv", ("grid_officer,990101100001", "grid_officer,"), "error", "row 5", "has a blank grid"),
    ("posts.csv", ("990101100001", "990101100008"), "error", "row 5", "names the grid"),
    ("posts.csv", ("leader", "boss"), "error", "row 4", 'has the role "boss"'),
    ("posts.csv", ("code,name,", "code,nmae,"), "error", "row 1", 'has a column "nmae" that is not known'),
    ("posts.csv", ("code,name,", "code,nmae,"), "error", "row 1", 'has no column "name"'),
    ("posts.csv", ("squad", "unit"), "error", "row 1", 'has the column "unit" 2 times'),
    ("posts.csv", (",role,grid", ",role,grid,"), "error", "row 1", "has a column without a name"),
    ("posts.csv", ("L-1,队长岗", 'L-1,"队长岗'), "error", "row 4", "is not CSV"),
    ("posts.csv", ("L-1,队长岗", "L-1,队,长岗"), "error", "row 4", "has 7 cells, the header has 6"),
    ("units.csv", ("V-1", "F-1"), "error", "row 3 (code F-1)", "has the unit"),
    ("units.csv", ("V-1", "P-1"), "error", "row 3 (code P-1)", "that posts.csv row 2 (code P-1) has already"),
    (
        "units.csv",
        ("V-1,一号车,car,", "V-1,一号车,car,\nV-2,二号车,car,"),
        "warning",
        "row 4",
        "has no posts and no device",
    ),
    ("units.csv", ("foot", "horse"), "error", "row 2", 'has the kind "horse"'),
    ("devices.csv", ("H-1", "H/1"), "error", "row 2 (device H/1)", 'has the device "H/1"'),
    ("devices.csv", ("VT-1", "H-1"), "error", "row 4", "that row 2 (device H-1) has already"),
    ("devices.csv", ("gcj02", "utm"), "error", "row 3", 'has the datum "utm"'),
    ("devices.csv", ("T-1,tag,,", "T-1,tag,,\nT-2,tag,,"), "info", "row 6 (device T-2)", "is in nobody's custody"),
    ("custody.csv", ("H-1,P-2", "H-9,P-2"), "error", "row 3 (device H-9)", 'names the device "H-9"'),
    ("custody.csv", ("H-1,P-2", "H-1,P-9"), "error", "row 3", 'has the holder "P-9"'),
    ("custody.csv", ("P-2,2026-06-01", "P-2,2026-05-01"), "error", "row 3", "while row 2 (device H-1) holds it too"),
    ("custody.csv", ("2026-06-01\n", "\n"), "error", "row 3", "while row 2"),
    ("custody.csv", ("2026-06-01\n", "2025-06-01\n"), "error", "row 2", "ends before it starts"),
    ("custody.csv", ("T08:00:00+08:00", "T08:00:00"), "error", "row 4", "a time without an offset"),
    ("custody.csv", ("2026-01-01T", "2026-02-30T"), "error", "row 4", "has the from"),
    ("custody.csv", ("H-1,P-2", "H-1,V-1"), "", "", ""),
    ("custody.csv", ("VT-1,V-1", "VT-1,L-1"), "warning", "row 5", "gives a vehicle to a post"),
    ("shifts.csv", ("08:00", "24:00"), "error", "row 2 (shift night)", 'has the ends "24:00"'),
    ("shifts.csv", ("mon tue", "mon,tue"), "error", "row 2", "has 9 cells"),
    ("shifts.csv", ("mon tue", '"mon, tue"'), "", "", ""),
    ("shifts.csv", ("mon tue", "Daily"), "", "", ""),
    ("shifts.csv", ("mon tue", "monday"), "error", "row 2", 'has the days "monday"'),
    ("shifts.csv", ("F-1", "F-9"), "error", "row 2", 'names the unit "F-9"'),
    ("shifts.csv", ("R-1", "R-9"), "error", "row 2", 'names the route "R-9"'),
    ("shifts.csv", ("R-1", "R-9"), "warning", "feature 1 (code R-1)", "is in no shift"),
    ("shifts.csv", ("R-1,2", "R-1,0"), "error", "row 2", 'has the rounds "0"'),
    ("shifts.csv", ("R-1,2", "R-1,49"), "error", "row 2", 'has the rounds "49"'),
    (
        "shifts.csv",
        ("R-1,2", "R-1,2\nnight,夜班,sun,20:00,08:00,F-1,R-1,1"),
        "error",
        "row 3",
        "that row 2 (shift night)",
    ),
    ("shifts.csv", ("R-1,2", "R-1,2\nnight,夜班,sun,21:00,08:00,V-1,R-1,1"), "error", "row 3", "has another `starts`"),
    ("shifts.csv", ("R-1,2", "R-1,2,often,,,,"), "error", "row 2", "has 13 cells"),
    *(
        ("shifts.csv", (f"rounds\nnight{_NIGHT}", f"rounds,{_WHEN}\nnight{_NIGHT},{cells}"), *expected)
        for cells, *expected in (
            ("often,,,,", "error", "row 2", 'has the mode "often"'),
            ("seasonal,06-31,08-31,,", "error", "row 2", 'has the first_day "06-31"'),
            ("seasonal,,08-31,,", "error", "row 2", "has a blank first_day"),
            ("seasonal,11-15,03-15,,", "", "", ""),
            ("targeted,2026-10-08,2026-10-01,,", "error", "row 2", "ends before it begins"),
            ("targeted,10-01,10-08,,", "error", "row 2", 'has the first_day "10-01"'),
            (",10-01,10-08,,", "error", "row 2", "is constant and has a first_day or last_day"),
            (",,,30,", "error", "row 2", "is constant and has a round_min"),
            ("random,,,30,skip", "", "", ""),
            (",,,,never", "error", "row 2", 'has the holidays "never"'),
        )
    ),
    ("holidays.csv", ("2026-10-01", "2026-13-01"), "error", "row 2", 'has the day "2026-13-01"'),
    ("holidays.csv", ("2026-10-10", "2026-10-01"), "error", "row 3", "that row 2 (day 2026-10-01) has already"),
    ("holidays.csv", (",rest", ",sleep"), "error", "row 2", 'has the kind "sleep"'),
    ("equipment.csv", ("2024-03", "2018-03"), "error", "row 3 (code EX-1)", "was serviced in 2018-03 before"),
    ("equipment.csv", ("2019-03", ""), "warning", "row 3", "without month of manufacture"),
    ("equipment.csv", ("2019-03", "03/2019"), "error", "row 3", "which is no month"),
    ("equipment.csv", ("30.6951,111.2951", "111.2951,30.6951"), "error", "row 3", "latitude and longitude swapped"),
    ("equipment.csv", ("30.6951,111.2951", "30.6951,"), "error", "row 3", "has one of lat and lon only"),
    ("equipment.csv", ("30.6951,111.2951", ","), "error", "row 3", "has neither a grid nor coordinates"),
    ("equipment.csv", ("30.6951", "nan"), "error", "row 3", 'has the lat "nan"'),
    ("equipment.csv", ("990101100001001", "990101100001009"), "error", "row 2", "names the grid"),
    ("equipment.csv", (",FR-1,", ",EX-1,"), "warning", "row 3", "no fire room"),
    ("equipment.csv", (",FR-1,", ",FR-1,T-1"), "error", "row 3", "that hydrants.geojson feature 1 (code HY-1) has"),
]


@pytest.mark.parametrize(("file", "edit", "severity", "where", "what"), SPOILED_FEATURES)
def test_spoiled_features(folder: Path, file: str, edit: Any, severity: str, where: str, what: str) -> None:
    edit_geojson(folder, file, edit)
    _expect(read(folder)[1], severity, where, what)


@pytest.mark.parametrize(("file", "edit", "severity", "where", "what"), SPOILED_ROWS)
def test_spoiled_rows(folder: Path, file: str, edit: tuple[str, str], severity: str, where: str, what: str) -> None:
    edit_csv(folder, file, *edit)
    findings = read(folder)[1]
    if severity:
        _expect(findings, severity, where, what)
    else:  # allowed after all
        assert [finding for finding in findings if finding.severity == "error"] == []


def _expect(findings: list[Finding], severity: str, where: str, what: str) -> None:
    fitting = [it for it in findings if it.severity == severity and it.where.startswith(where) and what in it.what]
    assert fitting, findings
    assert all(finding.remedy for finding in findings)


def test_all_problems_are_reported_in_one_run(folder: Path) -> None:
    edit_geojson(folder, G, _drop(4, "grade"))
    edit_geojson(folder, K, _set(1, radius_m=0))
    edit_csv(folder, "posts.csv", "leader", "boss")
    edit_csv(folder, "units.csv", "foot", "horse")
    edit_csv(folder, "devices.csv", "gcj02", "utm")
    (folder / "shifts.csv").write_bytes("shift,name\n夜班".encode("gb18030"))
    files = {finding.file for finding in read(folder)[1] if finding.severity == "error"}
    assert files == {G, K, "posts.csv", "units.csv", "devices.csv", "shifts.csv"}


def test_a_wrong_cell_does_not_make_orphans_of_what_refers_to_its_row(folder: Path) -> None:
    edit_csv(folder, "units.csv", "foot", "horse")
    assert [finding.where for finding in read(folder)[1]] == ["row 2 (code F-1)"]
