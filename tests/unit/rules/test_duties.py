"""What may be said about a duty at which time, and when to look again."""

from datetime import timedelta
from itertools import pairwise

import pytest

from rules.core.duties import Duty, Judgement, State, Verdict, stand, state_at
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


@pytest.mark.parametrize(
    ("minute", "state"),
    [(-1, "planned"), (0, "open"), (59, "open"), (60, "waiting"), (62, "provisional"), (1000, "final")],
)
def test_time_gives_the_state(minute: float, state: str) -> None:
    assert state_at(DUTY, at(minute)) == state


@pytest.mark.parametrize("verdict", [Verdict.MISSED, Verdict.IN_DOUBT, Verdict.EARLY])
def test_no_reproach_before_it_settled(verdict: Verdict) -> None:
    found = Judgement(verdict=verdict, reasons=({"reason": "hole"},))
    before, after = stand(DUTY, found, now=at(61)), stand(DUTY, found, now=at(62))
    assert (before.verdict, before.reasons, before.judge_at) == (None, (), at(62))
    assert after.verdict is verdict


def test_good_news_is_said_at_once() -> None:
    found = stand(DUTY, Judgement(verdict=Verdict.MET, met_at=at(10)), now=at(11))
    assert (found.state, found.verdict, found.met_at, found.judge_at) == (State.OPEN, Verdict.MET, at(10), at(62))
    assert stand(DUTY, Judgement(verdict=Verdict.MET), now=at(70)).judge_at == at(1000)


def test_doubt_is_looked_at_again_ever_more_seldom_and_never_after_the_end() -> None:
    found = Judgement(verdict=Verdict.IN_DOUBT)
    looks = [at(62)]
    while (again := stand(DUTY, found, now=looks[-1]).judge_at) is not None:
        looks.append(again)
    gaps = [later - sooner for sooner, later in pairwise(looks)]
    assert gaps[:3] == [timedelta(minutes=1), timedelta(minutes=1), timedelta(minutes=2)]
    assert looks[-1] == at(1000)
    assert len(looks) < 15


def test_done_is_final_whatever_the_time() -> None:
    found = stand(DUTY, Judgement(verdict=Verdict.WAIVED, done=True), now=at(5))
    assert (found.state, found.verdict, found.judge_at) == (State.FINAL, Verdict.WAIVED, None)
