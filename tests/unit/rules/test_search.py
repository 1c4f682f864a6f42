"""Leaving devices out changes no judgement: towns made up at random, judged whole and by the few that were searched."""

from collections.abc import Sequence
from dataclasses import replace
from math import hypot

from hypothesis import given, settings
from hypothesis import strategies as st

from devices.geometry import to_local_m
from rules.core.duties import Duty, Judgement
from rules.core.equipment import Device, Tracker
from rules.core.fixes import Fix, Span
from rules.core.places import Circle
from rules.core.presence import Tracked
from rules.core.search import AROUND, Glimpse, Look, Near, Search
from rules.facts import Case, IncidentFacts
from tests.unit.rules.timeline import ALWAYS, at, duty_rule, judge, place, plan, tracked, walk, world
from tests.unit.rules.timeline import settings as no_settings

MIDDLE = place(0, 0)
INCIDENT = IncidentFacts(
    id=7,
    number="I-20261121-0007",
    kind="fire_hazard",
    lat=MIDDLE[0],
    lon=MIDDLE[1],
    radius_m=50,
    grid=None,
    unit=None,
    dispatched_at=at(0),
    closed_at=None,
)
METRES = st.sampled_from([0, 30, 52, 70, 300, 340, 900, 1040, 1070, 3000, 3900, 4990, 6000, 20_000])


@st.composite
def fixes_of(draw: st.DrawFn) -> list[Fix]:
    """A device that goes here and there with holes between, sometimes without accuracy or with made-up places."""
    start = draw(st.sampled_from([-12, -3, -0.5, 0, 3, 5.5]))
    found: list[Fix] = []
    for _ in range(draw(st.integers(0, 4))):
        length = draw(st.sampled_from([0, 0.5, 4, 10]))
        east, north = draw(METRES), draw(METRES)
        accuracy_m = draw(st.sampled_from([6.0, 6.0, 6.0, None, 400.0]))
        flags = draw(st.sampled_from([0, 0, 0, 0, 1]))
        found += walk(start, start + length, east, north, accuracy_m=accuracy_m, flags=flags)
        start += length + draw(st.sampled_from([0.25, 0.5, 1.5, 2, 3, 20]))
    return found


@st.composite
def towns(draw: st.DrawFn) -> list[Tracked]:
    found = []
    for number in range(draw(st.sampled_from([0, 1, 7, 9, 24]))):
        spell = draw(st.sampled_from([None, None, None, Span(at(2), at(30)), Span(ALWAYS, at(3))]))
        kind = draw(st.sampled_from(["foot", "car"]))
        found.append(tracked(draw(fixes_of()), device=f"H-{number:02d}", kind=kind, spell=spell))
    return found


def the_duty() -> Duty:
    (planned,) = plan("response_time", world(), incidents=[INCIDENT])
    return replace(planned.duty, id=1)


def glimpses(town: Sequence[Tracked], circle: Circle, look: Look) -> dict[int, Glimpse]:
    """What the database would say, reckoned fix by fix."""
    found = {}
    around = look.span.widened(before=AROUND, after=AROUND)
    for number, it in enumerate(town):
        places = [
            (one.time in look.span, *to_local_m(one.lat, one.lon, circle.lat, circle.lon))
            for one in it.fixes
            if one.credible and one.time in around
        ]
        in_box = [(inside, hypot(x, y)) for inside, x, y in places if max(abs(x), abs(y)) <= look.box_m]
        if in_box:
            nearest = [metres for inside, metres in in_box if inside]
            found[number] = Glimpse(len(nearest), min(nearest, default=None), min(metres for _, metres in in_box))
    return found


def searched(town: Sequence[Tracked], near: Near) -> list[Tracked]:
    """Those whose fixes would be read."""
    trackers = [
        Tracker(Device(number, it.device, it.kind), it.holder, "U-1", it.spells) for number, it in enumerate(town)
    ]
    search = Search(near=near, trackers=trackers, paces=[it.pace for it in town])
    while True:
        if search.look:
            search.seen(search.look, glimpses(town, near.place, search.look))
        chosen = [town[it.device.number] for it in search.trackers if it.device.number in search.chosen]
        if not search.widen(chosen):
            return chosen


def near_of(duty: Duty) -> Near:
    case = Case(duty=duty, world=world(), settings=no_settings(), incident=INCIDENT)
    need = duty_rule("response_time").need(case)
    assert need is not None
    assert need.near is not None
    return need.near


def both(town: Sequence[Tracked], chosen: Sequence[Tracked], duty: Duty) -> list[tuple[Judgement, Judgement]]:
    """Judged whole and by the chosen ones, by all there is and by what was there when it settled."""
    found = []
    for minute in (10_000.0, 6.0):
        whole, few = ([it.until(at(minute)) for it in its] for its in (town, chosen))
        found.append(
            (judge(duty, *whole, incident=INCIDENT, now=minute), judge(duty, *few, incident=INCIDENT, now=minute))
        )
    return found


@settings(max_examples=300)
@given(towns())
def test_the_few_give_the_judgement_of_all(town: list[Tracked]) -> None:
    duty = the_duty()
    chosen = searched(town, near_of(duty))
    final, early = both(town, chosen, duty)
    assert final[1] == final[0]
    if final[0].verdict != "met":  # a back-test asks what was known earlier only of what was not in time
        assert early[1] == early[0]


def test_a_large_town_is_left_out() -> None:
    duty = the_duty()
    town = [tracked(walk(-5, 20, 200 * n, 8000), device=f"H-{n:04d}") for n in range(400)]
    came = tracked([*walk(-5, 2, 600), *walk(3, 20, 20)], device="H-9999")
    town.append(came)
    chosen = searched(town, near_of(duty))
    assert came in chosen
    assert len(chosen) < 40
    assert all(few == whole for whole, few in both(town, chosen, duty))


def test_who_was_in_sight_far_away_is_found() -> None:
    duty = the_duty()
    silent = [tracked(walk(-5, 1, 200 + n), device=f"H-{n:04d}") for n in range(30)]
    watchful = tracked(walk(-5, 20, 30_000), device="H-9999")
    town = [*silent, watchful]
    chosen = searched(town, near_of(duty))
    assert watchful in chosen
    assert all(few == whole for whole, few in both(town, chosen, duty))
    assert judge(duty, *chosen, incident=INCIDENT).verdict == "missed"
    assert judge(duty, *silent, incident=INCIDENT).verdict == "in_doubt"


def test_a_named_unit_is_read_whole() -> None:
    case = Case(duty=replace(the_duty(), unit="U-1"), world=world(), settings=no_settings(), incident=INCIDENT)
    need = duty_rule("response_time").need(case)
    assert need is not None
    assert need.near is None
