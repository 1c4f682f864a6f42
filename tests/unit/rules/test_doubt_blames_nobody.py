"""Stories in which somebody would be blamed for what nobody knows, or for what nobody asked of them."""

from dataclasses import replace
from datetime import timedelta

import pytest

from rules.core.dated import END_OF_TIME, Book
from rules.core.duties import Duty, Verdict
from rules.core.equipment import Custody
from rules.core.fixes import Fix, Span, merged
from rules.core.measures import CountsAs, counts_as
from rules.core.notices import About, Voice, sentence
from rules.core.plans import Leg, Route
from rules.core.presence import Tracked
from rules.core.sequence import leg_before, out_of_turn
from rules.core.staff import Leave, Post
from rules.core.stays import HeldBy, LongView
from rules.core.world import World
from rules.long_view import devices_of
from rules.replies import LongNeed
from tests.unit.rules.test_missed_line import along, line_world
from tests.unit.rules.test_missed_visit import HELD, MONDAY, hours, judged, visit_world
from tests.unit.rules.test_response_time import INCIDENT
from tests.unit.rules.test_static_post import post_world
from tests.unit.rules.timeline import ALWAYS, at, fix, judge, names, plan, point, shift, tracked, walk, world

WEEK = Span(MONDAY, MONDAY + timedelta(days=7))


class TestMeasures:
    def test_a_hole_in_a_walk_along_a_line_is_the_devices_fault(self) -> None:
        where = line_world()
        duty = next(it.duty for it in plan("missed_line", where))
        found = judge(duty, tracked([*along(0, 0, 300), fix(45, 900)]), where=where)
        assert (found.verdict, names(found)[:2]) == (Verdict.IN_DOUBT, ["covered", "gap"])
        assert counts_as("final", str(found.verdict), found.reasons) is CountsAs.DEVICE_FAULT

    def test_so_is_one_in_the_time_at_a_post_and_in_a_week_of_visits(self) -> None:
        where = post_world()
        duty = plan("static_post", where)[0].duty
        post = judge(duty, tracked([*walk(-5, 40, 10), *walk(60, 125, 10)]), where=where)
        assert counts_as("final", str(post.verdict), post.reasons) is CountsAs.DEVICE_FAULT
        visit = judged(plan("missed_visit", visit_world())[0].duty, LongView(held=(HELD,), hours=hours(silent=[11])))
        assert counts_as("final", str(visit.verdict), visit.reasons) is CountsAs.DEVICE_FAULT


class TestIncidents:
    @pytest.fixture
    def duty(self) -> Duty:
        return replace(plan("response_time", world(), incidents=[INCIDENT])[0].duty, id=1)

    def test_called_off_before_the_limit_is_not_missed(self, duty: Duty) -> None:
        found = judge(duty, tracked(walk(-2, 200, 800)), incident=replace(INCIDENT, closed_at=at(2)))
        assert (found.verdict, names(found)) == (Verdict.WAIVED, ["closed"])

    def test_closed_after_the_limit_is_missed_all_the_same(self, duty: Duty) -> None:
        found = judge(duty, tracked(walk(-2, 200, 800)), incident=replace(INCIDENT, closed_at=at(6)))
        assert found.verdict is Verdict.MISSED

    def test_whoever_arrived_before_it_was_closed_has_arrived(self, duty: Duty) -> None:
        found = judge(duty, tracked([*walk(-2, 1, 200), fix(1.9, 20)]), incident=replace(INCIDENT, closed_at=at(2)))
        assert found.verdict is Verdict.MET


