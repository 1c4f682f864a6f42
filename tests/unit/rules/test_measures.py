"""What verdicts come to: rates of what counts, from counts that add up; who is on duty; who answers for what."""

from collections.abc import Mapping
from dataclasses import fields
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.core.dated import Book
from rules.core.fixes import Span
from rules.core.grids import GradePolicy, Grid, GridPost
from rules.core.measures import Counted, CountsAs, Presence, Tally, counts_as, on_duty, tallies, together, whole_hours
from rules.core.reasons import Why
from rules.core.staff import Post
from rules.core.territory import stands
from tests.unit.rules.timeline import ALWAYS, at, point, shift, world

KINDS = st.sampled_from(list(CountsAs))
COUNTED = st.builds(
    Counted,
    grid=st.sampled_from(["B1", "B2", None]),
    squad=st.sampled_from(["A", "B", None]),
    unit=st.sampled_from(["U1", "U2", None]),
    counts_as=KINDS,
    n=st.integers(0, 50),
)


def reasons(*names: str) -> list[Mapping[str, Any]]:
    return [{"reason": name} for name in names]


@pytest.mark.parametrize(
    ("state", "verdict", "why", "expected"),
    [
        ("final", "met", [], CountsAs.MET),
        ("open", None, [], CountsAs.PENDING),
        ("superseded", "missed", [], CountsAs.SUPERSEDED),
        ("final", "waived", [], CountsAs.WAIVED),
        ("final", "in_doubt", reasons(Why.HOLE, Why.NEAREST_FIX), CountsAs.DEVICE_FAULT),
        ("final", "in_doubt", reasons(Why.SILENT_DEVICE, Why.ACCURACY), CountsAs.DEVICE_FAULT),
        ("final", "in_doubt", reasons(Why.INGEST_BEHIND), CountsAs.DEVICE_FAULT),
        ("final", "in_doubt", reasons(Why.MOCK, Why.HOLE), CountsAs.IN_DOUBT),
        ("final", "in_doubt", reasons(Why.NO_DEVICE), CountsAs.IN_DOUBT),
        ("final", "in_doubt", reasons(Why.NEAREST_FIX), CountsAs.IN_DOUBT),
        ("final", "in_doubt", [], CountsAs.IN_DOUBT),
    ],
)
def test_what_a_duty_counts_as(state: str, verdict: str | None, why: list[Any], expected: CountsAs) -> None:
    assert counts_as(state, verdict, why) is expected


def test_every_kind_has_a_place_in_the_tally() -> None:
    assert {it.name for it in fields(Tally)} == {str(kind) for kind in CountsAs}


def test_rates_are_of_what_counts() -> None:
    tally = Tally(met=6, late=2, missed=1, in_doubt=1, device_fault=5, waived=3, superseded=2, pending=9)
    assert (tally.total, tally.counted, tally.taken_out) == (29, 10, 10)
    assert (tally.arrival.value, tally.missing.value, tally.punctuality.value) == (0.8, 0.1, 0.75)


def test_from_nothing_there_is_no_rate() -> None:
    nothing = Tally(device_fault=3, pending=2)
    assert [rate.value for rate in (nothing.arrival, nothing.missing, nothing.punctuality)] == [None, None, None]


@given(st.lists(COUNTED, max_size=30), st.sampled_from(["grid", "squad", "unit"]))
def test_the_parts_are_the_whole(counted: list[Counted], by: str) -> None:
    whole = sum((Tally(**{str(it.counts_as): it.n}) for it in counted), Tally())
    parts = tallies(counted, by=by)
    assert sum(parts.values(), Tally()) == whole
    for tally in parts.values():
        assert tally.total == tally.counted + tally.taken_out + tally.pending
        for rate in (tally.arrival, tally.missing, tally.punctuality):
            assert rate.value is None or 0 <= rate.value <= 1


