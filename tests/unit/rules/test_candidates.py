"""What is left out before a way is looked at closely never matters."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.core import visits
from rules.core.fixes import PACES, Fix, Span
from rules.core.places import Circle, Place, Polygon

START = datetime(2026, 11, 21, tzinfo=UTC)
PLACES: list[Place] = [
    Circle(30.0, 111.0, 30.0),
    Polygon(30.0, 111.0, ((29.9995, 110.9995), (29.9995, 111.0008), (30.0004, 111.0001))),
    Polygon(30.001, 111.001, ((29.9995, 110.9995), (29.9995, 111.0008), (30.0004, 111.0001))),
]
step = st.tuples(
    st.sampled_from([0, 1, 10, 30, 60, 200, 4000]),
    st.integers(-40, 40),
    st.integers(-40, 40),
    st.sampled_from([None, 3.0, 25.0, 80.0, 900.0]),
)


@given(
    steps=st.lists(step, max_size=40),
    place=st.sampled_from(PLACES),
    kind=st.sampled_from(sorted(PACES)),
    first=st.integers(-300, 2000),
    length=st.integers(0, 4000),
)
def test_a_close_look_at_everything_finds_the_same(
    steps: list[tuple[int, int, int, float | None]], place: Place, kind: str, first: int, length: int
) -> None:
    fixes: list[Fix] = []
    at, east, north = 0, 20, 20
    for number, (seconds, dx, dy, accuracy_m) in enumerate(steps):
        at, east, north = at + seconds, east + dx, north + dy
        place_at = (30 + north * 1e-4, 111 + east * 1e-4)
        fixes.append(Fix(START + timedelta(seconds=at), number, *place_at, accuracy_m))
    span = Span(START + timedelta(seconds=first), START + timedelta(seconds=first + length))
    found = visits.approaches(tuple(fixes), place, span=span, pace=PACES[kind])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(visits, "_candidates", lambda columns, _place, _inside: list(range(columns.lat.size)))
        everything = visits.approaches(tuple(fixes), place, span=span, pace=PACES[kind])
    assert found == everything
