"""What the simulator says: the same again for the same seed, like real tracks, and what the scenario tells."""

import json
import math
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from devices.geometry import distance_m
from devices.identity import KINDS
from devices.readings import READING, URGENT_TYPES
from gateway.simulation import Plan, Said
from tests.unit.gateway.simulated_town import START, TOWN, plan

EVERYTHING = """
[[skips]]
points = 1
chance = 0.5
[[silences]]
every = "30m"
for = "7m"
[[sos]]
at = "20m"
every = "40m"
[[incidents]]
every = "35m"
after = "2m"
[[pressure]]
at = "10m"
for = "25m"
[[knocks]]
every = "1h"
for = "10m"
"""


def said(of: Plan, minutes: float = 120, *, since: float = 0) -> list[Said]:
    return of.said(of.start_s + since * 60, of.start_s + minutes * 60)


def readings(of: Iterable[Said], device: str, type_: str = "position") -> list[dict[str, Any]]:
    return [dict(it.reading) for it in of if it.device == device and it.reading["type"] == type_]


def at(reading: Mapping[str, Any]) -> datetime:
    return datetime.fromisoformat(reading["t"])


def away_m(reading: dict[str, Any], code: str) -> float:
    point = TOWN.checkpoints[code]
    return distance_m(reading["lat"], reading["lon"], point.lat, point.lon)


def nearest_m(of: list[dict[str, Any]], code: str) -> float:
    """How near the track comes to a checkpoint, movements between fixes included."""
    found = math.inf
    for a, b in pairwise(of):
        for step in range(11):
            between = {key: a[key] + (b[key] - a[key]) * step / 10 for key in ("lat", "lon")}
            found = min(found, away_m(between, code))
    return found


@settings(max_examples=15)
@given(
    seed=st.integers(0, 10_000),
    start=st.integers(0, 47).map(lambda it: START + timedelta(minutes=30 * it)),
    cuts=st.lists(st.integers(1, 3599), max_size=6, unique=True).map(sorted),
)
def test_the_same_seed_gives_the_same_readings_however_they_are_asked_for(
    seed: int, start: datetime, cuts: list[int]
) -> None:
    one, two = (plan(EVERYTHING, seed=seed, start=start) for _ in range(2))
    edges = [two.start_s, *(two.start_s + cut for cut in cuts), two.start_s + 3600]
    whole = [*one.opening(), *one.said(one.start_s, one.start_s + 3600)]
    pieces = [*two.opening(), *(it for since, until in pairwise(edges) for it in two.said(since, until))]
    assert json.dumps([it.reading for it in whole]) == json.dumps([it.reading for it in pieces])
    assert whole == pieces
    assert all(it.at_s <= it.send_s for it in whole)


def test_another_seed_tells_another_story() -> None:
    assert said(plan(EVERYTHING, seed=1), 10) != said(plan(EVERYTHING, seed=2), 10)


def test_a_later_start_finds_everybody_where_they_were() -> None:
    early, late = plan(), plan(start=START + timedelta(minutes=50))
    assert said(late, 20) == said(early, 70, since=50)
    before = [it.reading for it in late.opening() if it.device == "HS-1"]
    assert before == [it.reading for it in said(early, 50, since=-5) if it.device == "HS-1"]


def test_every_reading_is_one_of_the_contract() -> None:
    types = set()
    for it in (*plan(EVERYTHING).opening(), *said(plan(EVERYTHING))):
        reading = dict(it.reading) | ({"incident": "I-1"} if it.incident else {})
        assert READING.validate_python(reading).t == datetime.fromtimestamp(it.at_s, UTC)
        assert (it.lane == "urgent") == (reading["type"] in URGENT_TYPES)
        types.add(reading["type"])
    assert types == {"position", "status", "scan", "button", "task", "report", "equipment"}


