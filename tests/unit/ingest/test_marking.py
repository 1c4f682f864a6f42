"""What came so late that rules must look again: one mark of each kind per device, over the times of it."""

from datetime import UTC, datetime, timedelta
from typing import Any

from devices.plausibility import Flag
from devices.readings import Button, Position
from ingest.columns import Checked, fixes_of, positions_of
from ingest.marking import late_marks
from ingest.match import Mark
from ingest.others import others_of

NOW = datetime(2026, 11, 21, 8, tzinfo=UTC)


def said(device: int, age_s: float, reading: type[Position] | type[Button] = Position) -> Checked:
    body: dict[str, Any] = {"type": "position", "lat": 30.0, "lon": 111.0}
    if reading is Button:
        body = {"type": "button", "button": "check_in", "pressed": True}
    return Checked(device, ago(age_s), reading.model_validate({"t": ago(age_s), **body}), "wgs84", Flag(0), NOW)


def ago(age_s: float) -> datetime:
    return NOW - timedelta(seconds=age_s)


def marks(fixes: list[Checked], others: list[Checked], **how: Any) -> list[Mark]:
    return late_marks(positions_of(fixes_of(fixes)), others_of(others), **how)


def test_only_what_is_late_and_each_device_once() -> None:
    fixes = [said(7, 0), said(7, 40), said(8, 50), said(8, 4000), said(8, 600), said(9, 10)]
    others = [said(9, 46, Button), said(7, 44, Button), said(8, 5000, Button)]
    assert marks(fixes, others) == [
        Mark("late", "8", ago(5000), ago(600)),
        Mark("track", "8", ago(5000), ago(50)),
        Mark("track", "9", ago(46), ago(46)),
    ]


def test_a_batch_without_anything_late_or_without_anything() -> None:
    assert marks([said(7, 3)], []) == []
    assert marks([], []) == []


def test_what_was_withheld_for_long_is_late_when_it_is_released() -> None:
    assert marks([said(7, 3)], [], stored_at=NOW + timedelta(hours=1)) == [
        Mark("late", "7", ago(3), ago(3)),
        Mark("track", "7", ago(3), ago(3)),
    ]


def test_many_late_devices_are_our_own_delay_and_one_mark() -> None:
    assert marks([said(number, 100 + number) for number in range(1, 301)], []) == [
        Mark("late", "*", ago(400), ago(121)),
        Mark("track", "*", ago(400), ago(101)),
    ]
