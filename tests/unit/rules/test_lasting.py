"""What persists and what does not, rule by rule."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from rules.core.alerts import Severity
from rules.core.dated import Book
from rules.core.equipment import Custody
from rules.core.fixes import Span
from rules.core.latch import Latch, Patience
from rules.core.staff import Unit
from rules.core.tours import Errand, Tours
from tests.unit.rules.timeline import ALWAYS, at, point, shift
from tests.unit.rules.way import drive, found, minutes, says, square, stay, there, walk, where

# -- the latch ------------------------------------------------------------------------------------------------------


def fed(truths: Mapping[float, bool | None], **patience: float | None) -> Latch:
    latch = Latch(
        Patience(
            **{"raise_after_s": 60, "raise_fixes": 3, "clear_after_s": 60, "clear_fixes": 2, **patience}  # type: ignore[arg-type]  # floats and counts alike
        )
    )
    for minute, truth in truths.items():
        latch.feed(at(minute), truth)
    return latch


def test_a_state_holds_after_time_and_fixes_and_not_before() -> None:
    assert not fed({0: True, 2: True}).on
    assert not fed({0: True, 0.3: True, 0.6: True}).on
    assert fed({0: True, 0.5: True, 1: True}).on


def test_one_sign_against_it_begins_anew_and_one_that_says_nothing_does_not() -> None:
    assert not fed({0: True, 0.5: True, 0.7: False, 1: True}).on
    assert fed({0: True, 0.5: True, 0.7: None, 1: True}).on


def test_a_gap_proves_nothing_of_the_time_in_it() -> None:
    assert not fed({0: True, 0.5: True, 30: True}, gap_s=600).on
    assert fed({0: True, 0.5: True, 9: True}, gap_s=600).on


def test_it_ends_as_patiently_as_it_began_or_when_nothing_is_seen() -> None:
    on = {0: True, 0.5: True, 1: True}
    assert fed({**on, 2: False, 2.5: True, 3: False}).on
    (its,) = fed({**on, 2: False, 3: False}).spells(at(9))
    assert (its.since, its.certain_at, its.ended_at) == (at(0), at(1), at(3))
    (its,) = fed(on, expires_s=300).spells(at(6.5))
    assert its.ended_at == at(6)
    assert fed(on, expires_s=300).spells(at(5))[0].ended_at is None


# -- tours ----------------------------------------------------------------------------------------------------------


def spans(device: int, since: float, until: float, **more: object) -> list[tuple[float, float, bool]]:
    return [
        ((it.start - at(0)).total_seconds() / 60, (it.end - at(0)).total_seconds() / 60, it.duty)
        for it in Tours(where(**more), Span(at(since), at(until))).of(device)
    ]


def test_a_tour_is_whole_whatever_one_looks_at() -> None:
    assert spans(1, 60, 90) == [(0, 240, True)]
    assert spans(1, 239, 241) == [(0, 240, True)]
    assert spans(1, 241, 300) == []


def test_a_shift_over_midnight_and_the_next_that_begins_in_it() -> None:
    night = shift("20:00", "08:30", code="night")
    assert spans(1, -300, 100, shifts=(night, shift("08:00", "12:00"))) == [(-720, 0, True), (0, 240, True)]


def test_custody_cuts_a_tour() -> None:
    held = Custody(code="U-1", device=1, holder_kind="unit", valid_from=at(60), valid_to=at(90))
    assert spans(1, 0, 240, custody=(held,)) == [(60, 90, True)]


def test_a_vehicle_has_days_and_a_tag_nothing() -> None:
    its = where(custody=(Custody(code="U-1", device=1, holder_kind="unit", valid_from=ALWAYS),), shifts=())
    car = replace(its, devices=(replace(its.devices[0], kind="vehicle"),))
    assert [(it.start, it.duty) for it in Tours(car, Span(at(0), at(1))).of(1)] == [(at(-480), False)]
    tag = replace(its, devices=(replace(its.devices[0], kind="tag"),))
    assert Tours(tag, Span(at(0), at(1))).of(1) == []


# -- its area -------------------------------------------------------------------------------------------------------


def test_outside_for_long_enough() -> None:
    way = [*walk(0, 30), *walk(30.5, 40, north_m=1500), *walk(40.5, 60)]
    (its,) = found("left_area", way)
    assert minutes([its]) == [(32.5, 41.5)]
    assert its.key == "left_area:H-03:2026-11-21T00:30:30.000Z"
    assert its.raised.reasons[0]["beyond_m"] == pytest.approx(500, abs=1)


def test_a_short_way_out_is_nothing() -> None:
    assert found("left_area", [*walk(0, 30), *walk(30.5, 32, north_m=1500), *walk(32.5, 60)]) == []


def test_a_circle_that_spans_the_border_is_not_a_crossing() -> None:
    assert found("left_area", walk(20, 60, north_m=1150, accuracy_m=60)) == []
    assert found("left_area", walk(20, 60, north_m=1090)) == []
    assert minutes(found("left_area", walk(20, 60, north_m=1150, accuracy_m=40))) == [(22, None)]
    # Nor is it a way back.
    way = [*walk(20, 40, north_m=1200), *walk(40.5, 60, north_m=1050, accuracy_m=60)]
    assert minutes(found("left_area", way)) == [(22, None)]


def test_jitter_about_the_border_does_not_flap() -> None:
    way = [there(20 + it / 2, 0, 1000 + 100 + (60 if it % 2 else -60)) for it in range(120)]
    assert found("left_area", way) == []


def test_on_the_way_to_the_area_and_off_duty_nothing_counts() -> None:
    assert found("left_area", walk(0, 14, north_m=5000)) == []
    assert found("left_area", walk(0, 14, north_m=5000), grace_s=0) != []
    assert found("left_area", walk(241, 300, north_m=5000), until=300) == []


def test_who_was_sent_may_be_elsewhere() -> None:
    way = walk(20, 60, north_m=1500)
    assert found("left_area", way, errands=[Errand("U-1", Span(at(19), at(61)))]) == []
    assert found("left_area", way, errands=[Errand("U-2", Span(at(19), at(61)))]) != []
    taken = says(19, "task", incident="I-1", state="accepted")
    assert found("left_area", way, readings=[taken]) == []
    done = says(30, "task", incident="I-1", state="done")
    assert minutes(found("left_area", way, readings=[taken, done])) == [(47.5, None)]


def test_without_ground_or_with_a_point_in_no_grid_nobody_knows() -> None:
    way = walk(20, 60, north_m=1500)
    assert found("left_area", way, town=where(shapes=Book([]))) == []
    lost = where(checkpoints=Book([point("C-1", 0), point("C-2", 500, grid="G-9")]))
    assert found("left_area", way, town=lost) == []
    broken = where(
        shapes=Book([replace(next(iter(where().shapes)), geometry='{"type": "Point", "coordinates": [1, 2]}')])
    )
    assert found("left_area", way, town=broken) == []
    assert square(10) in {it.geometry for it in [replace(next(iter(where().shapes)), geometry=square(10))]}


def test_the_grid_of_a_fix_says_that_it_is_inside() -> None:
    # The ground of the test is smaller than the grid that the fix bears: a border was moved meanwhile.
    assert found("left_area", walk(20, 60, north_m=1500, grid="G-3")) == []
    assert found("left_area", walk(20, 60, north_m=1500, grid="G-9")) != []


# -- standing still -------------------------------------------------------------------------------------------------


def test_an_hour_at_one_place() -> None:
    way = [*walk(0, 20), *stay(20.5, 80, 900), *walk(80.5, 100)]
    (its,) = found("standing_still", way)
    assert minutes([its]) == [(65.5, 81)]
    assert its.raised.title == "H-03 (U-1) has stood at one place for more than 45 min"
    assert its.raised.severity is Severity.INFO


def test_a_pause_a_hole_and_a_coarse_receiver_are_nothing() -> None:
    assert found("standing_still", [*walk(0, 20), *stay(20.5, 60, 900), *walk(60.5, 100)]) == []
    assert found("standing_still", [*stay(0, 30), *stay(50, 80)]) == []
    assert found("standing_still", stay(0, 100, accuracy_m=150)) == []
    assert minutes(found("standing_still", stay(0, 100, accuracy_m=90))) == [(45, None)]


def test_one_reflection_is_no_movement() -> None:
    way = stay(0, 100)
    way[40] = there(20, 400)
    assert minutes(found("standing_still", way)) == [(45, None)]


def test_at_a_kiosk_it_may_rest() -> None:
    kiosk = replace(point("X-1", 0), kind="kiosk")
    its = where(checkpoints=Book([point("C-1", 0), point("C-2", 500, grid="G-3"), kiosk]))
    assert found("standing_still", stay(0, 100, 55), town=its) == []
    assert found("standing_still", stay(0, 100, 155), town=its) != []


def test_limits_by_kind_of_unit() -> None:
    car = where(units=Book([Unit(code="U-1", name="Unit", kind="car", valid_from=ALWAYS)]))
    assert minutes(found("standing_still", stay(0, 100), town=car)) == [(60, None)]
    assert minutes(found("standing_still", stay(0, 100), limit_s={"foot": 600})) == [(10, None)]


# -- speed ----------------------------------------------------------------------------------------------------------

VEHICLE = replace(
    where(
        units=Book([Unit(code="U-1", name="Unit", kind="car", valid_from=ALWAYS)]),
        shifts=(),
        custody=(Custody(code="U-1", device=1, holder_kind="unit", valid_from=ALWAYS),),
    ),
    devices=(replace(where().devices[0], kind="vehicle"),),
)


def test_too_fast_for_long_enough() -> None:
    way = [*drive(0, 5, 15, says=15), *[replace(it, lon=it.lon + 0.1) for it in drive(5.2, 7, 25, says=25)]]
    (its,) = found("over_speed", way, town=VEHICLE, until=7)
    assert minutes([its]) == [(5.7, None)]  # the jump to where the fast stretch begins counts for nothing
    assert its.raised.title == "H-03 (U-1) drives at 90 km/h, allowed are 60"
    assert minutes(found("over_speed", way, town=VEHICLE, until=30)) == [(5.7, 12.03)]


def test_within_the_tolerance_or_only_for_a_moment() -> None:
    assert found("over_speed", drive(0, 5, 18, says=18), town=VEHICLE) == []
    assert found("over_speed", [*drive(0, 0.17, 25, says=25), there(0.5, 520, speed_mps=5)], town=VEHICLE) == []


def test_a_speed_that_the_way_contradicts_is_not_believed() -> None:
    assert found("over_speed", drive(0, 5, 2, says=40), town=VEHICLE) == []


def test_a_device_that_says_no_speed_is_judged_by_its_way() -> None:
    assert minutes(found("over_speed", drive(0, 2, 25), town=VEHICLE, until=2)) == [(0.5, None)]
    assert found("over_speed", drive(0, 2, 17), town=VEHICLE) == []


def test_on_foot_or_sent_to_an_incident() -> None:
    assert found("over_speed", drive(0, 2, 25, says=25)) == []
    errand = Errand("U-1", Span(at(-1), at(9)))
    assert found("over_speed", drive(0, 2, 22, says=22), town=VEHICLE, errands=[errand]) == []


def test_a_limit_of_its_own_for_a_grid() -> None:
    way = [replace(it, grid="G-1") for it in drive(0, 3, 10, says=10)]
    assert found("over_speed", way, town=VEHICLE) == []
    assert len(found("over_speed", way, town=VEHICLE, grid_limit_mps={"K-1": 8.3})) == 1
    assert found("over_speed", way, town=VEHICLE, grid_limit_mps={"G-3": 8.3}) == []


# -- positions that cannot be true --------------------------------------------------------------------------------


def kinds(way: list[object], **more: object) -> list[tuple[str, float]]:
    its = found("position_suspect", way, **more)  # type: ignore[arg-type]  # samples and settings as they come
    return [(it.raised.class_, minutes([it])[0][0]) for it in its]


def test_two_devices_under_one_name_jump_to_and_fro() -> None:
    way = [there(it / 2, 0 if it % 2 else 30_000) for it in range(40)]
    assert kinds([*way]) == [("teleport", 1.5)]


def test_one_reflection_or_a_jump_that_stays_is_none() -> None:
    way = walk(0, 60)
    way[40] = there(20, 30_000)
    assert kinds([*way]) == []
    assert kinds([*walk(0, 30), *walk(30.5, 60, east_m=30_000)]) == []


def test_the_same_place_to_the_last_digit_while_it_moves() -> None:
    assert kinds([there(it / 2, 0, speed_mps=3.0) for it in range(20)]) == [("frozen", 1.5)]
    assert kinds([there(it / 2, 0, speed_mps=0.3) for it in range(20)]) == []


def test_the_same_place_for_hours_while_the_charge_falls() -> None:
    frozen = [there(it / 2, 0, battery_pct=90 - it // 60) for it in range(440)]
    assert kinds([*frozen]) == [("frozen", 121)]
    assert kinds([replace(it, battery_pct=90) for it in frozen]) == []
    assert kinds([replace(it, lat=it.lat + number % 2 * 1e-7) for number, it in enumerate(frozen)]) == []


def test_made_up_by_its_own_word_and_honest_again() -> None:
    way = [*walk(0, 10, flags=1), *walk(10.5, 30)]
    assert minutes(found("position_suspect", way)) == [(0.5, 15.5)]
    # One lie is a test of somebody's app.
    assert kinds([there(0, 0, flags=1), *walk(0.5, 30)]) == []


# -- charge ---------------------------------------------------------------------------------------------------------


def test_low_and_then_nearly_empty_and_then_charged() -> None:
    low = walk(0, 60, battery_pct=18)
    assert [(it.raised.class_, it.raised.severity) for it in found("battery_low", low)] == [("low", Severity.INFO)]
    empty = [*low, *walk(60.5, 90, battery_pct=9)]
    (its,) = found("battery_low", empty)
    assert (its.raised.class_, its.raised.severity) == ("nearly_empty", Severity.WARNING)
    assert its.key == found("battery_low", low)[0].key
    charged = says(95, "status", battery_pct=10, charging=True)
    assert minutes(found("battery_low", empty, readings=[charged])) == [(1, 95)]


def test_a_gauge_that_trembles_does_not_flap() -> None:
    way = [there(it / 2, it % 20 * 40, battery_pct=20 + it % 3) for it in range(200)]
    its = found("battery_low", way)
    assert len(its) == 1
    assert its[0].ended_at is None


def test_a_single_low_reading_is_none() -> None:
    assert (
        found(
            "battery_low", [*walk(0, 10, battery_pct=80), there(10.5, 0, battery_pct=5), *walk(11, 20, battery_pct=80)]
        )
        == []
    )


# -- alone ------------------------------------------------------------------------------------------------------------


def test_alone_without_a_sign() -> None:
    assert found("lone_worker", stay(0, 29), until=30) == []
    (its,) = found("lone_worker", stay(0, 29), until=31)
    assert (its.raised.class_, its.raised.severity) == ("overdue", Severity.WARNING)
    (its,) = found("lone_worker", stay(0, 29), until=40)
    assert (its.raised.class_, its.raised.severity) == ("no_answer", Severity.CRITICAL)
    assert its.raised.lat is not None


@pytest.mark.parametrize(
    ("type_", "body"),
    [
        ("button", {"button": "check_in"}),
        ("scan", {"tag": "A"}),
        ("report", {"kind": "fire"}),
        ("task", {"state": "done"}),
    ],
)
def test_a_sign_resets_the_clock(type_: str, body: dict[str, str]) -> None:
    its = found("lone_worker", stay(0, 60), readings=[says(20, type_, **body)], until=60)
    assert minutes(its) == [(50, None)]


def test_a_fall_and_a_status_are_no_signs_of_being_well() -> None:
    said = [says(20, "button", button="man_down", pressed=True), says(21, "status", battery_pct=80)]
    assert minutes(found("lone_worker", stay(0, 60), readings=said, until=60)) == [(30, None)]


def test_who_moves_is_well_and_who_is_silent_is_overdue() -> None:
    assert found("lone_worker", walk(0, 120), until=120) == []
    (its,) = found("lone_worker", walk(0, 60), until=100)
    assert 60 < minutes([its])[0][0] < 91


def test_with_somebody_else_it_is_not_alone_unless_it_is_said() -> None:
    its = where()
    both = replace(its, custody=(*its.custody, Custody(code="P-1", device=2, holder_kind="post", valid_from=ALWAYS)))
    assert found("lone_worker", stay(0, 60), until=60, town=both) == []
    assert found("lone_worker", stay(0, 60), until=60, town=both, always=["U-1"]) != []


def test_of_two_devices_of_one_person_the_handset_counts() -> None:
    its = where(custody=tuple(Custody(code="P-1", device=it, holder_kind="post", valid_from=ALWAYS) for it in (1, 2)))
    assert found("lone_worker", stay(0, 60), until=60, town=its) != []
    assert found("lone_worker", stay(0, 60), until=60, town=its, device=2) == []


# -- an app that sleeps ---------------------------------------------------------------------------------------------


def test_charged_and_yet_silent_twice_and_awake_when_it_is_opened() -> None:
    way = [*walk(0, 20, battery_pct=80), *walk(30, 40, battery_pct=79), *walk(55, 70, battery_pct=78)]
    (its,) = found("app_asleep", way, readings=[says(55.5, "scan", tag="A")], until=70)
    assert minutes([its]) == [(55, None)]
    said = its.raised.reasons[0]
    assert (said["naps"], said["opened"], said["longest_s"], said["battery_pct"]) == (2, 1, 900, 79)
    assert minutes(found("app_asleep", [*way, *walk(70.5, 130, battery_pct=70)])) == [(55, 115)]


def test_a_dead_battery_one_cellar_or_an_outbox_that_fills_the_hole_is_no_sleep() -> None:
    empty = [*walk(0, 20, battery_pct=12), *walk(30, 40, battery_pct=11), *walk(55, 70, battery_pct=10)]
    assert found("app_asleep", empty) == []
    once = [*walk(0, 20, battery_pct=80), *walk(40, 90, battery_pct=79)]
    assert found("app_asleep", once) == []
    assert found("app_asleep", walk(0, 90, battery_pct=80)) == []
    radio = where(custody=(Custody(code="U-1", device=2, holder_kind="unit", valid_from=ALWAYS),))
    way = [*walk(0, 20, battery_pct=80), *walk(30, 40, battery_pct=79), *walk(55, 70, battery_pct=78)]
    assert found("app_asleep", way, town=radio, device=2) == []
