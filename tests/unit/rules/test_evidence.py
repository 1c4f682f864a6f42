"""What proves a checkpoint besides a fix in a circle: polygons, stays, tags, slow vehicles, turns and legs."""

from dataclasses import replace
from typing import Any

import pytest

from rules.core.dated import Book
from rules.core.duties import Duty, Judgement, State, Verdict, stand
from rules.core.places import Polygon
from rules.core.plans import Checkpoint, Leg, Route
from rules.core.sequence import in_turn
from rules.core.world import World
from tests.unit.rules.timeline import (
    ALWAYS,
    at,
    fix,
    judge,
    names,
    place,
    plan,
    point,
    scan,
    settings,
    tracked,
    walk,
    world,
)


def with_point(unit_kind: str = "foot", **more: Any) -> World:
    """C-1 is special; the unit is of a kind."""
    special = replace(point("C-1", 0), **more)
    units = Book([replace(next(iter(world().units)), kind=unit_kind)])
    return world(checkpoints=Book([special, point("C-2", 500, grid="G-3")]), units=units)


def of(where: World, code: str = "C-1") -> Duty:
    return next(it.duty for it in plan("missed_checkpoint", where) if it.duty.subject == code)


def found(where: World, *devices: Any, **more: Any) -> Judgement:
    return judge(of(where), *devices, where=where, **more)


YARD = tuple(place(east, north) for east, north in ((-200, -20), (200, -20), (200, 20), (-200, 20)))


def yard(**more: Any) -> World:
    """A yard 400 m long and 40 m wide."""
    return with_point(ring=YARD, radius_m=205, **more)


class TestPolygons:
    def test_inside_its_border_is_there_however_far_from_the_middle(self) -> None:
        judged = found(yard(), tracked([*walk(0, 20, 400), fix(30, 190, 10), *walk(40, 61, 400)]))
        assert judged.verdict is Verdict.MET
        assert judged.evidence is not None
        assert len(judged.evidence["place"]["polygon"]) == 4

    def test_beside_it_is_missed_and_says_how_far_from_the_border(self) -> None:
        judged = found(yard(), tracked(walk(-1, 61, 0, 60)))
        assert judged.verdict is Verdict.MISSED
        assert judged.reasons[0]["distance_m"] == pytest.approx(40, abs=0.3)

    def test_a_way_across_it_counts(self) -> None:
        judged = found(yard(), tracked([fix(20, 100, -50), fix(21, 100, 50)]))
        assert judged.verdict is Verdict.MET
        assert judged.met_at is not None
        assert abs((judged.met_at - at(20.3)).total_seconds()) < 1  # where it enters: 30 m of 100

    def test_accuracy_is_held_against_its_width(self) -> None:
        assert found(yard(), tracked(walk(-1, 61, 0, accuracy_m=19))).verdict is Verdict.MET
        judged = found(yard(), tracked(walk(-1, 61, 0, accuracy_m=25)))
        assert judged.verdict is Verdict.IN_DOUBT
        assert judged.reasons[0]["radius_m"] == pytest.approx(20, abs=0.1)

    def test_a_bay_of_it_is_outside(self) -> None:
        horseshoe = tuple(
            place(east, north)
            for east, north in (
                (-100, -100),
                (100, -100),
                (100, 100),
                (60, 100),
                (60, -60),
                (-60, -60),
                (-60, 100),
                (-100, 100),
            )
        )
        bay = Polygon(*place(0, 0), horseshoe)
        assert bay.distance_m(fix(0, 0, 0)) == pytest.approx(60, abs=0.1)
        assert bay.distance_m(fix(0, 80, 50)) == 0
        distance_m, share = bay.nearest_along((0, 0), (120, 0))
        assert distance_m == 0
        assert share == pytest.approx(0.5, abs=0.001)


class TestStays:
    def test_long_enough_is_met_when_it_began_in_the_window(self) -> None:
        where = with_point(dwell_s=180)
        judged = found(where, tracked([*walk(0, 20, 300), *walk(20.5, 24, 5), *walk(24.5, 61, 300)]))
        assert judged.verdict is Verdict.MET
        over_the_end = found(where, tracked([*walk(0, 57.5, 300), *walk(58, 62, 5), *walk(62.5, 70, 300)]))
        assert over_the_end.verdict is Verdict.MET
        after = found(where, tracked([*walk(0, 60.5, 300), *walk(61, 65, 5), *walk(65.5, 70, 300)]))
        assert (after.verdict, names(after)[-1]) == (Verdict.LATE, "late_by")

    def test_too_short_for_certain_is_missed_and_says_so(self) -> None:
        judged = found(with_point(dwell_s=180), tracked([*walk(-6, 20, 300), *walk(20.5, 21.5, 5), *walk(22, 66, 300)]))
        assert judged.verdict is Verdict.MISSED
        assert names(judged) == ["dwell_short"]
        assert judged.reasons[0] == {
            "reason": "dwell_short", "device": "H-03", "holder": "U-1", "stayed_s": 60.0, "dwell_s": 180,
            "at": "2026-11-21T00:20:30.000Z",
        }  # fmt: skip

    def test_nobody_is_blamed_when_the_fixes_are_too_sparse_to_tell(self) -> None:
        sparse = [*walk(-6, 19, 300, step=1), fix(21, 5), fix(23, 300), *walk(24, 66, 300, step=1)]
        judged = found(with_point(dwell_s=180), tracked(sparse))
        assert judged.verdict is Verdict.IN_DOUBT
        assert names(judged)[0] == "dwell_unsure"

    def test_a_tag_read_when_coming_and_when_going_shows_a_stay(self) -> None:
        where = with_point(dwell_s=180, tags=("04A2",))
        elsewhere = tracked(walk(-6, 66, 300))
        assert found(where, elsewhere, scans=[scan(20, 5, 5), scan(24, 5, 5)]).verdict is Verdict.MET
        assert found(where, elsewhere, scans=[scan(20, 5, 5), scan(21, 5, 5)]).verdict is Verdict.MISSED


