"""Rounds drawn by lot, and what people found."""

from dataclasses import replace

from rules.catalog.spot_check import lot
from rules.core.alerts import Clear, Intent, Raise
from rules.core.duties import Duty, Verdict
from rules.facts import Answer, Case, Group, Member
from tests.unit.rules.timeline import at, duty_rule, plan, settings, shift, world

ALL = settings(spot_check={"share": 1.0})


def checked(outcome: str, *, minute: float = 120) -> Answer:
    return Answer(outcome=outcome, note="asked the school", answered_at=at(minute), answered_by="leader")


def told(duty: Duty, answer: Answer | None) -> tuple[Verdict | None, Intent]:
    rule = duty_rule("spot_check")
    found = rule.judge(Case(duty=duty, world=world(), settings=ALL, answer=answer), now=at(20_000))
    after = replace(duty, verdict=found.verdict, reasons=found.reasons, met_at=found.met_at)
    group = Group(key="k", round=None, members=(Member(duty=after),), world=world(), settings=ALL, now=at(20_000))
    return found.verdict, rule.alerts(group)[0]


def test_each_round_that_is_drawn_is_a_duty_of_nobodys_unit() -> None:
    (planned,) = plan("spot_check", world(), book=ALL)
    duty = planned.duty
    assert duty.key == "spot_check/day/U-1/R-1/2026-11-21/1"
    assert (duty.opens_at, duty.due_at, duty.unit) == (at(60), at(60 + 7 * 24 * 60), None)
    assert duty.context["unit"] == "U-1"


def test_the_lot_is_the_same_each_time_and_about_as_often_as_asked() -> None:
    some = settings(spot_check={"share": 0.2})
    where = world(shifts=(shift("00:00", "23:00", rounds=20),))
    first, again = ([it.duty.key for it in plan("spot_check", where, book=some, hours=24 * 30)] for _ in range(2))
    assert first == again
    assert 80 < len(first) < 160  # 600 rounds
    assert all(lot(key.removeprefix("spot_check/")) < 0.2 for key in first)


def test_no_answer_in_time_is_missed_and_a_later_one_late() -> None:
    duty = plan("spot_check", world(), book=ALL)[0].duty
    verdict, said = told(duty, None)
    assert verdict is Verdict.MISSED
    assert isinstance(said, Raise)
    assert said.title == "Nobody has checked the round of U-1 on R-1 that ended 2026-11-21 09:00"
    verdict, said = told(duty, checked("confirmed", minute=60 + 8 * 24 * 60))
    assert verdict is Verdict.LATE
    assert isinstance(said, Clear)


def test_a_round_that_is_confirmed_is_closed_and_one_that_is_not_raises_an_alert() -> None:
    duty = plan("spot_check", world(), book=ALL)[0].duty
    verdict, said = told(duty, checked("confirmed"))
    assert verdict is Verdict.MET
    assert isinstance(said, Clear)
    verdict, said = told(duty, checked("not_confirmed"))
    assert verdict is Verdict.MET
    assert isinstance(said, Raise)
    assert (said.class_, said.severity, said.unit) == ("not_confirmed", "high", "U-1")