def test_the_round_is_walked_at_a_walking_pace_in_its_order() -> None:
    for seed in range(5):
        track = readings(said(plan(seed=seed)), "HS-1")
        assert all(nearest_m(track, code) <= 40 for code in TOWN.checkpoints)
        first = [min(it for it, fix in enumerate(track) if away_m(fix, f"K-{number}") < 40) for number in (1, 2, 3)]
        assert first == sorted(first)
        for a, b in pairwise(track):
            way_m = distance_m(a["lat"], a["lon"], b["lat"], b["lon"])
            assert way_m / (at(b) - at(a)).total_seconds() < 2.2
        assert 0.5 < sum(fix["speed_mps"] for fix in track) / len(track) < 1.5
        assert track[0]["battery_pct"] > track[-1]["battery_pct"] > 50


def test_reports_come_in_the_rhythm_of_the_kind_and_only_on_duty() -> None:
    its = said(plan(), 180)
    for device, kind in (("HS-1", "handset"), ("VT-1", "vehicle"), ("RD-1", "radio")):
        times = [at(it) for it in readings(its, device)]
        assert {(b - a).total_seconds() for a, b in pairwise(times)} == {KINDS[kind].report_interval_s}
    end = START + timedelta(hours=2)
    assert end < max(at(it) for it in readings(its, "HS-1")) <= end + timedelta(seconds=60)
    assert not [it for it in readings(its, "HS-3") if at(it) > START + timedelta(minutes=2)]  # the night is over
    faster = said(plan('report_interval = { handset = "5s" }'), 10)
    assert len(readings(faster, "HS-1")) == 120


def test_fixes_err_as_much_as_they_say_and_wander_slowly() -> None:
    exact = readings(said(plan("gps = { sigma_m = 0.0 }")), "HS-1")
    track = readings(said(plan()), "HS-1")
    errors = [distance_m(a["lat"], a["lon"], b["lat"], b["lon"]) for a, b in zip(exact, track, strict=True)]
    within = sum(error <= fix["accuracy_m"] for error, fix in zip(errors, track, strict=True)) / len(track)
    assert 0.55 < within < 0.95  # accuracy is a radius of 68 %
    assert 2 < sum(errors) / len(errors) < 8
    assert sum(abs(b - a) for a, b in pairwise(errors)) / len(errors) < 4  # fresh errors would jump by 3 m and more


def test_a_left_out_checkpoint_is_not_come_near_and_the_others_are() -> None:
    its = said(plan('skips = [{ unit = "F-1", checkpoints = ["K-2"] }]'))
    for handset in ("HS-1", "HS-2"):
        track = readings(its, handset)
        assert nearest_m(track, "K-2") > 50
        assert all(nearest_m(track, code) <= 40 for code in TOWN.checkpoints if code != "K-2")
    missed = []
    for seed in range(3):
        track = readings(said(plan("skips = [{ points = 1 }]", seed=seed)), "HS-1")
        missed.append(sum(nearest_m(track, code) > 50 for code in TOWN.checkpoints))
    assert missed == [2, 2, 2]  # one of each of its two rounds


def test_a_silent_handset_sends_everything_later() -> None:
    text = 'silences = [{ device = "HS-1", at = "20m", for = "15m" }]'
    told = [it for it in said(plan(text)) if it.device == "HS-1"]
    kept = [it for it in told if it.send_s != it.at_s]
    assert {it.send_s for it in kept} == {(START + timedelta(minutes=35)).timestamp()}
    assert len([it for it in kept if it.reading["type"] == "position"]) == 30
    assert not [it for it in told if 20 * 60 <= it.send_s - START.timestamp() < 35 * 60]
    assert sorted(it.reading["t"] for it in told) == sorted(
        it.reading["t"] for it in said(plan()) if it.device == "HS-1"
    )


def test_a_whole_unit_can_be_silent() -> None:
    its = said(plan('silences = [{ unit = "F-1", at = "20m", for = "15m" }]'))
    assert {it.device for it in its if it.send_s != it.at_s} == {"HS-1", "HS-2"}


