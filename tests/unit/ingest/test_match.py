"""Rasters and cells only shorten the way: they find what asking every polygon and every circle would find."""

from typing import Any

import numpy as np
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.geometry import M_PER_DEG
from ingest.columns import Floats
from ingest.nearness import Nearness, extremes
from ingest.raster import ASK, Polygons, raster_of

FOREVER = 2**62
NOW = 1_000


def polygons(shapes: list[Any], since: list[int], until: list[int]) -> Polygons:
    count = len(shapes)
    ids, levels = np.arange(1, count + 1), np.array([1 + i % 3 for i in range(count)])
    return Polygons(ids, levels, np.array(since), np.array(until), shapes, shapely.STRtree(shapes))


def blobs(random: np.random.Generator, count: int) -> list[Any]:
    centres = shapely.points(111 + random.random(count) * 0.1, 30 + random.random(count) * 0.1)
    round_ones = list(shapely.buffer(centres, 0.005 + random.random(count) * 0.03))
    holed = shapely.difference(round_ones[0], shapely.buffer(shapely.centroid(round_ones[0]), 0.002))
    return [holed, shapely.box(111, 30, 111.05, 30.05), shapely.box(111.05, 30, 111.1, 30.05), *round_ones[1:]]


@settings(max_examples=25)
@given(seed=st.integers(0, 2**32 - 1), cells=st.sampled_from([16, 64, 200]))
def test_the_raster_says_what_the_polygons_say(seed: int, cells: int) -> None:
    random = np.random.default_rng(seed)
    shapes = blobs(random, 5)
    since = random.choice([0, 500, 1500], len(shapes)).tolist()
    until = random.choice([800, 2000, FOREVER], len(shapes)).tolist()
    world = polygons(shapes, since, np.maximum(until, np.array(since) + 1).tolist())
    raster = raster_of(world, now_us=NOW, cells=cells)
    # Anywhere, on the very corners of the borders, and on the edges of the raster's own cells.
    corners = shapely.get_coordinates(shapes)
    lat = np.concatenate((29.98 + random.random(3000) * 0.14, corners[:, 1]))
    lon = np.concatenate((110.98 + random.random(3000) * 0.14, corners[:, 0]))
    lat[:200] = raster.south + np.round((lat[:200] - raster.south) / raster.cell_lat) * raster.cell_lat
    lon[100:300] = raster.west + np.round((lon[100:300] - raster.west) / raster.cell_lon) * raster.cell_lon
    time_us = random.choice([0, 499, 500, 900, 1000, 1499, 1500, 5000], len(lat))
    said = raster.lookup(lat, lon, time_us)
    asked = world.deepest(lat, lon, time_us)
    sure = said != ASK
    assert (said[sure] == asked[sure]).all()
    assert sure.any()


def test_most_of_a_town_need_not_be_asked() -> None:
    columns, lines = np.meshgrid(np.arange(9), np.arange(6))
    shapes = list(shapely.box(columns, lines, columns + 1, lines + 1).ravel())
    world = polygons(shapes, [0] * 54, [FOREVER] * 54)
    raster = raster_of(world, now_us=NOW)
    assert (raster.ids == ASK).mean() < 0.1
    assert raster.lookup(np.array([0.5]), np.array([8.5]), np.array([-1])).tolist() == [ASK]


@settings(max_examples=60)
@given(seed=st.integers(0, 2**32 - 1), circles=st.sampled_from([1, 7, 300]), middle=st.sampled_from([-80.0, 0.0, 30.0]))
def test_cells_find_every_near_circle_and_no_other(seed: int, circles: int, middle: float) -> None:
    random = np.random.default_rng(seed)

    def places(count: int) -> tuple[Floats, Floats]:
        spread = random.choice([0.001, 0.02, 0.5])
        return middle + random.normal(size=count) * spread, 111 + random.normal(size=count) * spread

    lat, lon = places(circles)
    radius = random.choice([0.0, 30.0, 800.0, 20_000.0], circles)
    index = Nearness(lat, lon, radius)
    here_lat, here_lon = places(500)
    reach = random.choice([1.0, 300.0, 400.0, 401.0, 1013.0, 1200.0, 4289.7], 500)
    point, circle = index.near(here_lat, here_lon, reach)
    north = (here_lat[:, None] - lat) * M_PER_DEG
    east = (here_lon[:, None] - lon) * (M_PER_DEG * np.cos(np.radians(lat)))
    near = north * north + east * east <= (reach[:, None] + radius) ** 2
    assert sorted(zip(point.tolist(), circle.tolist(), strict=True)) == sorted(map(tuple, np.argwhere(near).tolist()))


def test_extremes_by_group() -> None:
    groups, least, greatest = extremes(np.array([5, 2, 5, 2, 9]), np.array([1, 7, 3, 4, 0]))
    assert (groups.tolist(), least.tolist(), greatest.tolist()) == ([2, 5, 9], [4, 1, 0], [7, 3, 0])
    assert [len(column) for column in extremes(np.empty(0, np.int64), np.empty(0, np.int64))] == [0, 0, 0]
