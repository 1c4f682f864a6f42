"""Who does a post's duties: itself, who stands in while it is away, or nobody; and which devices count therefore."""

from typing import Any

from rules.core.dated import Book
from rules.core.equipment import Custody, Device
from rules.core.fixes import Span
from rules.core.grids import GridPost
from rules.core.staff import Leave, Post, Unit
from rules.core.world import World
from tests.unit.rules.timeline import ALWAYS, at, world

DAY = Span(at(0), at(600))


def leave(post: str, start: float, end: float | None, *, cover: str | None = None) -> Leave:
    return Leave(code=post, kind="leave", cover=cover, valid_from=at(start), valid_to=None if end is None else at(end))


def posts(*more: Post) -> Book[Post]:
    return Book(
        [
            Post(code="P-1", name="A", unit="U-1", grid="G-1", deputy="P-3", valid_from=ALWAYS),
            Post(code="P-2", name="B", unit="U-2", grid="G-1", valid_from=ALWAYS),
            Post(code="P-3", name="C", unit=None, grid=None, valid_from=ALWAYS),
            *more,
        ]
    )


def town(*leaves: Leave, **more: Any) -> World:
    """P-1 of U-1 carries H-1 and has P-3 with H-3 as its deputy; P-2 of U-2 carries H-2; U-1's car has V-1."""
    since: dict[str, Any] = {"valid_from": ALWAYS}
    everything: dict[str, Any] = {
        "units": Book([Unit(code=f"U-{n}", name="U", kind="foot", **since) for n in (1, 2)]),
        "posts": posts(),
        "devices": (*(Device(n, f"H-{n}", "handset") for n in (1, 2, 3)), Device(4, "V-1", "vehicle")),
        "custody": (
            *(Custody(code=f"P-{n}", device=n, holder_kind="post", **since) for n in (1, 2, 3)),
            Custody(code="U-1", device=4, holder_kind="unit", **since),
        ),
        "leaves": leaves,
    }
    return world(**{**everything, **more})


def counting(where: World, unit: str | None, span: Span = DAY) -> dict[str, list[tuple[float, float]]]:
    """Devices with the minutes in which they count."""
    found: dict[str, list[tuple[float, float]]] = {}
    for it in where.trackers(span, unit=unit):
        found.setdefault(it.device.name, []).extend(
            ((spell.start - at(0)).total_seconds() / 60, (spell.end - at(0)).total_seconds() / 60)
            for spell in it.spells
        )
    return found


def test_who_is_there_does_its_own_duties() -> None:
    assert town().standing_in("P-1", at(0)) == "P-1"
    assert counting(town(), "U-1") == {"H-1": [(0, 600)], "V-1": [(0, 600)]}


def test_a_leave_is_inclusive_at_its_start_and_exclusive_at_its_end() -> None:
    where = town(leave("P-1", 60, 120))
    assert [where.standing_in("P-1", at(it)) for it in (59, 60, 119, 120)] == ["P-1", "P-3", "P-3", "P-1"]


def test_the_stand_ins_devices_count_for_the_time_of_the_leave_and_the_absent_ones_do_not() -> None:
    where = town(leave("P-1", 60, 120))
    assert counting(where, "U-1") == {"H-1": [(0, 60), (120, 600)], "H-3": [(60, 120)], "V-1": [(0, 600)]}


def test_a_stand_in_still_counts_for_its_own_unit() -> None:
    where = town(leave("P-1", 60, None, cover="P-2"))
    assert counting(where, "U-1") == {"H-1": [(0, 60)], "H-2": [(60, 600)], "V-1": [(0, 600)]}
    assert counting(where, "U-2") == {"H-2": [(0, 600)]}
    assert counting(where, None)["H-2"] == [(60, 600), (0, 600)]


def test_who_was_named_goes_before_b_of_a_grid_and_that_before_the_deputy() -> None:
    answers = (
        GridPost(code="G-1", slot="A", post="P-1", valid_from=ALWAYS),
        GridPost(code="G-1", slot="B", post="P-2", valid_from=ALWAYS),
    )
    assert town(leave("P-1", 0, 60), grid_posts=answers).standing_in("P-1", at(5)) == "P-2"
    named = town(leave("P-1", 0, 60, cover="P-3"), grid_posts=answers)
    assert named.cover.candidates("P-1", at(5)) == ["P-3", "P-2"]
    assert named.standing_in("P-1", at(5)) == "P-3"


