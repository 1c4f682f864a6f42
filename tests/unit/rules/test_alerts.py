"""The life of an alert, step by step, and what holds for any sequence of steps."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.core.alerts import (
    SYSTEM,
    WITHDRAWN,
    Alert,
    AlertState,
    Change,
    Clear,
    Intent,
    Note,
    Raise,
    Severity,
    acknowledge,
    apply,
    resolve,
)
from tests.unit.rules.timeline import at

KEEP = timedelta(minutes=30)
FIRE = Raise(
    fingerprint="f",
    rule="missed_checkpoint",
    subject="C-1",
    class_="missed",
    severity=Severity.HIGH,
    title="missed",
    occurred_at=at(0),
)
UNPROVEN = replace(FIRE, class_="unproven", severity=Severity.WARNING, title="not proven")


def step(alert: Alert | None, intent: Intent, minute: float, keep: timedelta | None = KEEP) -> Change:
    change = apply(alert, intent, at=at(minute), keep_open=keep)
    assert change is not None
    return change


def events(change: Change) -> list[str]:
    return [entry.event for entry in change.entries]


@pytest.fixture
def alert() -> Alert:
    return replace(step(None, FIRE, 1).alert, id=1)


def test_it_opens_once(alert: Alert) -> None:
    assert (alert.state, alert.opened_at, alert.class_) == (AlertState.OPEN, at(1), "missed")
    assert apply(alert, FIRE, at=at(2), keep_open=KEEP) is None


def test_acknowledged_once_by_the_first(alert: Alert) -> None:
    seen = acknowledge(alert, actor="chen", at=at(2))
    assert seen is not None
    assert (seen.alert.acked_by, seen.alert.acked_at) == ("chen", at(2))
    assert acknowledge(seen.alert, actor="wu", at=at(3)) is None
    assert apply(seen.alert, FIRE, at=at(4), keep_open=KEEP) is None


@pytest.mark.parametrize("severity", [Severity.WARNING, Severity.HIGH])
def test_worse_than_what_was_acknowledged_opens_it_again(severity: Severity) -> None:
    first = step(None, UNPROVEN, 1).alert
    seen = acknowledge(first, actor="chen", at=at(2))
    assert seen is not None
    worse = step(seen.alert, replace(FIRE, severity=severity), 3)
    assert (worse.alert.state, worse.alert.acked_by, worse.alert.class_) == (AlertState.OPEN, None, "missed")
    assert events(worse) == ["changed"]
    assert worse.entries[0].tell


@pytest.mark.parametrize(("minute", "state"), [(3.9, AlertState.ACKNOWLEDGED), (4, AlertState.OPEN)])
def test_pressed_again_long_after_it_was_seen_calls_again(minute: float, state: AlertState) -> None:
    press = replace(FIRE, key="press 1")
    seen = acknowledge(step(None, press, 1).alert, actor="chen", at=at(2))
    assert seen is not None
    again = step(seen.alert, replace(press, key="press 2"), minute)
    assert again.alert.state is state
    assert events(again) == ["again"]
    assert again.entries[0].tell is (state is AlertState.OPEN)


def test_better_than_what_was_acknowledged_stays_acknowledged(alert: Alert) -> None:
    seen = acknowledge(alert, actor="chen", at=at(2))
    assert seen is not None
    better = step(seen.alert, UNPROVEN, 3)
    assert (better.alert.state, better.alert.class_) == (AlertState.ACKNOWLEDGED, "unproven")


def test_late_proof_withdraws_and_tells(alert: Alert) -> None:
    proof = Clear(fingerprint="f", event=WITHDRAWN, class_=WITHDRAWN, note="H-03 was there")
    gone = step(alert, proof, 5)
    assert (gone.alert.state, gone.alert.class_, gone.alert.resolved_by) == (AlertState.RESOLVED, WITHDRAWN, SYSTEM)
    assert gone.entries[0].tell
    assert apply(gone.alert, proof, at=at(6), keep_open=KEEP) is None


def test_late_proof_is_noted_even_when_an_officer_closed_it(alert: Alert) -> None:
    closed = resolve(alert, actor="chen", note="known", at=at(3))
    assert closed is not None
    proof = Clear(fingerprint="f", event=WITHDRAWN, class_=WITHDRAWN, note="was there")
    gone = step(closed.alert, proof, 5)
    assert (gone.alert.class_, gone.alert.resolved_by) == (WITHDRAWN, "chen")
    assert events(gone) == [WITHDRAWN]


def test_the_same_again_after_an_officer_closed_it_is_left_alone(alert: Alert) -> None:
    closed = resolve(alert, actor="chen", note="known", at=at(3))
    assert closed is not None
    assert apply(closed.alert, FIRE, at=at(5), keep_open=None) is None


def test_firing_again_soon_reopens_and_counts(alert: Alert) -> None:
    gone = step(alert, Clear(fingerprint="f", note="heard again"), 5).alert
    again = step(gone, replace(FIRE, occurred_at=at(20)), 20)
    assert (again.alert.id, again.alert.reopened, again.alert.state) == (1, 1, AlertState.OPEN)
    assert (again.alert.resolved_at, again.alert.resolution) == (None, None)
    assert events(again) == ["reopened"]


def test_firing_again_after_long_is_a_new_alert(alert: Alert) -> None:
    gone = step(alert, Clear(fingerprint="f", note="heard again"), 5).alert
    assert step(gone, replace(FIRE, occurred_at=at(36)), 36).alert.id is None
    assert step(gone, replace(FIRE, occurred_at=at(36)), 36, keep=None).alert.id == 1


def test_a_press_again_is_history(alert: Alert) -> None:
    again = step(alert, replace(FIRE, key="H-03/2", note="pressed"), 2)
    assert events(again) == ["again"]
    assert again.entries[0].key == "H-03/2"
    released = step(alert, Note(fingerprint="f", event="released", note="", key="H-03/3"), 3)
    assert (released.alert.state, events(released)) == (AlertState.OPEN, ["released"])


def test_a_count_that_grows_is_told_again_and_one_that_falls_is_not_pressed() -> None:
    def counted(items: int) -> Raise:
        return replace(FIRE, reasons=({"reason": "overdue", "items": items},), title=f"{items} items")

    seen = acknowledge(step(None, counted(3), 1).alert, actor="chen", at=at(2))
    assert seen is not None
    assert step(seen.alert, counted(2), 3).alert.state is AlertState.ACKNOWLEDGED
    assert step(seen.alert, counted(4), 3).alert.state is AlertState.OPEN


intents: st.SearchStrategy[Any] = st.sampled_from(
    [
        FIRE,
        UNPROVEN,
        replace(FIRE, key="k"),
        Clear(fingerprint="f", note="over"),
        Clear(fingerprint="f", note="proof", event=WITHDRAWN, class_=WITHDRAWN),
        Note(fingerprint="f", event="released", note=""),
        "acknowledge",
        "resolve",
    ]
)


@given(st.lists(intents, max_size=30))
def test_at_most_one_lives_and_times_make_sense(steps: list[Any]) -> None:
    rows: list[Alert] = []
    for minute, intent in enumerate(steps):
        current = next((it for it in rows if it.live), rows[-1] if rows else None)
        if isinstance(intent, str):
            if current is None:
                continue
            change = (
                acknowledge(current, actor="chen", at=at(minute))
                if intent == "acknowledge"
                else resolve(current, actor="chen", note="x", at=at(minute))
            )
        else:
            fired = replace(intent, occurred_at=at(minute)) if isinstance(intent, Raise) else intent
            change = apply(current, fired, at=at(minute), keep_open=timedelta(minutes=3))
        if change is None:
            continue
        if change.alert.id is None:
            rows.append(replace(change.alert, id=len(rows)))
        else:
            rows[change.alert.id] = change.alert
        assert sum(it.live for it in rows) <= 1
        for it in rows:
            assert it.live == (it.resolved_at is None)
            assert (it.acked_by is None) == (it.acked_at is None)
            assert it.opened_at <= it.changed_at