class TestVisits:
    def test_a_shift_that_did_not_run_that_week_watches_nobody(self) -> None:
        """With the shift of the unit over since last month, one fix in the whole week covered it."""
        posts = Book([Post(code="P-1", name="P", unit="U-1", grid="G-1", role="grid_officer", valid_from=ALWAYS)])
        where = replace(visit_world(), posts=posts, shifts=(shift(valid_to=at(-30 * 1440)),))
        duty = plan("missed_visit", where)[0].duty
        found = judged(duty, LongView(held=(HELD,), hours=hours()[:1]), where=where)
        assert (found.verdict, "hole" in names(found)) == (Verdict.IN_DOUBT, True)

    def with_leave(self, since: float, until: float, *, cover: str | None = None) -> World:
        away = Leave(
            code="P-1",
            kind="leave",
            cover=cover,
            valid_from=MONDAY + timedelta(days=since),
            valid_to=MONDAY + timedelta(days=until),
        )
        posts = [
            Post(code="P-1", name="A", unit="U-1", grid="G-1", role="grid_officer", valid_from=ALWAYS),
            Post(code="P-2", name="B", unit="U-2", grid=None, role="crew", valid_from=ALWAYS),
            Post(code="P-3", name="C", unit="U-1", grid=None, role="crew", valid_from=ALWAYS),
        ]
        custody = (
            Custody(code="P-1", device=1, holder_kind="post", valid_from=ALWAYS),
            Custody(code="P-2", device=2, holder_kind="post", valid_from=ALWAYS),
        )
        return replace(visit_world(), posts=Book(posts), custody=custody, leaves=(away,), shifts=())

    def need(self) -> LongNeed:
        return LongNeed(
            posts=("P-1",),
            grids=frozenset({"G-1"}),
            span=WEEK,
            dwell_s=600,
            days=1,
            max_gap_s=300,
            accuracy_m=100,
        )

    def test_a_week_of_leave_that_nobody_covers_blames_nobody(self) -> None:
        """The handset lay in a drawer of the station and reported all week."""
        where = self.with_leave(0, 7)
        duty = plan("missed_visit", where)[0].duty
        found = judged(duty, LongView(held=(HELD,), hours=hours()), where=where)
        assert (found.verdict, names(found)) == (Verdict.IN_DOUBT, ["visits", "nobody_named"])

    def test_the_stand_ins_device_counts_for_the_leave_and_the_drawers_does_not(self) -> None:
        where = self.with_leave(0, 7, cover="P-2")
        assert {it.device for it in devices_of(where, self.need()).values()} == {"R-01"}
        part = devices_of(self.with_leave(0, 2, cover="P-2"), self.need())
        assert {it.device: it.spells for it in part.values()} == {
            "R-01": (Span(MONDAY, MONDAY + timedelta(days=2)),),
            "H-03": (Span(MONDAY + timedelta(days=2), WEEK.end),),
        }

    def test_who_was_there_for_the_rest_of_the_week_is_judged_by_that(self) -> None:
        where = self.with_leave(0, 2)
        duty = plan("missed_visit", where)[0].duty
        held = HeldBy("R-01", "radio", "P-1", (Span(MONDAY + timedelta(days=2), at(1e6)),))
        found = judged(duty, LongView(held=(held,), hours=hours()), where=where)
        assert found.verdict is Verdict.MISSED

    def test_one_in_sight_elsewhere_says_nothing_of_anothers_hole(self) -> None:
        where = visit_world()
        more = Post(code="P-2", name="Other", unit=None, grid="G-1", role="grid_officer", valid_from=ALWAYS)
        where = replace(where, posts=Book([*where.posts, more]))
        duty = plan("missed_visit", where)[0].duty
        other = HeldBy("H-03", "handset", "P-2", HELD.spells)
        his = tuple(replace(it, device="H-03") for it in hours(silent=[11]))
        found = judged(duty, LongView(held=(HELD, other), hours=(*hours(), *his)), where=where)
        assert found.verdict is Verdict.IN_DOUBT
        assert {it.get("device") for it in found.reasons if it["reason"] == "hole"} == {"H-03"}
        never_spoke = judged(duty, LongView(held=(HELD, other), hours=hours()), where=where)
        assert never_spoke.verdict is Verdict.MISSED


