"""Distances, segments, windows: the arithmetic below a visit."""

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.geometry import distance_m, segment_distance_m, to_local_m
from rules.core.fixes import PACES, Fix, Span, believable, ordered
from rules.core.visits import Circle, approaches, first_visit, nearest_approach
from tests.unit.rules.timeline import at, fix, place

FOOT = PACES["foot"]
CIRCLE = Circle(*place(0, 0), 30)
HOUR = Span(at(0), at(60))


def course(*fixes: Fix, span: Span = HOUR) -> list[float]:
    return [round(it.distance_m, 2) for it in approaches(ordered(fixes), CIRCLE, span=span, pace=FOOT)]


@pytest.mark.parametrize(("east_m", "north_m"), [(1000, 0), (0, 1000), (600, 800), (-707, 707)])
def test_the_plane_is_good_to_a_centimetre_in_a_kilometre(east_m: float, north_m: float) -> None:
    lat, lon = place(east_m, north_m)
    x, y = to_local_m(lat, lon, *place(0, 0))
    assert x == pytest.approx(east_m, abs=0.01)
    assert y == pytest.approx(north_m, abs=0.01)
    assert CIRCLE.distance_m(fix(0, east_m, north_m)) == pytest.approx(math.hypot(east_m, north_m), abs=0.05)


def test_the_nearest_point_of_a_segment_is_interpolated() -> None:
    found = nearest_approach(approaches((fix(0, -60, 25), fix(1, 40, 25)), CIRCLE, span=HOUR, pace=FOOT))
    assert found is not None
    assert found.distance_m == pytest.approx(25, abs=0.01)
    assert (found.at - at(0.6)).total_seconds() == pytest.approx(0, abs=0.01)


def test_a_segment_is_cut_at_the_borders_of_the_window() -> None:
    # It crosses the circle's middle half a minute after the window closed.
    assert min(course(fix(59.5, -100), fix(61.5, 100))) == pytest.approx(50, abs=0.1)
    assert min(course(fix(-1.5, 100), fix(0.5, -100))) == pytest.approx(50, abs=0.1)


def test_a_pass_is_the_first_one_and_its_nearest_distance_counts() -> None:
    track = (fix(1, -40), fix(1.5, -20), fix(2, -5), fix(2.5, 20), fix(3, 100), fix(4, 2))
    visit = first_visit(approaches(track, CIRCLE, span=HOUR, pace=FOOT), CIRCLE)
    assert visit is not None
    assert visit.at == at(1.5)
    assert visit.distance_m == pytest.approx(0, abs=0.01)


@pytest.mark.parametrize(
    ("minutes", "metres", "so"), [(2.1, 10, False), (0.5, 151, False), (0, 5, False), (2, 590, True)]
)
def test_a_movement_needs_time_and_a_possible_speed(minutes: float, metres: float, so: bool) -> None:
    assert believable(minutes * 60, metres, FOOT) is so
    track = (fix(1, -metres / 2, 5), fix(1 + minutes, metres / 2, 5))
    course = approaches(track, CIRCLE, span=HOUR, pace=FOOT)
    assert any(len(it.fixes) == 2 for it in course) is so


@given(st.lists(st.tuples(st.integers(0, 3600), st.integers(-200, 200), st.integers(-200, 200)), max_size=20))
def test_what_is_left_out_does_not_matter(steps: list[tuple[int, int, int]]) -> None:
    """The short way to the approaches gives what looking at every fix and every movement gives."""
    track = ordered(fix(second / 60, east, north) for second, east, north in steps)
    course = approaches(track, CIRCLE, span=HOUR, pace=FOOT)
    every = [CIRCLE.distance_m(it) for it in track]
    for a, b in pairwise(track):
        if believable((b.time - a.time).total_seconds(), distance_m(a.lat, a.lon, b.lat, b.lon), FOOT):
            every.append(segment_distance_m(CIRCLE.lat, CIRCLE.lon, a.lat, a.lon, b.lat, b.lon)[0])
    nearest = nearest_approach(course)
    assert (nearest is None) == (not every)
    if nearest:
        assert nearest.distance_m == pytest.approx(min(every), abs=0.02)
    assert (first_visit(course, CIRCLE) is not None) == any(it <= CIRCLE.radius_m for it in every)


def test_the_same_fix_twice_is_one_and_keeps_the_sooner_arrival() -> None:
    early, late = fix(1, 0, received=1), fix(1, 0, received=30)
    assert [it.received_at for it in ordered([late, early, late])] == [at(1)]
