"""The sample town: drawn again it is the same, it has the scale it claims, and it is a plausible place."""

import math
from collections import Counter
from datetime import date
from itertools import pairwise
from pathlib import Path

import pytest
import shapely

from ops.town import Town, read_town
from ops.town.errors import TownError
from ops.town.geometry import distance_m, in_metres
from ops.town.shipped import copy_sample, sample_dir
from ops.town.synthesis import sample_files

PICTURED = date(2026, 11, 21)
LIVES = {"powder": (5, 2, 10), "water": (3, 1, 6), "clean": (5, 2, 10), "co2": (5, 2, 12)}  # years: first, next, scrap


@pytest.fixture(scope="module")
def town() -> Town:
    town, findings = read_town(sample_dir(), today=PICTURED)
    assert findings == []
    return town


def test_the_shipped_files_are_what_the_generator_draws() -> None:
    shipped = {path.name: path.read_text(encoding="utf-8") for path in sample_dir().iterdir()}
    drawn = sample_files()
    assert shipped.keys() == drawn.keys()
    for name, text in drawn.items():
        assert shipped[name] == text, f"{name} differs; run python -m ops.town.synthesis ops/town/sample"
    assert sum(len(text.encode()) for text in shipped.values()) < 1_500_000


def test_its_scale(town: Town) -> None:
    assert Counter(grid.level for grid in town.grids) == {1: 2, 2: 12, 3: 54}
    assert {grid.grade for grid in town.base_grids()} == {1, 2, 3, 4}
    assert all(count == 6 for count in Counter(grid.parent for grid in town.base_grids()).values())
    assert Counter(post.role for post in town.posts) == {
        "patrol": 24,
        "leader": 4,
        "duty_officer": 2,
        "crew": 4,
        "grid_officer": 9,
    }
    assert len({post.squad for post in town.posts if post.role == "patrol"}) == 4
    assert Counter(unit.kind for unit in town.units) == {"foot": 12, "car": 2, "electric": 1, "motorcycle": 2}
    assert Counter(device.kind for device in town.devices) == {"handset": 24, "radio": 6, "vehicle": 5, "tag": 40}
    assert (len(town.checkpoints), len(town.routes), len(town.hydrants)) == (120, 18, 150)
    kinds = Counter(item.kind.partition("_")[0] for item in town.equipment)
    assert (kinds["extinguisher"], kinds["fire"]) == (600, 9)
    fixed = [row for row in town.holdings() if row.device.startswith("TAG")]
    assert Counter(row.holder_kind for row in fixed) == {"hydrant": 26, "equipment": 14}


def test_base_grids_part_the_town_exactly(town: Town) -> None:
    root = next(grid for grid in town.grids if grid.level == 1 and grid.hierarchy == "patrol")
    assert shapely.coverage_is_valid([grid.shape for grid in town.base_grids()])
    for parent in [root, *(grid for grid in town.grids if grid.level == 2 and grid.hierarchy == "patrol")]:
        below = [grid.shape for grid in town.grids if grid.parent == parent.code]
        assert shapely.union_all(below).symmetric_difference(parent.shape).area == pytest.approx(0, abs=1e-15)
        assert shapely.union_all(below).equals(parent.shape)
    square_km = in_metres(root.shape, around_lat=30.69).area / 1e6
    assert 20 < square_km < 30


def test_each_shift_has_every_route_and_three_for_each_unit(town: Town) -> None:
    for name, squads in (("day", {"A", "B"}), ("night", {"C", "D"})):
        rows = [row for row in town.shifts if row.shift == name]
        assert {row.route for row in rows} == {route.code for route in town.routes}
        assert set(Counter(row.unit for row in rows).values()) == {3}
        assert {unit.squad for unit in town.units if unit.code in {row.unit for row in rows}} == squads
        assert all(row.rounds == 2 and row.days == tuple(range(7)) for row in rows)


def test_routes_can_be_walked_and_pass_their_checkpoints(town: Town) -> None:
    places = {checkpoint.code: checkpoint for checkpoint in town.checkpoints}
    streets = shapely.union_all([road.shape for road in town.roads]).buffer(2e-6)  # 0.2 m
    shapely.prepare(streets)
    for route in town.routes:
        assert 1500 < in_metres(route.shape, around_lat=30.69).length < 3500
        assert 6 <= len(route.checkpoints) <= 8
        assert streets.covers(route.shape)
        assert len({(places[code].grid or "")[:12] for code in route.checkpoints}) <= 2
        along = [route.shape.project(places[code].shape) for code in route.checkpoints]
        assert all(distance_m(places[code].shape, route.shape) < 10 for code in route.checkpoints)
        assert len(along) == len(set(along))
    spots = [in_metres(place.shape, around_lat=30.69) for place in places.values()]
    assert min(one.distance(other) for one in spots for other in spots if other is not one) > 85


def test_hydrants_stand_apart(town: Town) -> None:
    metres = [in_metres(hydrant.shape, around_lat=30.69) for hydrant in town.hydrants]
    nearest = [min(one.distance(other) for other in metres if other is not one) for one in metres]
    assert min(nearest) > 95
    assert sum(nearest) / len(nearest) < 140


def test_ages_of_extinguishers(town: Town) -> None:
    past = due = 0
    for item in town.equipment:
        if not item.kind.startswith("extinguisher_"):
            continue
        first, next_, life = LIVES[item.kind.removeprefix("extinguisher_")]
        assert item.manufactured is not None
        scrap = _add_years(item.manufactured, life)
        service = _add_years(item.last_service, next_) if item.last_service else _add_years(item.manufactured, first)
        past += scrap <= PICTURED
        due += scrap > PICTURED and 0 <= (min(service, scrap) - PICTURED).days <= 60
    assert past == 24  # 4 %
    assert 30 <= due <= 45  # 5 % for service, and a few at the end of their life


def _add_years(day: date, years: int) -> date:
    return day.replace(year=day.year + years)


def test_codes_can_be_nobodys_and_no_person_is_named(town: Town) -> None:
    assert all(grid.code.startswith("990") for grid in town.grids)
    assert {len(grid.code) for grid in town.base_grids()} == {15}
    assert all(post.name.endswith("岗") for post in town.posts)


def test_it_looks_like_a_town_and_not_like_a_chessboard(town: Town) -> None:
    bearings: Counter[int] = Counter()
    for road in town.roads:
        for line in getattr(road.shape, "geoms", [road.shape]):
            for (x0, y0), (x1, y1) in pairwise(line.coords):
                bearing = math.degrees(math.atan2(y1 - y0, (x1 - x0) * math.cos(math.radians(30.69)))) % 90
                bearings[int(bearing // 10)] += 1
    assert max(bearings.values()) < 0.3 * bearings.total()
    assert min(bearings[sector] for sector in range(9)) > 0.04 * bearings.total()


def test_a_copy_goes_into_an_empty_folder_only(tmp_path: Path) -> None:
    written = copy_sample(tmp_path / "new" / "town")
    assert sorted(path.name for path in written) == sorted(path.name for path in sample_dir().iterdir())
    assert read_town(tmp_path / "new" / "town", today=PICTURED)[1] == []
    with pytest.raises(TownError, match="is not empty"):
        copy_sample(tmp_path / "new" / "town")
    (tmp_path / "file").write_text("x")
    with pytest.raises(TownError, match="cannot be written"):
        copy_sample(tmp_path / "file")