def test_sos_is_pressed_and_released_where_the_handset_is() -> None:
    its = said(plan('sos = [{ device = "HS-2", at = "30m" }]'))
    pressed, released = readings(its, "HS-2", "button")
    assert (pressed["t"], pressed["pressed"], released["pressed"]) == ("2026-11-21T00:30:00Z", True, False)
    fix = min(readings(its, "HS-2"), key=lambda it: abs(at(it) - at(pressed)))
    assert distance_m(fix["lat"], fix["lon"], pressed["lat"], pressed["lon"]) < 60


def test_an_incident_is_answered_after_the_time_that_is_told() -> None:
    for seed, after in ((1, "40s"), (2, "2m"), (3, "8m")):
        text = f'incidents = [{{ at = "30m", after = "{after}", answered_by = "MOT-1" }}]'
        its = said(plan(text, seed=seed))
        (report,) = [it.reading for it in its if it.reading["type"] == "report"]
        wanted = at(report) + timedelta(seconds={"40s": 40, "2m": 120, "8m": 480}[after])
        near = [
            at(fix)
            for fix in readings(its, "VT-2")
            if at(fix) >= at(report) and distance_m(fix["lat"], fix["lon"], report["lat"], report["lon"]) < 50
        ]
        assert timedelta(seconds=-25) <= near[0] - wanted <= timedelta(seconds=15)
        assert max(fix["speed_mps"] for fix in readings(its, "VT-2")) < 20
        states = [(it.reading["state"], it.incident) for it in its if it.reading["type"] == "task"]
        reporter = next(it.device for it in its if it.reading["type"] == "report")
        assert states == [(state, (reporter, report["t"])) for state in ("accepted", "arrived", "done")]


def test_nobody_else_happens_to_be_at_an_incident() -> None:
    for seed in range(6):
        its = said(plan('incidents = [{ at = "30m", after = "4m", answered_by = "CAR-1" }]', seed=seed))
        (report,) = [it.reading for it in its if it.reading["type"] == "report"]
        for device in ("HS-1", "HS-2", "VT-2"):
            for fix in readings(its, device):
                if timedelta(0) <= at(fix) - at(report) <= timedelta(minutes=4):
                    assert distance_m(fix["lat"], fix["lon"], report["lat"], report["lon"]) > 60


def test_a_place_can_be_a_checkpoint_or_coordinates() -> None:
    for place, there in (
        ('"K-4"', "K-4"),
        (json.dumps([TOWN.checkpoints["K-5"].lon, TOWN.checkpoints["K-5"].lat]), "K-5"),
    ):
        its = said(plan(f'incidents = [{{ at = "5m", place = {place} }}]'))
        (report,) = [dict(it.reading) for it in its if it.reading["type"] == "report"]
        assert away_m(report, there) < 1
        assert not [it for it in its if it.reading["type"] == "task"]


def test_pressure_falls_and_returns_and_a_knock_is_felt() -> None:
    text = """
    pressure = [{ thing = "HY-1", at = "10m", for = "30m", kpa = 35 }]
    knocks = [{ thing = "HY-1", at = "1h10m", for = "20m", tilt_deg = 40 }]
    """
    its = readings(said(plan(text)), "TAG-1", "equipment")
    told = {round((at(it) - START).total_seconds() / 60): it for it in its}
    assert told[10]["pressure_kpa"] < 45
    assert told[30]["pressure_kpa"] < 45
    assert told[40]["pressure_kpa"] > 200
    assert (told[70]["tamper"], round(told[70]["tilt_deg"], -1)) == (True, 40)
    assert (told[80]["tamper"], round(told[80]["tilt_deg"], -1)) == (False, 40)
    assert told[90]["tilt_deg"] < 5


def test_the_opening_fills_the_rounds_under_way() -> None:
    its = plan(start=START + timedelta(minutes=70)).opening()
    track = readings(its, "HS-1")
    assert at(track[0]) <= START
    assert at(track[-1]) >= START + timedelta(minutes=69)
    assert all(nearest_m(track, code) <= 40 for code in ("K-1", "K-2", "K-3"))
    assert not plan('back_fill = "1s"', start=START + timedelta(minutes=70)).opening()[5:]


