"""When somebody may be tracked, as timelines: shifts with their margin, calls, dispatches, corrections."""

from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest

from rules.core.dated import Book
from rules.core.equipment import Custody, Device
from rules.core.fixes import Span
from rules.core.plans import Shift
from rules.core.staff import Post, Unit
from rules.core.tracking import Allowed, Call, Dispatch, Facts, Limits, Stand, allowed, has_calendar, unrostered
from rules.core.world import World

DAY = datetime(2026, 11, 21, tzinfo=UTC)
ALWAYS = datetime(2000, 1, 1, tzinfo=UTC)
ANY_DAY = frozenset(range(7))


def at(hour: float) -> datetime:
    return DAY + timedelta(hours=hour)


def shift(starts: int, ends: int, *, unit: str = "F-1", route: str = "R-1", **more: Any) -> Shift:
    its = {"code": "day", "name": "day", "days": ANY_DAY, "valid_from": ALWAYS, "rounds": 1, **more}
    return Shift(starts=time(starts), ends=time(ends), unit=unit, route=route, **its)


def custody(
    holder: str = "P-1", kind: str = "post", since: datetime = ALWAYS, until: datetime | None = None
) -> Custody:
    return Custody(code=holder, device=1, holder_kind=kind, valid_from=since, valid_to=until)


def town(
    *shifts: Shift, held: tuple[Custody, ...] = (custody(),), kind: str = "handset", unit: str | None = "F-1"
) -> World:
    return World(
        zone="UTC",
        units=Book(
            [
                Unit(code="F-1", name="f", kind="foot", valid_from=ALWAYS),
                Unit(code="C-1", name="c", kind="car", valid_from=ALWAYS),
            ]
        ),
        posts=Book([Post(code="P-1", name="p", unit=unit, grid=None, valid_from=ALWAYS)]),
        custody=held,
        shifts=shifts,
        devices=(Device(number=1, name="H-1", kind=kind),),
    )


def spans(
    world: World, facts: Facts | None = None, *, since: float = 0, until: float = 24, **limits: Any
) -> list[tuple[float, float, str]]:
    """Hours of the day from and to, and why; what lies outside the day is left out."""
    found = allowed(world, facts or Facts(), span=Span(at(since), at(until)), limits=Limits(**limits))
    return sorted(((it.start - DAY) / timedelta(hours=1), (it.end - DAY) / timedelta(hours=1), it.why) for it in found)


def test_a_shift_with_its_margin() -> None:
    assert spans(town(shift(8, 16))) == [(7.75, 16.25, "shift")]


def test_several_routes_are_one_shift() -> None:
    assert len(spans(town(shift(8, 16), shift(8, 16, route="R-2")))) == 1


def test_a_shift_over_midnight_is_whole_on_both_days() -> None:
    assert spans(town(shift(20, 4))) == [(-4.25, 4.25, "shift"), (19.75, 28.25, "shift")]


def test_a_later_look_finds_the_same_spans() -> None:
    world = town(shift(8, 16), shift(20, 4, code="night"))
    first = allowed(world, Facts(), span=Span(at(0), at(36)), limits=Limits())
    later = allowed(world, Facts(), span=Span(at(1.3), at(37.3)), limits=Limits())
    assert {it for it in first if it.end > at(1.3)} == {it for it in later if it.start < at(36)}


def test_a_handset_belongs_to_whoever_has_it() -> None:
    """Handed over at noon to a post whose unit has no shift today: the rest of the shift is not its time."""
    held = (custody(until=at(12)), custody("P-2", since=at(12)))
    world = town(shift(8, 16), shift(1, 2, unit="F-2"), held=held)
    posts = [*world.posts, Post(code="P-2", name="p", unit="F-2", grid=None, valid_from=ALWAYS)]
    world = World(**{**vars_of(world), "posts": Book(posts)})
    assert (7.75, 12.0, "shift") in spans(world)
    assert all(end <= 12 for _, end, why in spans(world) if why == "shift")


