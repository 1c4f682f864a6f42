"""P-1 answers for G-1 and must be there for ten minutes in each week; the week of 2026-11-16 ends on Sunday night."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta

import pytest

from rules.core.alerts import Clear, Intent, Raise
from rules.core.dated import Book
from rules.core.duties import Duty, Judgement, Verdict
from rules.core.fixes import Span
from rules.core.grids import GridPost
from rules.core.periods import periods
from rules.core.plans import VisitPlan
from rules.core.staff import Post
from rules.core.stays import HeldBy, Hour, LongView, Stay, promising, silences, stay_of
from rules.core.world import World
from rules.facts import Case, Group, Member
from tests.unit.rules.timeline import ALWAYS, at, duty_rule, names, plan, settings, walk, world

MONDAY = at(-5 * 1440 - 480)
HELD = HeldBy("R-01", "radio", "P-1", (Span(ALWAYS, at(1e6)),))


def visit_world(*, every: str = "week", times: int = 1, role: str = "grid_officer", level: int = 3) -> World:
    the_plan = VisitPlan(
        code="V-1", name="Visits", role=role, every=every, level=level, times=times, dwell_s=600, valid_from=ALWAYS
    )
    posts = Book([Post(code="P-1", name="Post", unit=None, grid="G-1", role="grid_officer", valid_from=ALWAYS)])
    return world(visit_plans=Book([the_plan]), posts=posts)


@pytest.fixture
def duty() -> Duty:
    return plan("missed_visit", visit_world())[0].duty


def hours(*, silent: Sequence[int] = ()) -> tuple[Hour, ...]:
    """The device reports each half minute through all working hours, but not in those hours of Wednesday."""
    found = []
    for day in range(7):
        for hour in range(9, 17):
            if day == 2 and hour in silent:
                continue
            start = MONDAY + timedelta(days=day, hours=hour)
            last = start + timedelta(minutes=59, seconds=30)
            found.append(Hour(device="R-01", hour=start, grid="G-9", fixes=120, first=start, last=last))
    return tuple(found)


def stay(day: int, minutes: float, *, tag: str | None = None) -> Stay:
    begins = MONDAY + timedelta(days=day, hours=10)
    return Stay(
        device="R-01",
        holder="P-1",
        day=date(2026, 11, 16 + day),
        dwell_s=minutes * 60,
        first_at=begins,
        last_at=begins + timedelta(minutes=minutes),
        tag=tag,
    )


def judged(duty: Duty, view: LongView | None, *, where: World | None = None, now: float = 10_000) -> Judgement:
    case = Case(duty=duty, world=where or visit_world(), settings=settings(), long=view)
    return duty_rule("missed_visit").judge(case, now=at(now))


def told(duty: Duty, found: Judgement | None, now: float) -> list[Intent]:
    after = replace(duty, verdict=found.verdict, reasons=found.reasons, met_at=found.met_at) if found else duty
    group = Group(
        key="k", round=None, members=(Member(duty=after),), world=visit_world(), settings=settings(), now=at(now)
    )
    return duty_rule("missed_visit").alerts(group)


def test_one_long_enough_stay_is_a_visit(duty: Duty) -> None:
    found = judged(duty, LongView(held=(HELD,), stays=(stay(0, 4), stay(3, 12)), hours=hours()))
    assert found.verdict is Verdict.MET
    assert names(found) == ["visits", "dwelt"]
    assert found.met_at == MONDAY + timedelta(days=3, hours=10, minutes=10)


def test_a_tag_that_was_read_there_is_a_visit(duty: Duty) -> None:
    found = judged(duty, LongView(held=(HELD,), stays=(stay(1, 0, tag="04AA"),), hours=hours()))
    assert found.verdict is Verdict.MET
    assert names(found) == ["visits", "scanned"]


def test_passing_through_is_missed_and_names_the_longest_stay(duty: Duty) -> None:
    found = judged(duty, LongView(held=(HELD,), stays=(stay(0, 4), stay(3, 7)), hours=hours()))
    assert found.verdict is Verdict.MISSED
    assert names(found) == ["visits", "dwelt"]
    assert found.reasons[1]["dwell_s"] == 420


def test_a_silent_hour_in_the_working_time_is_doubt(duty: Duty) -> None:
    found = judged(duty, LongView(held=(HELD,), hours=hours(silent=[11])))
    assert found.verdict is Verdict.IN_DOUBT
    assert names(found) == ["visits", "hole"]
    assert found.reasons[1]["gap_s"] == pytest.approx(3630)


def test_nobody_with_a_device_and_one_that_never_spoke_are_doubt(duty: Duty) -> None:
    assert names(judged(duty, LongView())) == ["visits", "no_device"]
    assert names(judged(duty, LongView(held=(HELD,)))) == ["visits", "silent_device"]


def test_two_visits_are_on_two_days() -> None:
    where = visit_world(times=2)
    duty = plan("missed_visit", where)[0].duty
    once = LongView(held=(HELD,), stays=(stay(0, 30),), hours=hours())
    assert judged(duty, once, where=where).verdict is Verdict.MISSED
    twice = replace(once, stays=(stay(0, 30), stay(4, 11)))
    assert judged(duty, twice, where=where).verdict is Verdict.MET


def test_what_is_still_to_come_is_told_once_and_cleared_by_the_visit(duty: Duty) -> None:
    assert told(duty, None, now=-2 * 1440) == []
    (soon,) = told(duty, None, now=0)  # Saturday morning; the notice is two days
    assert isinstance(soon, Raise)
    assert (soon.class_, soon.severity) == ("due_soon", "info")
    met = judged(duty, LongView(held=(HELD,), stays=(stay(5, 12),), hours=hours()))
    (gone,) = told(duty, met, now=10)
    assert isinstance(gone, Clear)
    assert gone.fingerprint == soon.fingerprint
    assert gone.event == "resolved"


def test_it_looks_again_at_the_notice_and_at_the_end(duty: Duty) -> None:
    found = judged(duty, LongView(held=(HELD,), hours=hours()), now=-10 * 60)
    assert found.look_again_at == at(-8 * 60)  # Friday midnight, two days before Sunday midnight
    last = judged(duty, LongView(held=(HELD,), hours=hours()), now=39 * 60)
    assert last.look_again_at == duty.due_at
    assert judged(duty, LongView(held=(HELD,), hours=hours())).look_again_at is None


def test_who_answers_for_a_grid() -> None:
    where = visit_world()
    only_a = replace(where, grid_posts=(GridPost(code="G-3", slot="B", post="P-1", valid_from=ALWAYS),))
    assert [it.duty.subject for it in plan("missed_visit", where)] == ["G-1"]
    assert [it.duty.subject for it in plan("missed_visit", only_a)] == ["G-1", "G-3"]
    above = Book([replace(where.posts.of("P-1")[0], grid="K-1")])
    assert [it.duty.subject for it in plan("missed_visit", replace(where, posts=above))] == ["G-1", "G-3"]
    assert [it.duty.subject for it in plan("missed_visit", visit_world(role="crew"))] == []


def test_weeks_months_and_quarters_of_the_zone() -> None:
    weeks = list(periods("week", since=at(0), until=at(10 * 1440), zone="Asia/Shanghai"))
    assert [it.name for it in weeks] == ["2026-11-16", "2026-11-23", "2026-11-30"]
    assert weeks[0].starts_at == MONDAY
    months = list(periods("month", since=at(0), until=at(20 * 1440), zone="Asia/Shanghai"))
    assert [it.name for it in months] == ["2026-11-01", "2026-12-01"]
    (quarter,) = periods("quarter", since=at(0), until=at(1440), zone="Asia/Shanghai")
    assert quarter.name == "2026-10-01"
    assert (quarter.ends_at - quarter.starts_at).days == 92
    (changed,) = periods("month", since=at(0), until=at(1), zone="America/New_York")
    assert (changed.ends_at - changed.starts_at) == timedelta(days=30, hours=1)  # clocks went back on 1 November


def test_a_stay_is_the_time_between_fixes_in_the_grid_and_gaps_end_it() -> None:
    inside = [replace(it, grid="G-1") for it in (*walk(0, 6, 0), *walk(20, 25, 0))]
    outside = [replace(it, grid="G-2") for it in walk(6.5, 19.5, 900)]
    coarse = [replace(it, grid="G-1") for it in walk(30, 40, 0, accuracy_m=500)]
    found = stay_of(
        [*inside, *outside, *coarse],
        held=HELD,
        day=date(2026, 11, 21),
        grids=frozenset({"G-1"}),
        span=Span(at(-480), at(960)),
        max_gap=timedelta(minutes=5),
        accuracy_m=100,
    )
    assert found is not None
    assert found.dwell_s == 11 * 60
    assert (found.first_at, found.last_at) == (at(0), at(25))


def test_hours_tell_which_days_are_worth_a_look() -> None:
    hour = Hour(device="R-01", hour=at(0), grid="G-1", fixes=30, first=at(10), last=at(25))
    short = replace(hour, hour=at(1440), first=at(1450), last=at(1451))
    days = promising(
        [hour, short],
        device="R-01",
        grids=frozenset({"G-1"}),
        dwell_s=600,
        max_gap=timedelta(minutes=5),
        zone="Asia/Shanghai",
    )
    assert days == [date(2026, 11, 21)]


def test_too_few_fixes_in_an_hour_count_as_a_hole() -> None:
    thin = Hour(device="R-01", hour=at(0), grid=None, fixes=20, first=at(0), last=at(59))
    found = silences([thin], device="R-01", watch=[Span(at(0), at(60))], interval_s=30, least_s=600)
    assert found == [Span(at(0), at(60))]