class TestCheckpoints:
    """C-1 is 30 m wide, from 08:00 to 09:00, five minutes early and late."""

    @pytest.fixture
    def duty(self) -> Duty:
        return next(it.duty for it in plan("missed_checkpoint", world()) if it.duty.subject == "C-1")

    def test_a_fix_that_may_lie_inside_given_its_accuracy_is_doubt(self, duty: Duty) -> None:
        found = judge(duty, tracked([*walk(-6, 30, 200), fix(31, 45, accuracy_m=25), *walk(33, 66, 200)]))
        assert (found.verdict, names(found)) == (Verdict.IN_DOUBT, ["accuracy"])
        surely = judge(duty, tracked([*walk(-6, 30, 200), fix(31, 60, accuracy_m=25), *walk(33, 66, 200)]))
        assert surely.verdict is Verdict.MISSED

    def test_one_fix_that_went_astray_does_not_hide_the_way(self, duty: Duty) -> None:
        """He walks straight through, a fix each minute and none inside; one between is half a kilometre off."""
        way = [*walk(-6, 29, -45), fix(29.5, -40, 500), *walk(30, 66, 45)]
        assert judge(duty, tracked(way)).verdict is Verdict.MET

    def test_one_fix_from_nowhere_proves_nothing(self, duty: Duty) -> None:
        """A handset that lies at home, three kilometres away, and for one moment says that it is there."""
        home = [*walk(-6, 30, 3000), fix(30.3, 0), *walk(30.5, 66, 3000)]
        found = judge(duty, tracked(home))
        assert (found.verdict, names(found)) == (Verdict.IN_DOUBT, ["jump"])

    def test_riding_out_and_back_is_no_jump(self, duty: Duty) -> None:
        """A patrolman on foot who borrowed a motorcycle: nobody walks that fast, and yet he was there."""
        ride = [*walk(-6, 30, 300), fix(30.5, 0), *walk(31, 66, 300)]
        assert judge(duty, tracked(ride)).verdict is Verdict.MET

    def test_riding_through_faster_than_walking_is_doubt(self, duty: Duty) -> None:
        """25 km/h and a fix each half minute: no movement is one on foot, and none of the fixes lies inside."""
        ride = [fix(minute / 2, 208 * (minute - 19) - 104) for minute in range(-12, 132)]
        found = judge(duty, tracked(ride))
        assert (found.verdict, names(found)) == (Verdict.IN_DOUBT, ["too_fast"])

    def test_a_hole_in_the_time_that_counts_as_late_is_doubt(self, duty: Duty) -> None:
        """Seen 200 m away at nine, and again at five past: he may have been there in between, and that is late."""
        found = judge(duty, tracked([*walk(-6, 60.2, 200), *walk(64.5, 70, 200)]))
        assert (found.verdict, names(found)) == (Verdict.IN_DOUBT, ["hole"])

    def test_a_handset_that_is_switched_off_after_the_shift_covered_it(self, duty: Duty) -> None:
        assert judge(duty, tracked(walk(0, 60, 200))).verdict is Verdict.MISSED

    def test_of_two_vehicles_each_is_ruled_out(self, duty: Duty) -> None:
        def car(name: str, *fixes: Fix) -> Tracked:
            return replace(tracked(fixes, device=name, kind="car"), kind="vehicle")

        away = car("V-01", *walk(-6, 66, 5000))
        hole = car("V-02", *walk(-6, 20, 400), *walk(30, 66, 400))
        assert judge(duty, away, hole).verdict is Verdict.IN_DOUBT
        assert judge(duty, away, car("V-02")).verdict is Verdict.MISSED
        walked_together = replace(hole, kind="handset")
        assert judge(duty, replace(away, kind="handset"), walked_together).verdict is Verdict.MISSED

    def test_a_stay_asks_for_custody_in_its_window_alone(self) -> None:
        """The handset is handed over when shifts change, as everywhere."""
        where = world(checkpoints=Book([replace(point("C-1", 0), dwell_s=180), point("C-2", 500)]))
        duty = next(it.duty for it in plan("missed_checkpoint", where) if it.duty.subject == "C-1")
        held = tracked(walk(-6, 66, 300), spell=Span(at(0), at(60)))
        assert judge(duty, held, where=where).verdict is Verdict.MISSED