class TestScans:
    def tagged(self) -> World:
        return with_point(tags=("04A2",))

    def test_a_scan_that_says_it_was_made_nearby_is_a_visit(self) -> None:
        judged = found(self.tagged(), scans=[scan(30, 40, 40)])
        assert judged.verdict is Verdict.MET
        assert judged.met_at == at(30)
        assert judged.reasons[0]["distance_m"] == pytest.approx(56.6, abs=0.1)
        assert judged.reasons[0]["holder"] == "U-1"
        assert judged.evidence is not None
        assert judged.evidence["scans"][0]["tag"] == "04:A2"

    def test_a_fix_beside_it_says_where_it_was_made(self) -> None:
        judged = found(self.tagged(), tracked([fix(29, 50, 50, accuracy_m=60)]), scans=[scan(30)])
        assert judged.verdict is Verdict.MET
        assert judged.reasons[0]["fix_age_s"] == 60

    def test_four_hundred_metres_away_is_in_doubt_though_the_fixes_cover_the_window(self) -> None:
        judged = found(self.tagged(), tracked(walk(-6, 66, 400)), scans=[scan(30)])
        assert judged.verdict is Verdict.IN_DOUBT
        assert names(judged) == ["scan_far"]
        assert judged.reasons[0]["distance_m"] == pytest.approx(400, abs=0.3)
        said = found(self.tagged(), tracked(walk(-6, 66, 400)), scans=[scan(30, 400, 0)])
        assert names(said) == ["scan_far"]

    def test_a_fix_too_coarse_to_tell_accuses_nobody(self) -> None:
        judged = found(self.tagged(), tracked(walk(-6, 66, 400, accuracy_m=500)), scans=[scan(30)])
        assert names(judged)[0] == "scan_unplaced"

    def test_without_any_place_the_setting_decides(self) -> None:
        where = self.tagged()
        assert names(found(where, scans=[scan(30)])) == ["scan_unplaced", "no_device"]
        trusting = settings(missed_checkpoint={"accept_unplaced_scan": True})
        assert found(where, scans=[scan(30)], book=trusting).verdict is Verdict.MET

    def test_late_and_early_scans_count_as_such(self) -> None:
        assert found(self.tagged(), scans=[scan(63, 0, 0)]).verdict is Verdict.LATE
        assert found(self.tagged(), scans=[scan(-3, 0, 0)]).verdict is Verdict.EARLY
        assert found(self.tagged(), tracked(walk(-6, 66, 400)), scans=[scan(70, 0, 0)]).verdict is Verdict.MISSED

    def test_the_tag_counts_only_while_it_hangs_there(self) -> None:
        moved = world(
            checkpoints=Book(
                [
                    replace(point("C-1", 0), tags=("04A2",), valid_to=at(20)),
                    replace(point("C-1", 0), tags=("04B7",), valid_from=at(20)),
                ]
            )
        )
        assert found(moved, scans=[scan(10, 0, 0)]).verdict is Verdict.MET
        judged = found(moved, tracked(walk(-6, 66, 400)), scans=[scan(30, 0, 0)])
        assert judged.verdict is Verdict.MISSED
        assert found(moved, scans=[scan(30, 0, 0, tag="04-b7")]).verdict is Verdict.MET


