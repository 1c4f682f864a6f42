"""What must hold for every track: order, repetition and batches change nothing, nor does the time of day."""

import json
import math
import random
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from rules.core.dated import Book
from rules.core.duties import Duty, Judgement, Verdict
from rules.core.fixes import PACES, Fix, Span, ordered
from rules.core.holes import holes
from rules.core.presence import Tracked
from rules.core.visits import Circle, approaches
from tests.unit.rules.timeline import at, fix, judge, place, plan, point, tracked, world

DUTY = next(it.duty for it in plan("missed_checkpoint", world()) if it.duty.subject == "C-1")

fixes = st.builds(
    fix,
    st.integers(-600, 4200).map(lambda seconds: seconds / 60),
    st.integers(-400, 400),
    st.integers(-400, 400),
    accuracy_m=st.sampled_from([None, 3.0, 6.0, 29.9, 30.0, 31.0, 500.0]),
    flags=st.sampled_from([0, 0, 0, 0, 1, 2, 4, 8]),
)
tracks = st.lists(fixes, max_size=40)
walks = st.lists(st.integers(-60, 60), min_size=126, max_size=140).map(
    lambda steps: [fix(index / 2 - 2, sum(steps[:index]), 20) for index in range(len(steps))]
)


def text(found: Judgement) -> str:
    """Everything that was found, byte for byte."""
    return json.dumps(
        [found.verdict, [dict(it) for it in found.reasons], str(found.met_at), found.evidence], sort_keys=True
    )


@given(tracks | walks, st.data())
def test_order_and_repetition_change_nothing(track: list[Fix], data: st.DataObject) -> None:
    once = judge(DUTY, tracked(track))
    again = data.draw(st.permutations(track))
    twice = data.draw(st.lists(st.sampled_from(track), max_size=10)) if track else []
    assert text(judge(DUTY, tracked([*again, *twice]))) == text(once)


@given(tracks, tracks)
def test_the_order_of_devices_changes_no_verdict(one: list[Fix], other: list[Fix]) -> None:
    devices = [tracked(one), tracked(other, device="R-01")]
    found = judge(DUTY, *devices)
    turned = judge(DUTY, *reversed(devices))
    assert (turned.verdict, turned.met_at) == (found.verdict, found.met_at)


@given(tracks | walks, st.integers(-(10**6), 10**6))
def test_another_time_of_day_gives_the_same(track: list[Fix], seconds: int) -> None:
    shift = timedelta(seconds=seconds)
    here, there = judge(DUTY, tracked(track)), judge(_moved(DUTY, shift), _later(tracked(track), shift))
    assert there.verdict is here.verdict
    assert (there.met_at - shift if there.met_at else None) == here.met_at


@given(walks)
def test_a_dense_walk_is_never_in_doubt(track: list[Fix]) -> None:
    assert judge(DUTY, tracked(track)).verdict is not Verdict.IN_DOUBT


@given(tracks, fixes)
def test_more_fixes_never_take_a_proof_away_by_themselves(track: list[Fix], more: Fix) -> None:
    """A fix inside is a visit whatever else is known; a segment may be refuted by what lay between its ends."""
    inside = replace(more, lat=place(0, 0)[0], lon=place(0, 0)[1], accuracy_m=5.0, flags=0, time=at(30))
    assert judge(DUTY, tracked([*track, inside])).verdict is Verdict.MET


@given(tracks)
def test_whoever_was_proven_missed_had_no_hole(track: list[Fix]) -> None:
    circle, window = Circle(*place(0, 0), 30), Span(at(0), at(60))
    credible = tuple(it for it in ordered(track) if it.credible)
    if judge(DUTY, tracked(track)).verdict is Verdict.MISSED:
        assert holes(credible, circle, span=window, pace=PACES["foot"]) == []
        assert not any(it.proves(circle) for it in approaches(credible, circle, span=window, pace=PACES["foot"]))


def _moved(duty: Duty, shift: timedelta) -> Duty:
    return replace(
        duty,
        opens_at=duty.opens_at + shift,
        due_at=duty.due_at + shift,
        settles_at=duty.settles_at + shift,
        final_at=duty.final_at + shift,
    )


def _later(device: Tracked, shift: timedelta) -> Tracked:
    return replace(device, fixes=tuple(replace(it, time=it.time + shift) for it in device.fixes))


@settings(max_examples=150, deadline=None)
@given(seed=st.integers(0, 2**32), ride=st.booleans())
def test_whoever_was_there_is_never_said_to_have_missed_it(seed: int, ride: bool) -> None:
    """An honest receiver, straight ways between its fixes, holes, stray fixes: the innocent is met or in doubt."""
    dice = random.Random(seed)  # noqa: S311  a walk, not a secret
    radius_m = dice.choice((10, 30, 80))
    where = world(checkpoints=Book([replace(point("C-1", 0), radius_m=radius_m), point("C-2", 5000)]))
    duty = next(it.duty for it in plan("missed_checkpoint", where) if it.duty.subject == "C-1")
    second, east, north = -360.0, dice.uniform(-400, 400), dice.uniform(-400, 400)
    truth: list[tuple[float, float, float]] = [(second, east, north)]
    while second < 3960:
        step_s = dice.choice((10, 30, 30, 60))
        speed, course = dice.uniform(0, 9 if ride else 4.9), dice.uniform(0, math.tau)
        if dice.random() < 0.3:
            course = math.atan2(-north, -east)  # to the checkpoint
        east, north = east + speed * step_s * math.cos(course), north + speed * step_s * math.sin(course)
        second += step_s
        truth.append((second, east, north))
    hole = dice.uniform(0, 3300)
    fixes = []
    for second, east, north in truth:
        if not ride and dice.random() < 0.5 and hole < second < hole + 400:
            continue
        accuracy_m, course = dice.choice((4, 8, 25, 60)), dice.uniform(0, math.tau)
        off = 3000 if dice.random() < 0.02 else dice.uniform(0, accuracy_m)
        noise = east + off * math.cos(course), north + off * math.sin(course)
        fixes.append(fix(second / 60, *noise, accuracy_m=accuracy_m))
    there = any(
        -300 <= a[0] + (b[0] - a[0]) * part / 20 <= 3900
        and math.hypot(a[1] + (b[1] - a[1]) * part / 20, a[2] + (b[2] - a[2]) * part / 20) < radius_m
        for a, b in pairwise(truth)
        for part in range(21)
    )
    found = judge(duty, tracked(fixes), where=where)
    if there:
        assert found.verdict is not Verdict.MISSED, found.reasons
