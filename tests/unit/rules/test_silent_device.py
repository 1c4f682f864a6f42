"""Silence, story by story. H-03 is held by unit U-1, R-01 by a post of it, T-01 by a piece of equipment."""

from dataclasses import replace

import pytest

from rules.catalog import catalog
from rules.core.alerts import Clear, Intent, Raise
from rules.core.world import World
from rules.facts import Heard, Sweep
from rules.rule import SweepRule
from tests.unit.rules.timeline import at, settings, shift, world

LIVE = "silent_device:H-03"


def sweep(
    now: float,
    heard: dict[str, float],
    *,
    listening: float | None = -600,
    live: tuple[str, ...] = (),
    where: World | None = None,
    charge_pct: int | None = None,
    **limits: object,
) -> list[Intent]:
    rule = catalog()["silent_device"]
    assert isinstance(rule, SweepRule)
    site = where or world(shifts=(shift("08:00", "12:00"),))
    return rule.sweep(
        Sweep(
            world=site,
            settings=settings(silent_device=dict(limits)),
            now=at(now),
            heard=[
                Heard(device=it, heard_at=at(heard[it.name]), battery_pct=charge_pct)
                for it in site.devices
                if it.name in heard
            ],
            listening_since=None if listening is None else at(listening),
            live=frozenset(live),
        )
    )


def raised(intents: list[Intent]) -> list[str]:
    assert all(isinstance(it, Raise) for it in intents)
    return [it.subject for it in intents if isinstance(it, Raise)]


@pytest.mark.parametrize(
    ("now", "silent"), [(14.9, []), (15.1, ["H-03"]), (20.1, ["H-03", "R-01"]), (200, ["H-03", "R-01", "T-01"])]
)
def test_each_kind_has_its_own_patience(now: float, silent: list[str]) -> None:
    assert raised(sweep(now, {"H-03": 10, "R-01": 10, "T-01": 10})) == silent


def test_a_device_never_heard_is_not_silent() -> None:
    assert sweep(60, {}) == []


def test_on_duty_counts_from_the_start_of_the_shift_and_its_grace() -> None:
    assert sweep(6.9, {"H-03": -300}) == []
    assert raised(sweep(7.1, {"H-03": -300})) == ["H-03"]
    assert raised(sweep(5.1, {"H-03": -300}, grace_s=0)) == ["H-03"]


def test_off_duty_nobody_misses_it_and_an_open_alert_ends() -> None:
    assert sweep(241, {"H-03": 10}) == []
    (ended,) = sweep(241, {"H-03": 10}, live=(LIVE,))
    assert isinstance(ended, Clear)
    assert ended.note == "its unit is off duty"


def test_time_in_which_nobody_listened_does_not_count() -> None:
    assert sweep(30, {"H-03": 10}, listening=None) == []
    assert sweep(30, {"H-03": 10}, listening=26) == []
    assert raised(sweep(31.1, {"H-03": 10}, listening=26)) == ["H-03"]
    # What was known to be silent stays so through our own restart.
    assert sweep(30, {"H-03": 10}, listening=29, live=(LIVE,)) == []


def test_heard_again() -> None:
    (ended,) = sweep(30, {"H-03": 29}, live=(LIVE,))
    assert isinstance(ended, Clear)
    assert ended.note == "heard again at 2026-11-21 08:29"


def test_revoked_or_in_nobodys_hands() -> None:
    where = world(shifts=(shift("08:00", "12:00"),))
    revoked = replace(where, devices=(replace(where.devices[0], revoked_at=at(1)),))
    assert sweep(60, {"H-03": 2}, where=revoked) == []
    laid_down = replace(where, custody=(replace(where.custody[0], valid_to=at(5)),))
    assert sweep(60, {"H-03": 2}, where=laid_down) == []
    assert [type(it) for it in sweep(60, {}, live=(LIVE,), where=where)] == [Clear]


@pytest.mark.parametrize(("charge_pct", "reasons"), [(None, 1), (29, 1), (30, 2)])
def test_a_charged_handset_that_falls_silent_was_stopped_perhaps(charge_pct: int | None, reasons: int) -> None:
    (its,) = sweep(16, {"H-03": 10}, charge_pct=charge_pct)
    assert isinstance(its, Raise)
    assert len(its.reasons) == reasons
    assert its.reasons[-1]["reason"] == ("battery_saver" if reasons == 2 else "silent_for")