def test_a_line_ridden_faster_than_on_foot_is_doubt() -> None:
    where = line_world()
    duty = next(it.duty for it in plan("missed_line", where))
    found = judge(duty, tracked([*walk(-2, 10, -50), *along(10.5, 0, 1000, mps=7), *walk(14, 66, 1050)]), where=where)
    assert found.verdict is Verdict.IN_DOUBT
    assert names(found)[2:] == ["too_fast"]


class TestRoutesThatPassAPointTwice:
    """C-1, C-2, C-1, C-3: C-1 is due the first time, and how long the way from its second time took nobody knows."""

    route = Route(
        code="R-1",
        name="Route",
        checkpoints=("C-1", "C-2", "C-1", "C-3"),
        ordered=True,
        legs=tuple(Leg(minutes=10, tolerance_min=2) for _ in range(3)),
        valid_from=ALWAYS,
    )

    def test_the_point_that_was_passed_over_comes_later_on_the_route(self) -> None:
        turn = {"C-1": at(1), "C-3": at(5)}
        assert out_of_turn("C-2", at(8), self.route, turn)["other"] == "C-3"

    def test_no_leg_is_held_against_what_was_passed_before(self) -> None:
        turn = {"C-1": at(1), "C-2": at(11), "C-3": at(31)}
        assert leg_before("C-2", self.route, turn) is None
        assert leg_before("C-3", self.route, turn) is None


def test_what_is_told_of_a_duty_proven_late_says_that_it_was_late() -> None:
    about = About(rule="missed_checkpoint", unit="U-1", what="Gate", whole=False, opens_at=at(0), due_at=at(60))
    assert "超过时限" in sentence(Voice(), about, "late", correction=True)
    assert "later than the limit" in sentence(Voice(language="en"), about, "late", correction=True)
    assert "早于时段" in sentence(Voice(), about, "early", correction=True)


class TestHandedOver:
    """The shift's only handset goes from one post of the unit to another at half past eight."""

    @pytest.fixture
    def duty(self) -> Duty:
        return next(it.duty for it in plan("missed_checkpoint", world()) if it.duty.subject == "C-1")

    def in_hands(self, *fixes: Fix, pause: float = 0.0) -> Tracked:
        hands = ((Span(ALWAYS, at(30)), "P-1"), (Span(at(30 + pause), END_OF_TIME), "P-2"))
        whole = merged(span for span, _ in hands)
        return replace(tracked(fixes), holder="P-1, P-2", hands=hands, spells=whole)

    def test_who_carried_it_then_is_named(self, duty: Duty) -> None:
        for minute, holder in ((20.2, "P-1"), (30, "P-2"), (40.2, "P-2")):
            found = judge(duty, self.in_hands(*walk(-6, 66, 300), fix(minute, 0)))
            assert (found.verdict, found.reasons[0]["holder"]) == (Verdict.MET, holder)

    def test_one_that_stays_in_the_unit_covers_the_window(self, duty: Duty) -> None:
        assert judge(duty, self.in_hands(*walk(-6, 66, 300))).verdict is Verdict.MISSED
        assert judge(duty, self.in_hands(*walk(-6, 66, 300), pause=1)).verdict is Verdict.MISSED
        lent = judge(duty, self.in_hands(*walk(-6, 66, 300), pause=5))
        assert (lent.verdict, "custody" in names(lent)) == (Verdict.IN_DOUBT, True)

    def test_a_way_across_the_hand_over_counts(self, duty: Duty) -> None:
        found = judge(duty, self.in_hands(*walk(-6, 29.5, -45), *walk(30.5, 66, 45), pause=0.5))
        assert found.verdict is Verdict.MET
