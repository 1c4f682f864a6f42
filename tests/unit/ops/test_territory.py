"""Borders, ground, neighbours and balance of grids: squares of a hundredth of a degree and what is cut from them."""

from itertools import pairwise

import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from shapely.geometry.base import BaseGeometry

from ops.town.adjacency import neighbours
from ops.town.balance import gini, road_km
from ops.town.ground import grounds, without_ground
from ops.town.topology import Area, Flaw, Thing, area_flaws, leaves, thing_flaws

STEP = 0.01  # degrees: 1,112 m to the north and 956 m to the east
SOUTH, WEST = 30.69, 111.28


def box(column: float, row: float, columns: float = 1, rows: float = 1) -> shapely.Polygon:
    west, south = WEST + column * STEP, SOUTH + row * STEP
    return shapely.box(west, south, west + columns * STEP, south + rows * STEP)


def area(code: str, shape: BaseGeometry, parent: str | None = "T", hierarchy: str = "patrol", level: int = 2) -> Area:
    return Area(code=code, name=code, parent=parent, hierarchy=hierarchy, level=level, shape=shape)


def town(*cells: Area) -> list[Area]:
    return [area("T", box(0, 0, 2, 1), parent=None, level=1), *cells]


def said(flaws: list[Flaw]) -> list[tuple[str, tuple[str, ...]]]:
    return [(flaw.kind, flaw.codes) for flaw in flaws]


def test_a_clean_cut_has_no_flaw() -> None:
    assert area_flaws(town(area("A", box(0, 0)), area("B", box(1, 0)))) == []


def test_a_gap_says_where_and_how_large() -> None:
    (gap,) = area_flaws(town(area("A", box(0, 0, 0.9)), area("B", box(1, 0))))
    assert (gap.kind, gap.codes) == ("gap", ("T",))
    assert gap.size_m2 == pytest.approx(95.6 * 1112, rel=0.01)
    assert gap.share == pytest.approx(0.05, abs=0.001)
    assert "10.6 ha around 30.69500, 111.28950" in gap.what
    assert gap.shape.normalize().equals_exact(box(0.9, 0, 0.1).normalize(), 1e-6)


def test_an_overlap_and_one_who_leaves_the_parent() -> None:
    flaws = area_flaws(town(area("A", box(0, 0, 1.1)), area("B", box(1, 0, 1.2))))
    assert said(flaws) == [("outside_parent", ("B", "T")), ("overlap", ("B", "A"))]


@pytest.mark.parametrize(("metres", "flawed"), [(4, False), (40, True)])
def test_a_kerb_drawn_twice_is_let_pass(metres: float, flawed: bool) -> None:
    narrow = metres / 956
    gap = area_flaws(town(area("A", box(0, 0, 1 - narrow)), area("B", box(1, 0))))
    overlap = area_flaws(town(area("A", box(0, 0, 1 + narrow)), area("B", box(1, 0))))
    assert (bool(gap), bool(overlap)) == (flawed, flawed)


def test_roads_and_points_in_none_and_in_two() -> None:
    areas = town(area("A", box(0, 0, 1.1)), area("B", box(1, 0)))
    y = SOUTH + STEP / 2

    def road(code: str, start: float, end: float) -> Thing:
        line = shapely.LineString([(WEST + start * STEP, y), (WEST + end * STEP, y)])
        return Thing(kind="road", code=code, name=code, shape=line)

    def point(code: str, column: float) -> Thing:
        return Thing(kind="checkpoint", code=code, name=code, shape=shapely.Point(WEST + column * STEP, y))

    inside = [road("fine", 0.1, 0.9), point("p", 0.5)]
    assert thing_flaws(areas, inside) == []
    flaws = thing_flaws(areas, [road("out", 1.5, 2.5), road("both", 0.5, 1.5), point("far", 2.2), point("torn", 1.05)])
    assert said(flaws) == [
        ("road_in_none", ("out",)),
        ("road_in_two", ("both", "A", "B")),
        ("point_in_none", ("far",)),
        ("point_in_two", ("torn", "A", "B")),
    ]
    assert flaws[0].length_m == pytest.approx(478 - 10, abs=3)
    assert flaws[1].length_m == pytest.approx(95.6, rel=0.02)
    assert flaws[2].length_m == pytest.approx(191, rel=0.02)