def vars_of(world: World) -> dict[str, Any]:
    return {name: getattr(world, name) for name in ("zone", "units", "custody", "shifts", "devices")}


@pytest.mark.parametrize(
    ("kind", "held"), [("vehicle", custody()), ("tag", custody()), ("handset", custody("C-1", "unit"))]
)
def test_who_is_not_bound_needs_no_spans_of_its_own(kind: str, held: Custody) -> None:
    assert spans(town(shift(8, 16), held=(held,), kind=kind)) == []


def test_a_unit_on_foot_holds_it_itself() -> None:
    assert spans(town(shift(8, 16), held=(custody("F-1", "unit"),))) == [(7.75, 16.25, "shift")]


def test_a_dispatch_brings_a_unit_on_duty_until_it_is_closed() -> None:
    world = town(shift(8, 16))
    still = Facts(dispatches=(Dispatch(unit="F-1", dispatched_at=at(20), closed_at=None),))
    over = Facts(dispatches=(Dispatch(unit="F-1", dispatched_at=at(20), closed_at=at(21)),))
    assert (20.0, 32.0, "dispatch") in spans(world, still), "at most so long: somebody may have forgotten it"
    assert (20.0, 21.25, "dispatch") in spans(world, over)
    other = Facts(dispatches=(Dispatch(unit="C-1", dispatched_at=at(20), closed_at=None),))
    assert [it for it in spans(world, other) if it[2] == "dispatch"] == []


def test_a_call_for_help_shows_where_somebody_was_and_is() -> None:
    world = town(shift(8, 16))
    assert (19.75, 22.0, "sos") in spans(world, Facts(calls=(Call(device=1, at=at(20), why="sos"),)))
    assert (19.75, 32.0, "sos") in spans(world, Facts(calls=(Call(device=1, at=at(20), why="sos", open=True),)))
    assert (20.0, 22.0, "lone_worker") in spans(world, Facts(calls=(Call(device=1, at=at(20), why="lone_worker"),)))


def test_a_static_post_is_duty() -> None:
    stand = Stand(unit="F-1", starts_at=at(18), ends_at=at(19))
    assert (17.75, 19.25, "static_post") in spans(town(shift(8, 16)), Facts(stands=(stand,)))


def test_a_leader_works_when_its_squad_does() -> None:
    world = town(shift(8, 16), unit=None)
    assert [why for *_, why in spans(world)] == ["no_roster"]
    facts = Facts(squads={"A": frozenset({"F-1"})}, squad_of={"P-1": "A"})
    assert spans(world, facts) == [(7.75, 16.25, "shift")]


def test_a_holder_who_never_had_a_shift_is_not_bound_and_is_named() -> None:
    world = town(shift(8, 16, unit="C-1"))
    assert [why for *_, why in spans(world)] == ["no_roster"]
    assert unrostered(world, Facts(), at=at(12)) == ("H-1",)
    assert unrostered(town(shift(8, 16)), Facts(), at=at(12)) == ()


def test_who_had_shifts_once_is_off_duty_now() -> None:
    world = town(shift(8, 16, valid_to=at(-100)))
    assert spans(world) == []
    assert has_calendar(world)
    assert not has_calendar(town())


def test_while_nobody_had_it_it_was_a_thing() -> None:
    world = town(shift(8, 16), held=(custody(until=at(10)), custody(since=at(14))))
    assert [(start, end) for start, end, why in spans(world) if why == "no_carrier"] == [(10.0, 14.0)]


def test_the_margin_can_be_set() -> None:
    assert spans(town(shift(8, 16)), margin=timedelta(hours=1)) == [(7.0, 17.0, "shift")]


def test_allowed_is_a_value() -> None:
    one = Allowed(device=1, start=at(1), end=at(2), why="shift")
    assert one == Allowed(device=1, start=at(1), end=at(2), why="shift")
