"""What the simulator does on duty besides walking: holds, stays, legs, wheels, charge; and what happens then."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

from gateway.simulation import Checkpoint, Device, Hold, Round, Spell
from gateway.simulation.charge import charge_pct
from gateway.simulation.spells import joined
from tests.unit.gateway.simulated_town import START, TOWN, corner, plan
from tests.unit.gateway.test_simulation_plan import at, away_m, nearest_m, readings, said

S = START.timestamp()
HOUR_S = 3600.0


def spell(
    unit: str, starts_h: float, ends_h: float, *routes: str, key: str = "day", holds: tuple[Hold, ...] = ()
) -> Spell:
    window = S + starts_h * HOUR_S, S + ends_h * HOUR_S
    return Spell(f"{unit}/0/{key}", unit, *window, tuple(Round(it, 1, *window) for it in routes), holds)


def hold(code: str, column: int, row: int, starts_h: float, ends_h: float) -> Hold:
    return Hold(code, *corner(column, row), S + starts_h * HOUR_S, S + ends_h * HOUR_S)


def only(*spells: Spell) -> "Calendar":
    return Calendar(spells)


class Calendar:
    """A calendar of some stretches of duty."""

    def __init__(self, spells: tuple[Spell, ...]) -> None:
        self._spells = spells

    def __call__(self, since_s: float, until_s: float) -> Iterator[Spell]:
        return (it for it in self._spells if since_s < it.ends_s and it.starts_s < until_s)


def test_what_overlaps_becomes_one_stretch_and_what_follows_does_not() -> None:
    one, two, three = spell("F", 0, 2, "R-1"), spell("F", 1, 4, "R-2", key="late"), spell("F", 4, 6, "R-1", key="end")
    other = spell("G", 1, 3, "R-1")
    first, second, third = joined([three, other, two, one], apart_s=lambda _unit: 0.0)
    assert (first.starts_s, first.ends_s, [it.route for it in first.rounds]) == (S, S + 4 * HOUR_S, ["R-1", "R-2"])
    assert (second, third) == (three, other)
    assert len(joined([one, three], apart_s=lambda _unit: 2 * HOUR_S + 1)) == 1


def test_a_unit_on_foot_walks_its_rounds_and_holds_its_post_between() -> None:
    post = hold("SP", 4, 0, 1, 1.5)
    town = replace(
        TOWN,
        calendar=only(
            spell("F-1", 0, 4, "R-1", "R-2"), Spell("F-1/0/SP", "F-1", post.starts_s, post.ends_s, holds=(post,))
        ),
    )
    track = readings(said(plan(town=town), 240), "HS-1")
    there = [it for it in track if post.starts_s <= at(it).timestamp() <= post.ends_s]
    assert len(there) > 50
    assert all(max(abs(it["lat"] - post.lat), abs(it["lon"] - post.lon)) < 0.0003 for it in there)
    assert all(nearest_m(track, code) <= 40 for code in TOWN.checkpoints)


def test_overlapping_shifts_are_both_done_each_in_its_time() -> None:
    town = replace(TOWN, calendar=only(spell("F-1", 0, 2, "R-1"), spell("F-1", 1.5, 3, "R-2", key="late")))
    track = readings(said(plan(town=town), 180), "HS-1")
    early = [it for it in track if at(it).timestamp() <= S + 2 * HOUR_S]
    late = [it for it in track if at(it).timestamp() >= S + 1.5 * HOUR_S]
    assert all(nearest_m(early, code) <= 40 for code in ("K-1", "K-2", "K-3"))
    assert all(nearest_m(late, code) <= 40 for code in ("K-4", "K-5"))
    assert all(away_m(a, "K-1") - away_m(b, "K-1") < 80 for a, b in pairwise(track))


def test_a_stay_lasts_and_legs_take_their_time() -> None:
    points = {**TOWN.checkpoints, "K-2": Checkpoint("K-2", *corner(2, 1), 40.0, dwell_s=600)}
    route = replace(TOWN.routes["R-1"], ordered=True, legs_s=(900.0, 1500.0))
    for town, wanted_s in (
        (replace(TOWN, checkpoints=points), None),
        (replace(TOWN, routes={**TOWN.routes, "R-1": route}), (900.0, 1500.0)),
    ):
        track = readings(said(plan(town=town), 125), "HS-1")
        first = [next(at(it) for it in track if away_m(it, code) < 40).timestamp() for code in ("K-1", "K-2", "K-3")]
        if wanted_s is None:
            stay = [at(it).timestamp() for it in track if away_m(it, "K-2") < 40]
            assert stay[-1] - stay[0] > 600
        else:
            assert all(abs(b - a - leg_s) < 120 for (a, b), leg_s in zip(pairwise(first), wanted_s, strict=True))


def test_a_vehicle_drives_its_rounds_stops_and_goes_its_way() -> None:
    its = spell("MOT-1", 0, 2, "R-1", "R-2")
    radio = Device("RD-2", "radio", unit="MOT-1")
    town = replace(TOWN, calendar=only(its), rostered=frozenset({"MOT-1"}), devices=(*TOWN.devices, radio))
    found = said(plan(town=town), 180, since=-30)
    track = readings(found, "VT-2")
    for code in TOWN.checkpoints:
        assert sum(away_m(it, code) < 40 and it["speed_mps"] < 1 for it in track) > 2
    for a, b in pairwise(track):
        assert (
            abs(a["lat"] - b["lat"]) + abs(a["lon"] - b["lon"]) < 0.0025
        )  # nobody jumps, on the way there and back too
    heard = [at(it).timestamp() for it in readings(found, "RD-2")]
    assert min(heard) >= S - 120
    assert max(heard) <= S + 2 * HOUR_S + 120


def test_the_opening_fills_the_rounds_of_vehicles_and_the_hours_of_posts() -> None:
    post = hold("SP", 4, 4, 0.2, 3)
    holding = Spell("CAR-1/0/SP", "CAR-1", post.starts_s, post.ends_s, holds=(post,))
    town = replace(TOWN, calendar=only(spell("MOT-1", 0, 4, "R-1"), holding))
    its = plan(town=town, start=START + timedelta(hours=2)).opening()
    assert at(readings(its, "VT-2")[0]) <= START
    assert at(readings(its, "VT-1")[0]).timestamp() <= post.starts_s


def test_the_charge_falls_on_duty_and_comes_back() -> None:
    its = [spell("E", 0, 8)]
    told = [charge_pct(S + hour * HOUR_S, its) for hour in (-1, 0, 4, 8, 9, 24)]
    assert told[0] == told[1] > told[2] > told[3] < told[4] < told[5] == told[0]
    town = replace(TOWN, units={**TOWN.units, "CAR-1": "electric"}, calendar=only(spell("CAR-1", 0, 2, "R-2")))
    for text, low in (("", False), ('flats = [{ at = "31m", for = "20m", pct = 12 }]', True)):
        status = readings(said(plan(text, town=town)), "VT-1", "status")
        assert any(it["charge_pct"] == 12 for it in status) is low
        assert max(it["charge_pct"] for it in status) > 80
    assert not any("charge_pct" in it for it in readings(said(plan(), 60), "VT-1", "status"))


def test_what_is_lost_is_never_said() -> None:
    text = 'silences = [{ device = "HS-1", at = "20m", for = "15m", lost = true }]'
    told = [it for it in said(plan(text)) if it.device == "HS-1"]
    assert all(it.send_s == it.at_s for it in told)
    assert not [it for it in told if 20 * 60 <= it.at_s - S < 35 * 60]


def test_a_detour_leads_away_and_back() -> None:
    lat, lon = corner(4, 0)
    text = f'detours = [{{ unit = "F-1", at = "20m", to = [{lon}, {lat}], for = "10m", kmh = 20 }}]'
    usual, track = (readings(said(plan(it), 119), "HS-1") for it in ("", text))
    there = [it for it in track if abs(it["lat"] - lat) + abs(it["lon"] - lon) < 0.0004]
    assert 550 < (at(there[-1]) - at(there[0])).total_seconds() < 700
    assert abs(usual[-1]["lat"] - track[-1]["lat"]) < 0.0003
    still = readings(said(plan('detours = [{ unit = "F-1", at = "20m", for = "40m" }]'), 60), "HS-1")
    stood = [it for it in still if 21 <= (at(it).timestamp() - S) / 60 <= 59]
    assert all(it["speed_mps"] < 0.5 for it in stood)


def test_tricks_say_what_cannot_be() -> None:
    for how in ("teleport", "frozen", "mock"):
        text = f'tricks = [{{ device = "HS-1", at = "20m", how = "{how}", for = "10m" }}]'
        track = readings(said(plan(text), 40), "HS-1")
        meanwhile = [it for it in track if 20 * 60 <= at(it).timestamp() - S < 30 * 60]
        others = [it for it in track if it not in meanwhile]
        assert {it.get("mock", False) for it in meanwhile} == {how == "mock"}
        assert (len({(it["lat"], it["lon"]) for it in meanwhile}) == 1) is (how == "frozen")
        assert any(it["lat"] > corner(0, 8)[0] for it in meanwhile) is (how == "teleport")
        assert not any(it.get("mock") or it["lat"] > corner(0, 8)[0] for it in others)


def test_a_line_is_gone_round_and_its_checkpoints_are_not() -> None:
    line = tuple(corner(0, row) for row in (2, 1, 0))  # the end of R-1
    town = replace(TOWN, lines={"L-1": line})
    near = []
    for text in ("", 'skips = [{ lines = ["L-1"] }]'):
        track = readings(said(plan(text, town=town)), "HS-1")
        near.append(min(abs(it["lat"] - corner(0, 1)[0]) + abs(it["lon"] - corner(0, 1)[1]) for it in track))
        assert all(nearest_m(track, code) <= 40 for code in TOWN.checkpoints)
    assert near[0] < 0.0004
    assert near[1] > 0.0005
