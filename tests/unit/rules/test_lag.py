"""While ingest is behind a reproach waits, then blames nobody; nothing becomes final; what is proven does not care."""

from dataclasses import replace

import pytest

from rules.core.duties import Duty, Judgement, State, Verdict, stand
from rules.core.lag import tempered
from tests.unit.rules.timeline import at

DUTY = Duty(
    rule="missed_checkpoint",
    key="k",
    subject="C-1",
    opens_at=at(0),
    due_at=at(60),
    settles_at=at(62),
    final_at=at(1000),
)
MISSED = Judgement(verdict=Verdict.MISSED, reasons=({"reason": "nearest_fix"},))


@pytest.mark.parametrize("caught_up", [None, at(62), at(61.95), at(500)])
def test_who_has_caught_up_is_believed(caught_up: object) -> None:
    assert tempered(DUTY, MISSED, now=at(62), caught_up_to=caught_up) is MISSED  # type: ignore[arg-type]


def test_a_reproach_waits_five_minutes_and_then_blames_nobody() -> None:
    waits = tempered(DUTY, MISSED, now=at(62), caught_up_to=at(50))
    standing = stand(DUTY, waits, now=at(62))
    assert (standing.verdict, standing.reasons) == (None, ())
    assert standing.judge_at is not None
    assert at(62) < standing.judge_at < at(62.2)

    last = tempered(DUTY, MISSED, now=at(66.99), caught_up_to=at(50))
    assert (last.verdict, last.look_again_at) == (None, at(67))

    doubts = stand(DUTY, tempered(DUTY, MISSED, now=at(67), caught_up_to=at(50)), now=at(67))
    assert doubts.verdict is Verdict.IN_DOUBT
    assert doubts.reasons[0] == {"reason": "ingest_behind", "caught_up_at": "2026-11-21T00:50:00.000Z"}
    assert doubts.reasons[1:] == MISSED.reasons
    assert doubts.judge_at == at(68)

    told = replace(DUTY, verdict=Verdict.IN_DOUBT)
    assert tempered(told, MISSED, now=at(300), caught_up_to=at(50)).verdict is Verdict.IN_DOUBT
    assert tempered(told, MISSED, now=at(300), caught_up_to=at(299)) is MISSED


@pytest.mark.parametrize("verdict", [Verdict.MET, Verdict.LATE, Verdict.EARLY, Verdict.WAIVED, None])
def test_what_blames_nobody_is_said_as_it_is(verdict: Verdict | None) -> None:
    found = Judgement(verdict=verdict)
    assert tempered(DUTY, found, now=at(62), caught_up_to=at(1)) is found


def test_before_it_has_settled_and_when_it_is_final_nothing_changes() -> None:
    for minute in (30, 61):
        assert tempered(DUTY, MISSED, now=at(minute), caught_up_to=at(1)) is MISSED
    final = replace(DUTY, state=State.FINAL, verdict=Verdict.MET)
    assert tempered(final, MISSED, now=at(1000), caught_up_to=at(1)) is MISSED
    assert stand(DUTY, MISSED, now=at(1000)).state is State.FINAL


def test_nothing_becomes_final_while_its_data_may_be_in_the_queue() -> None:
    """Four days without a broker: the rules are back before the backlog is drained."""
    late = tempered(DUTY, MISSED, now=at(1000), caught_up_to=at(1))
    standing = stand(DUTY, late, now=at(1000))
    assert (standing.state, standing.verdict) == (State.PROVISIONAL, Verdict.IN_DOUBT)
    assert standing.reasons[0]["reason"] == "ingest_behind"
    assert standing.judge_at == at(1001)
    said = replace(DUTY, verdict=Verdict.MISSED)
    standing = stand(said, tempered(said, MISSED, now=at(1000), caught_up_to=at(1)), now=at(1000))
    assert (standing.state, standing.verdict, standing.judge_at) == (State.PROVISIONAL, Verdict.MISSED, at(1001))

    drained = stand(DUTY, tempered(DUTY, MISSED, now=at(1010), caught_up_to=at(1009)), now=at(1010))
    assert (drained.state, drained.verdict, drained.judge_at) == (State.FINAL, Verdict.MISSED, None)
    never = stand(DUTY, tempered(DUTY, MISSED, now=at(1940), caught_up_to=at(1)), now=at(1940))
    assert (never.state, never.verdict) == (State.FINAL, Verdict.MISSED)


def test_what_was_said_when_all_was_there_stays() -> None:
    told = replace(DUTY, verdict=Verdict.MISSED)
    assert tempered(told, MISSED, now=at(64), caught_up_to=at(1)) is MISSED
