"""An electric unit and its shift from 10:00 to 12:00; minutes from 08:00."""

from typing import Any

from rules.catalog import catalog
from rules.core.alerts import Clear, Intent, Raise
from rules.core.dated import Book
from rules.core.staff import Unit
from rules.core.world import World
from rules.facts import Heard, Sweep
from rules.rule import SweepRule
from tests.unit.rules.timeline import ALWAYS, at, settings, shift, world

LIVE = "low_charge:U-1"


def town(kind: str = "electric") -> World:
    units = Book([Unit(code="U-1", name="Unit", kind=kind, valid_from=ALWAYS)])
    return world(units=units, shifts=(shift("10:00", "12:00"),))


def sweep(
    now: float, *charges: tuple[float, int], where: World | None = None, live: tuple[str, ...] = (), **limits: Any
) -> list[Intent]:
    rule = catalog()["low_charge"]
    assert isinstance(rule, SweepRule)
    site = where or town()
    heard = [
        Heard(device=device, heard_at=at(now), charge_pct=pct, charge_at=at(minute))
        for device, (minute, pct) in zip(site.devices, charges, strict=False)
    ]
    book = settings(low_charge=limits)
    return rule.sweep(
        Sweep(world=site, settings=book, now=at(now), heard=heard, listening_since=None, live=frozenset(live))
    )


def only(intents: list[Intent]) -> Raise:
    (intent,) = intents
    assert isinstance(intent, Raise)
    return intent


def test_little_charge_is_told_some_time_before_the_shift() -> None:
    assert sweep(-1, (-5, 20)) == []
    said = only(sweep(1, (-5, 20)))
    assert said.title == "U-1 has 20 % charge, shift day 2026-11-21 10:00-12:00"
    assert (said.unit, said.severity, said.reasons[0]["charge_pct"]) == ("U-1", "warning", 20)


def test_enough_charge_or_another_kind_of_unit_is_no_news() -> None:
    assert sweep(100, (95, 30)) == []
    assert sweep(100, (95, 5), where=town("car")) == []


def test_the_newest_of_its_devices_counts() -> None:
    assert sweep(100, (95, 10), (99, 60)) == []
    assert only(sweep(100, (99, 10), (95, 60))).device == "H-03"


def test_a_charge_of_yesterday_says_nothing() -> None:
    assert sweep(100, (-700, 5)) == []
    assert only(sweep(100, (-700, 5), stale_h=24)).subject == "U-1"


def test_it_is_well_again_some_way_above_the_limit() -> None:
    assert only(sweep(130, (125, 35), live=(LIVE,))).subject == "U-1"
    assert sweep(130, (125, 41), live=(LIVE,)) == [Clear(fingerprint=LIVE, note="U-1 has 41 % now")]


def test_it_is_over_with_the_shift() -> None:
    assert sweep(241, (125, 20), live=(LIVE,)) == [Clear(fingerprint=LIVE, note="U-1 is off duty")]