def test_it_goes_on_for_ever() -> None:
    late = plan(EVERYTHING)
    later = late.start_s + 30 * 86_400
    assert {it.device for it in late.said(later, later + 600)} >= {"HS-1", "VT-1", "VT-2", "RD-1"}


def test_a_unit_that_is_sent_goes_there_answers_and_comes_back() -> None:
    for device, unit_speed_mps in (("VT-1", 12), ("HS-1", 2.2)):
        usual, sent = said(plan(), 110), plan()
        before = said(sent, 30)
        place = TOWN.checkpoints["K-5"]
        at_s = sent.start_s + 30 * 60
        assert not sent.dispatch("RD-1", incident="I-7", lat=place.lat, lon=place.lon, at_s=at_s)  # others answer
        assert sent.dispatch(device, incident="I-7", lat=place.lat, lon=place.lon, at_s=at_s)
        its = [*before, *said(sent, 110, since=30)]
        assert before == [it for it in usual if it.send_s < at_s]
        answers = readings(its, device, "task")
        assert [it["state"] for it in answers] == ["accepted", "arrived", "done"]
        track = readings(its, device)
        there = [fix for fix in track if at(answers[1]) <= at(fix) <= at(answers[2])]
        assert len(there) > 5
        assert all(away_m(fix, "K-5") < 50 for fix in there)
        for a, b in pairwise(track):
            way_m = distance_m(a["lat"], a["lon"], b["lat"], b["lon"])
            assert way_m / (at(b) - at(a)).total_seconds() < unit_speed_mps
        late = START + timedelta(minutes=100)
        end = [(fix["lat"], fix["lon"]) for fix in track if at(fix) > late]
        as_usual = [(fix["lat"], fix["lon"]) for fix in readings(usual, device) if at(fix) > late]
        assert max(distance_m(*a, *b) for a, b in zip(end, as_usual, strict=True)) < 40


def test_nobody_jumps_however_often_they_are_sent() -> None:
    for seed in range(4):
        its, wild = [], plan('incidents = [{ every = "30m", after = "3m" }]', seed=seed)
        for minute in range(120):
            its += said(wild, minute + 1, since=minute)
            if minute % 10 == 5:
                point = list(TOWN.checkpoints.values())[(seed + minute) % 5]
                device = ("VT-1", "VT-2", "HS-1")[(seed + minute // 10) % 3]
                now_s = wild.start_s + (minute + 1) * 60
                wild.dispatch(device, incident="I-9", lat=point.lat, lon=point.lon, at_s=now_s)
        for device, most_mps in (("VT-1", 13), ("VT-2", 13), ("HS-1", 2.2), ("HS-2", 2.2)):
            for a, b in pairwise(readings(its, device)):
                way_m = distance_m(a["lat"], a["lon"], b["lat"], b["lon"])
                assert way_m / (at(b) - at(a)).total_seconds() < most_mps


def test_a_unit_that_is_busy_refuses() -> None:
    busy = plan('incidents = [{ at = "31m", after = "3m", answered_by = "CAR-1" }]')
    said(busy, 30)
    assert busy.dispatch("VT-1", incident="I-8", lat=30.69, lon=111.28, at_s=busy.start_s + 30 * 60)
    states = [it.reading["state"] for it in said(busy, 50, since=30) if it.reading.get("incident") == "I-8"]
    assert states == ["refused"]


def test_a_handset_that_is_taken_home_lies_still_there() -> None:
    its = plan("left_on = 1.0")
    handset = next(it.name for it in TOWN.devices if it.kind == "handset")
    day = readings(said(its, 24 * 60), handset)
    off = [
        it
        for it in day
        if its.courses.going(next(d.unit for d in TOWN.devices if d.name == handset) or "", at(it).timestamp()) is None
    ]
    assert off
    assert len(off) < len(day)
    first = off[0]
    assert all(distance_m(first["lat"], first["lon"], it["lat"], it["lon"]) < 60 for it in off)
    silent = readings(said(plan(""), 24 * 60), handset)
    assert len(silent) == len(day) - len(off)
