"""Datums and distances against points that others published."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.datum import bd09_to_gcj02, gcj02_to_wgs84, to_wgs84, wgs84_to_gcj02
from devices.geometry import distance_m, segment_distance_m, to_local_m

# WGS-84 and GCJ-02 of the same places, from the tests of eviltransform and the README of gcoord.
PAIRS = [
    ((31.1774276, 121.5272106), (31.17530398364597, 121.531541859215)),
    ((22.543847, 113.912316), (22.540796131694766, 113.9171764808363)),
    ((39.911954, 116.377817), (39.91334545536069, 116.38404722455657)),
    ((44.99804071, 122.99395597), (45.0, 123.0)),
]


@pytest.mark.parametrize(("wgs84", "gcj02"), PAIRS)
def test_published_points(wgs84: tuple[float, float], gcj02: tuple[float, float]) -> None:
    assert distance_m(*wgs84_to_gcj02(*wgs84), *gcj02) < 0.05
    assert distance_m(*gcj02_to_wgs84(*gcj02), *wgs84) < 0.05


def test_published_points_of_baidu() -> None:
    assert distance_m(*bd09_to_gcj02(39.915, 116.404), 39.90865673957631, 116.39762729119315) < 0.001
    assert distance_m(*to_wgs84(39.92196580126834, 116.41661560068297, "bd09"), 39.914266, 116.403988) < 0.2


@given(lat=st.floats(20, 50), lon=st.floats(75, 135))
def test_there_and_back_is_within_three_centimetres(lat: float, lon: float) -> None:
    assert distance_m(*gcj02_to_wgs84(*wgs84_to_gcj02(lat, lon)), lat, lon) < 0.03


@given(lat=st.floats(-80, 0.5), lon=st.floats(-180, 70))
def test_outside_china_nothing_moves(lat: float, lon: float) -> None:
    assert to_wgs84(lat, lon, "gcj02") == (lat, lon)
    assert to_wgs84(lat, lon, "wgs84") == (lat, lon)


def test_a_known_distance() -> None:
    # Shanghai to Beijing, published by eviltransform on a sphere of 6,378,137 m.
    on_our_sphere = 1_078_164 * 6_371_008.8 / 6_378_137
    assert distance_m(31.17530398364597, 121.531541859215, 39.91334545536069, 116.38404722455657) == pytest.approx(
        on_our_sphere, rel=1e-4
    )


def test_a_segment_passes_a_point() -> None:
    # From 50 m west to 50 m east, 10 m to the north.
    east = 50 / (math.radians(1) * 6_371_008.8 * math.cos(math.radians(30)))
    north = 10 / (math.radians(1) * 6_371_008.8)
    distance, share = segment_distance_m(30, 111, 30 + north, 111 - east, 30 + north, 111 + east)
    assert distance == pytest.approx(10, abs=0.01)
    assert share == pytest.approx(0.5)


def test_a_segment_of_no_length_is_its_point() -> None:
    assert segment_distance_m(30, 111, 30.001, 111, 30.001, 111)[0] == pytest.approx(distance_m(30, 111, 30.001, 111))


def test_the_shorter_way_round_the_antimeridian() -> None:
    east, _ = to_local_m(0, -179.999, 0, 179.999)
    assert 0 < east < 300