def test_b_answers_for_a_and_not_the_other_way_round() -> None:
    answers = (
        GridPost(code="G-1", slot="A", post="P-2", valid_from=ALWAYS),
        GridPost(code="G-1", slot="B", post="P-1", valid_from=ALWAYS),
    )
    assert town(leave("P-2", 0, 60), grid_posts=answers).standing_in("P-2", at(5)) == "P-1"
    assert town(leave("P-1", 0, 60), posts=posts(), grid_posts=answers).standing_in("P-1", at(5)) == "P-3"


def test_when_both_are_away_nobody_is_named_until_somebody_is() -> None:
    both = leave("P-1", 0, 300), leave("P-3", 60, 120)
    where = town(*both)
    assert [where.standing_in("P-1", at(it)) for it in (30, 90, 150)] == ["P-3", None, "P-3"]
    assert where.unnamed("U-1", DAY) == (Span(at(60), at(120)),)
    named = town(leave("P-1", 0, 90), leave("P-1", 90, 300, cover="P-2"), both[1])
    assert named.unnamed("U-1", DAY) == (Span(at(60), at(90)),)


def test_one_post_that_is_there_is_enough_for_a_unit() -> None:
    other = Post(code="P-4", name="D", unit="U-1", grid=None, valid_from=ALWAYS)
    where = town(leave("P-1", 0, 60), leave("P-3", 0, 60), posts=posts(other))
    assert where.standing_in("P-1", at(5)) is None
    assert where.unnamed("U-1", DAY) == ()


def test_a_unit_without_posts_is_never_without_somebody_named() -> None:
    assert town(posts=Book([]), leaves=(leave("P-1", 0, 60),)).unnamed("U-1", DAY) == ()
    assert town(leave("P-1", 0, 60)).unnamed(None, DAY) == ()


def test_a_deputy_who_is_no_longer_in_force_stands_in_for_nobody() -> None:
    gone = Book(
        [
            Post(code="P-1", name="A", unit="U-1", grid=None, deputy="P-3", valid_from=ALWAYS),
            Post(code="P-3", name="C", unit=None, grid=None, valid_from=ALWAYS, valid_to=at(30)),
        ]
    )
    where = town(leave("P-1", 0, 60), posts=gone)
    assert where.cover.over("P-1", DAY) == [
        (Span(at(0), at(30)), "P-3"),
        (Span(at(30), at(60)), None),
        (Span(at(60), at(600)), "P-1"),
    ]


def test_last_tuesdays_deputy_stood_in_on_last_tuesday() -> None:
    changed = Book(
        [
            Post(code="P-1", name="A", unit="U-1", grid=None, deputy="P-2", valid_from=ALWAYS, valid_to=at(60)),
            Post(code="P-1", name="A", unit="U-1", grid=None, deputy="P-3", valid_from=at(60)),
            Post(code="P-2", name="B", unit="U-2", grid=None, valid_from=ALWAYS),
            Post(code="P-3", name="C", unit=None, grid=None, valid_from=ALWAYS),
        ]
    )
    where = town(leave("P-1", 0, 120), posts=changed)
    assert counting(where, "U-1") == {
        "H-1": [(120, 600)],
        "H-2": [(0, 60)],
        "H-3": [(60, 120)],
        "V-1": [(0, 600)],
    }


def test_custody_and_leave_cut_each_other() -> None:
    since: dict[str, Any] = {"holder_kind": "post"}
    held = (
        Custody(code="P-3", device=3, valid_from=at(80), valid_to=at(100), **since),
        Custody(code="P-1", device=1, valid_from=at(50), valid_to=at(70), **since),
    )
    assert counting(town(leave("P-1", 60, 120), custody=held), "U-1") == {"H-1": [(50, 60)], "H-3": [(80, 100)]}