def test_only_units_on_duty_and_only_what_they_hold_then() -> None:
    its = world(shifts=(shift("08:00", "09:00"),))
    spells = on_duty(its, Span(at(-60), at(180)))
    assert {it.unit for it in spells} == {"U-1"}
    assert all(it.span == Span(at(0), at(60)) for it in spells)
    assert on_duty(its, Span(at(61), at(180))) == []


def presence(grid: str, *, seen: int, passes: int, km: float, hours: int = 10) -> Presence:
    return Presence(
        grid=grid,
        hours=hours,
        hours_seen=seen,
        passes=passes,
        minutes=hours * 60,
        minutes_staffed=seen * 20,
        road_km=km,
        road_km_hours=km * hours,
    )


def test_presence_of_several_grids_is_that_of_their_hours() -> None:
    both = together([presence("A", seen=5, passes=8, km=2.0), presence("B", seen=1, passes=1, km=3.0)], grid="all")
    assert (both.sight.n, both.sight.of, both.sight.value) == (6, 20, 0.3)
    assert (both.staffed.n, both.staffed.of) == (120, 1200)
    assert presence("A", seen=5, passes=8, km=2.0).density == 0.4
    assert presence("A", seen=5, passes=8, km=0.0).density is None
    assert presence("A", seen=0, passes=0, km=1.0, hours=0).sight.value is None


def test_density_of_several_grids_is_the_mean_over_their_roads() -> None:
    one = presence("A", seen=5, passes=8, km=2.0)
    assert together([one], grid="A") == one
    assert together([one, presence("B", seen=5, passes=12, km=3.0)], grid="all").density == 0.4


def test_only_whole_hours_that_are_known_count() -> None:
    hour = timedelta(hours=1)
    start = datetime.fromisoformat("2026-11-20T08:20:00Z")
    assert whole_hours(Span(start, start + 5 * hour), start + 2 * hour) == Span(
        start + timedelta(minutes=40), start + timedelta(minutes=100)
    )
    nothing = whole_hours(Span(start, start + 5 * hour), start - hour)
    assert nothing.start == nothing.end


def test_a_grid_says_who_answers_what_it_asks_and_what_is_wanting() -> None:
    grids = [
        Grid(code="T", name="town", level=1, parent=None, grade=None, valid_from=ALWAYS),
        Grid(code="B1", name="one", level=2, parent="T", grade=4, valid_from=ALWAYS),
        Grid(code="B2", name="two", level=2, parent="T", grade=1, valid_from=ALWAYS),
        Grid(code="F", name="fire", level=1, parent=None, grade=None, hierarchy="fire", valid_from=ALWAYS),
    ]
    its = world(
        grids=Book(grids),
        posts=Book(
            [
                Post(code="P-1", name="first", unit="U-1", grid=None, valid_from=ALWAYS),
                Post(code="P-2", name="gone", unit=None, grid=None, valid_from=ALWAYS, valid_to=at(0)),
            ]
        ),
        checkpoints=Book([point("C-1", 0, grid="B1"), point("C-2", 10, grid="B1")]),
        shifts=(shift("08:00", "09:00", rounds=2),),
        grid_posts=(
            GridPost(code="B1", slot="A", post="P-1", valid_from=ALWAYS),
            GridPost(code="B1", slot="B", post="P-2", valid_from=ALWAYS),
        ),
        grade_policies=Book([GradePolicy(code="4", rounds=3, staff=2, valid_from=ALWAYS)]),
    )
    one, two = stands(its, at(10))
    assert (one.grid.code, one.posts, one.vacant) == ("B1", {"A": "P-1", "B": "P-2"}, ("B",))
    assert one.policy is not None
    assert (one.policy.rounds, one.grade) == (3, 4)
    assert [(it.posts, it.rounds) for it in one.staffing] == [(("P-1",), 2)]
    assert one.short == (one.staffing[0].shift,)
    assert (two.vacant, two.policy, two.staffing) == (("A", "B"), None, ())