def test_base_grids_are_those_that_nothing_lies_below_at_any_depth() -> None:
    deep = [area("T", box(0, 0, 2), None, level=1), area("C", box(0, 0)), area("D", box(1, 0))]
    deep += [area("C1", box(0, 0, 0.5), "C", level=3), area("C2", box(0.5, 0, 0.5), "C", level=3)]
    deep += [area("C11", box(0, 0, 0.2), "C1", level=4), area("C12", box(0.2, 0, 0.3), "C1", level=4)]
    assert {it.code for it in leaves(deep)} == {"C11", "C12", "C2", "D"}
    assert area_flaws(deep) == []


def fire(*shapes: tuple[str, shapely.Polygon]) -> list[Area]:
    whole = shapely.union_all([shape for _, shape in shapes])
    return [
        area("F", whole, None, "fire", 1),
        *(area(code, shape, "F", "fire") for code, shape in shapes),
    ]


def test_a_base_grid_belongs_to_whom_most_of_it_lies_with() -> None:
    patrol = town(area("A", box(0, 0)), area("B", box(1, 0)))
    found = grounds([*patrol, *fire(("F1", box(0, 0, 1.4)), ("F2", box(1.4, 0, 0.6)))])
    assert {(it.grid, it.ground) for it in found} == {("F1", "A"), ("F2", "B"), ("F", "A"), ("F", "B"), ("F", "T")}
    assert next(it.share for it in found if (it.grid, it.ground) == ("F2", "B")) == pytest.approx(0.6, abs=0.001)


def test_what_lies_in_a_hierarchy_for_less_than_half_belongs_to_none_of_it() -> None:
    patrol = town(area("A", box(0, 0)), area("B", box(1, 0)))
    areas = [*patrol, *fire(("F1", box(0, 0, 1.4)), ("F9", box(0, 3)))]
    found = grounds(areas)
    assert {(it.grid, it.ground) for it in found} == {("F1", "A"), ("F", "A")}
    assert [flaw.codes for flaw in without_ground(areas, found)] == [("F9",)]


@given(st.lists(st.floats(0.05, 1.95), min_size=1, max_size=4, unique=True))
def test_however_it_is_cut_nobody_shares_a_base_grid(cuts: list[float]) -> None:
    patrol = town(area("A", box(0, 0)), area("B", box(1, 0)))
    edges = [0.0, *sorted(cuts), 2.0]
    cells = [(f"F{n}", box(a, 0, b - a)) for n, (a, b) in enumerate(pairwise(edges)) if b - a > 1e-6]
    areas = [*patrol, *fire(*cells)]
    base = {it.code for it in leaves(areas)}
    found = [it for it in grounds(areas) if it.grid in base and it.ground in base]
    assert sorted(it.ground for it in found) == ["A", "B"]


def test_neighbours_share_a_border_not_a_corner() -> None:
    cells = [area(f"{x}{y}", box(x, y)) for x in range(2) for y in range(2)]
    found = neighbours(cells[0], cells)
    assert [it.code for it in found] == ["10", "01"]
    assert [it.border_m for it in found] == pytest.approx([1112, 956], rel=0.005)


def test_neighbours_across_a_kerb_are_neighbours() -> None:
    here, there = area("A", box(0, 0, 1 - 3 / 956)), area("B", box(1, 0))
    assert [it.code for it in neighbours(here, [here, there])] == ["B"]
    far = area("C", box(1.1, 0))
    assert neighbours(here, [here, far]) == []


def test_a_road_on_a_border_counts_half_to_each_side() -> None:
    areas = [area("A", box(0, 0)), area("B", box(1, 0))]
    x, y = WEST + STEP, SOUTH
    border = shapely.LineString([(x, y), (x, y + STEP)])
    across = shapely.LineString([(WEST, y + STEP / 2), (WEST + 2 * STEP, y + STEP / 2)])
    assert road_km(areas, [border]) == {"A": pytest.approx(0.556, abs=0.002), "B": pytest.approx(0.556, abs=0.002)}
    assert road_km(areas, [across]) == {"A": pytest.approx(0.956, abs=0.002), "B": pytest.approx(0.956, abs=0.002)}
    assert road_km(areas, []) == {"A": 0, "B": 0}


@pytest.mark.parametrize(
    ("values", "expected"), [([], None), ([0, 0], None), ([3, 3, 3], 0), ([0, 0, 0, 8], 0.75), ([1, 3], 0.25)]
)
def test_gini(values: list[float], expected: float | None) -> None:
    assert gini(values) == expected
