"""Stories in which somebody would be blamed for what nobody knows, or for what nobody asked of them."""

from dataclasses import replace
from datetime import timedelta

import pytest

from rules.core.duties import Duty, Verdict
from rules.core.fixes import Span
from rules.core.measures import CountsAs, counts_as
from rules.core.stays import HeldBy, LongView
from rules.core.world import Book, Custody, Leave, Post, World
from rules.long_view import devices_of
from rules.rule import LongNeed
from tests.unit.rules.test_missed_line import along, line_world
from tests.unit.rules.test_missed_visit import HELD, MONDAY, hours, judged, visit_world
from tests.unit.rules.test_response_time import INCIDENT
from tests.unit.rules.test_static_post import post_world
from tests.unit.rules.timeline import ALWAYS, at, fix, judge, names, plan, shift, tracked, walk, world

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