class TestVehicles:
    def drive(self, speed_mps: float) -> Any:
        """Past C-1 along the street, a fix each ten seconds."""
        fixes = [fix(20 + step / 6, -600 + speed_mps * 10 * step) for step in range(round(1200 / speed_mps / 10))]
        return tracked([*walk(-6, 19.9, -600, step=0.5), *fixes, *walk(fixes[-1].time.minute + 1, 66, 600)], kind="car")

    def test_past_a_street_corner_counts_and_past_a_school_does_not(self) -> None:
        assert found(with_point("car", kind="street"), self.drive(12)).verdict is Verdict.MET
        judged = found(with_point("car", kind="school"), self.drive(12))
        assert judged.verdict is Verdict.MISSED
        assert names(judged) == ["drove_past"]
        assert judged.reasons[0]["speed_mps"] == pytest.approx(12, abs=0.1)

    def test_slowing_down_or_a_setting_makes_it_a_visit(self) -> None:
        assert found(with_point("car", kind="school"), self.drive(2.5)).verdict is Verdict.MET
        any_pass = settings(missed_checkpoint={"vehicle_pass": {"school": True}})
        assert found(with_point("car", kind="school"), self.drive(12), book=any_pass).verdict is Verdict.MET

    def test_who_walks_is_not_asked_for_his_speed(self) -> None:
        runner = tracked([*walk(-6, 20, -60), fix(20.2, 0), *walk(20.4, 66, 60)])
        assert found(with_point("foot", kind="school"), runner).verdict is Verdict.MET


class TestTurns:
    def ordered(self, *legs: Leg) -> World:
        since = {"valid_from": ALWAYS}
        route = Route(code="R-1", name="Route", checkpoints=("C-1", "C-2", "C-3"), ordered=True, legs=legs, **since)
        points: list[Checkpoint] = [point("C-1", 0), point("C-2", 300), point("C-3", 600)]
        return world(checkpoints=Book(points), routes=Book([route]))

    def steps(self, *stops: tuple[float, float]) -> Any:
        """Stands at each place for two minutes from a minute on, and walks on a parallel street between them."""
        fixes = []
        for (minute, east), (following, _) in zip(stops, (*stops[1:], (67, 0)), strict=True):
            fixes += walk(minute, minute + 2, east)
            fixes += walk(minute + 2.5, following - 0.5, east, 150)
        return tracked([*walk(-6, stops[0][0] - 0.5, 0, 150), *fixes])

    def verdicts(self, where: World, device: Any, **more: Any) -> dict[str, tuple[str, ...]]:
        found = {code: judge(of(where, code), device, where=where, **more) for code in ("C-1", "C-2", "C-3")}
        said = {"out_of_order", "leg_early", "leg_late"}
        return {code: (str(it.verdict), *(name for name in names(it) if name in said)) for code, it in found.items()}

    def test_in_turn_is_met(self) -> None:
        judged = self.verdicts(self.ordered(), self.steps((5, 0), (20, 300), (40, 600)))
        assert judged == {"C-1": ("met",), "C-2": ("met",), "C-3": ("met",)}

    def test_only_the_one_that_went_astray_is_late(self) -> None:
        judged = self.verdicts(self.ordered(), self.steps((5, 600), (20, 0), (40, 300)))
        assert judged == {"C-1": ("met",), "C-2": ("met",), "C-3": ("late", "out_of_order")}
        lenient = settings(missed_checkpoint={"out_of_order": "met"})
        judged = self.verdicts(self.ordered(), self.steps((5, 600), (20, 0), (40, 300)), book=lenient)
        assert judged["C-3"] == ("met", "out_of_order")

    def test_passing_a_point_before_its_turn_and_again_in_it_is_in_order(self) -> None:
        judged = self.verdicts(self.ordered(), self.steps((2, 600), (10, 0), (25, 300), (45, 600)))
        assert {its[0] for its in judged.values()} == {"met"}

    def test_a_hole_in_which_it_may_have_been_reached_again_excuses(self) -> None:
        device = self.steps((5, 600), (20, 0), (40, 300))
        holed = replace(device, fixes=tuple(it for it in device.fixes if not at(45) < it.time < at(60)))
        assert self.verdicts(self.ordered(), holed)["C-3"] == ("met",)

    def test_a_leg_outside_its_tolerance_is_early_or_late(self) -> None:
        where = self.ordered(Leg(minutes=15, tolerance_min=3), Leg(minutes=20, tolerance_min=5))
        assert set(self.verdicts(where, self.steps((5, 0), (20, 300), (40, 600))).values()) == {("met",)}
        judged = self.verdicts(where, self.steps((5, 0), (13, 300), (50, 600)))
        assert judged == {"C-1": ("met",), "C-2": ("early", "leg_early"), "C-3": ("late", "leg_late")}

    def test_nothing_is_said_before_it_has_settled_while_a_point_before_is_open(self) -> None:
        where = self.ordered()
        third = of(where, "C-3")
        judged = judge(third, self.steps((5, 600)), where=where, now=8)
        assert judged.verdict is Verdict.MET
        assert stand(replace(third, state=State.OPEN), judged, now=at(8)).verdict is None
        judged = judge(third, self.steps((5, 0), (10, 300), (15, 600)), where=where, now=18)
        assert stand(replace(third, state=State.OPEN), judged, now=at(18)).verdict is Verdict.MET

    def test_the_longest_turn_is_found(self) -> None:
        turn = in_turn([("A", [at(9)]), ("B", [at(1)]), ("C", [at(2), at(8)]), ("D", [at(3)])])
        assert turn == {"B": at(1), "C": at(2), "D": at(3)}
        assert in_turn([]) == {}
