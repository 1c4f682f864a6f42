"""Nobody is named: who is away is told beforehand, and no longer once somebody is. Minutes from 08:00."""

from typing import Any

from rules.catalog import catalog
from rules.core.alerts import Clear, Intent, Raise
from rules.core.grids import GridPost
from rules.core.world import World
from rules.facts import Sweep
from rules.rule import SweepRule
from tests.unit.rules.test_cover import leave, town
from tests.unit.rules.timeline import ALWAYS, at, settings, shift

LIVE = "both_away:P-1"


def sweep(where: World, *, now: float = 0, live: tuple[str, ...] = (), **limits: Any) -> list[Intent]:
    rule = catalog()["both_away"]
    assert isinstance(rule, SweepRule)
    book = settings(both_away=limits)
    return rule.sweep(
        Sweep(world=where, settings=book, now=at(now), heard=[], listening_since=None, live=frozenset(live))
    )


def only(intents: list[Intent]) -> Raise:
    (intent,) = intents
    assert isinstance(intent, Raise)
    return intent


def test_one_who_is_away_has_a_deputy_and_is_no_news() -> None:
    assert sweep(town(leave("P-1", 0, 600))) == []


def test_both_away_on_a_shift_to_come_is_a_warning_with_the_hour() -> None:
    where = town(leave("P-1", -60, 600), leave("P-3", -60, 600), shifts=(shift("10:00", "12:00"),))
    said = only(sweep(where))
    assert (said.fingerprint, said.class_, said.severity) == (LIVE, "ahead", "warning")
    assert said.title == "nobody to do the duties of P-1 from 2026-11-21 10:00: P-1, P-3 are away"
    assert (said.unit, said.grid) == ("U-1", "G-1")
    assert [it["post"] for it in said.reasons] == ["P-1", "P-3"]
    assert said.reasons[0]["until_at"] == "2026-11-21T10:00:00.000Z"


def test_once_the_shift_has_begun_it_is_worse() -> None:
    where = town(leave("P-1", -60, 600), leave("P-3", -60, 600), shifts=(shift("10:00", "12:00"),))
    said = only(sweep(where, now=120, live=(LIVE,)))
    assert (said.class_, said.severity) == ("now", "high")
    assert said.title == "nobody does the duties of P-1: P-1, P-3 are away"
    assert only(sweep(where, now=150, live=(LIVE,))).title == said.title


def test_a_night_over_midnight_counts_to_its_end() -> None:
    where = town(leave("P-1", 900, 1000), leave("P-3", 900, 1000), shifts=(shift("22:00", "06:00"),))
    assert only(sweep(where)).occurred_at == at(900)  # 23:00


def test_of_staggered_shifts_each_counts() -> None:
    both = leave("P-1", 300, 400), leave("P-3", 300, 400)
    assert sweep(town(*both, shifts=(shift("08:00", "12:00"),))) == []
    overlapping = (shift("08:00", "12:00"), shift("11:00", "14:00", code="late"))
    assert only(sweep(town(*both, shifts=overlapping))).occurred_at == at(300)


def test_who_answers_for_a_grid_does_so_all_day() -> None:
    answers = (
        GridPost(code="G-1", slot="A", post="P-1", valid_from=ALWAYS),
        GridPost(code="G-1", slot="B", post="P-2", valid_from=ALWAYS),
    )
    away = leave("P-1", 0, 60), leave("P-2", 0, 60), leave("P-3", 0, 60)
    said = only(sweep(town(*away, grid_posts=answers, shifts=(shift("10:00", "12:00"),)), now=5))
    assert said.class_ == "now"
    assert [it["post"] for it in said.reasons] == ["P-1", "P-2", "P-3"]


def test_without_anybody_meant_only_a_unit_that_is_empty_is_told() -> None:
    where = town(leave("P-2", 0, 600), shifts=(shift("08:00", "12:00", unit="U-2"),))
    assert only(sweep(where)).subject == "P-2"
    assert sweep(town(leave("P-2", 0, 600), shifts=(shift("08:00", "12:00"),))) == []


def test_it_is_over_when_somebody_is_named_or_back() -> None:
    (over,) = sweep(town(leave("P-1", 0, 600, cover="P-2"), leave("P-3", 0, 600)), now=60, live=(LIVE,))
    assert over == Clear(fingerprint=LIVE, note="P-2 stands in for P-1")
    (back,) = sweep(town(leave("P-3", 0, 600)), now=60, live=(LIVE,))
    assert back == Clear(fingerprint=LIVE, note="P-1 is there")


def test_how_far_ahead_can_be_set() -> None:
    where = town(leave("P-1", 0, 600), leave("P-3", 0, 600), shifts=(shift("10:00", "12:00"),))
    assert sweep(where, ahead_h=1) == []
