"""What came so late that rules must look again: one mark per device, over the times of it."""

from datetime import UTC, datetime, timedelta
from typing import Any

from devices.plausibility import Flag
from devices.readings import Button, Position
from ingest.columns import Checked, fixes_of, positions_of
from ingest.marking import _late_marks
from ingest.match import Mark

NOW = datetime(2026, 11, 21, 8, tzinfo=UTC)


def said(device: int, age_s: float, reading: type[Position] | type[Button] = Position) -> Checked:
    body: dict[str, Any] = {"type": "position", "lat": 30.0, "lon": 111.0}
    if reading is Button:
        body = {"type": "button", "button": "check_in", "pressed": True}
    time = NOW - timedelta(seconds=age_s)
    return Checked(device, time, reading.model_validate({"t": time, **body}), "wgs84", Flag(0), NOW)


def belated(fixes: list[Checked], others: list[Checked]) -> list[Mark]:
    """The marks for those who follow ways."""
    return [it for it in _late_marks(positions_of(fixes_of(fixes)), others, None) if it.kind == "track"]


def test_only_what_is_late_and_each_device_once() -> None:
    fixes = [said(7, 0), said(7, 40), said(8, 50), said(8, 4000), said(8, 600), said(9, 10)]
    others = [said(9, 46, Button), said(7, 44, Button), said(8, 5000, Button)]
    marks = belated(fixes, others)
    assert [(it.kind, it.subject, it.window_from, it.window_to) for it in marks] == [
        ("track", "8", NOW - timedelta(seconds=5000), NOW - timedelta(seconds=50)),
        ("track", "9", NOW - timedelta(seconds=46), NOW - timedelta(seconds=46)),
    ]


def test_a_batch_without_anything_late_or_without_anything() -> None:
    assert belated([said(7, 3)], []) == []
    assert belated([], []) == []
