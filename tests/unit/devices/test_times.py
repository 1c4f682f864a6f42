"""Times on the wire."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.times import EPOCH, parse_time
from devices.wire_times import UNREADABLE, microseconds_of


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-21T08:00:00Z",
        "2026-11-21t16:00:00+08:00",
        "2026-11-21T08:00:00.000000000Z",
        "2026-11-21T03:00:00-05:00",
    ],
)
def test_the_same_moment(text: str) -> None:
    assert parse_time(text) == datetime(2026, 11, 21, 8, tzinfo=UTC)


@given(st.datetimes(min_value=datetime(1970, 1, 1), max_value=datetime(9999, 1, 1)))  # noqa: DTZ001  made aware below
def test_milliseconds_go_there_and_back(naive: datetime) -> None:
    moment = naive.replace(microsecond=naive.microsecond // 1000 * 1000, tzinfo=UTC)
    milliseconds = (moment - EPOCH).days * 86_400_000 + (moment - EPOCH).seconds * 1000 + moment.microsecond // 1000
    assert parse_time(milliseconds) == moment


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("2026-11-21T08:00:00", "no offset"),
        ("2026-11-21", "must be RFC 3339"),
        ("21.11.2026T08:00", "not RFC 3339"),
        (-1, "between 1970 and 9999"),
        (10**18, "between 1970 and 9999"),
        (1.5, "must be RFC 3339"),
        (True, "must be RFC 3339"),
        (None, "must be RFC 3339"),
        ("0001-01-01T00:00:00+14:00", "outside the years"),
        ("T" * 100, "must be RFC 3339"),
    ],
)
def test_what_is_wrong_is_said(value: object, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        parse_time(value)


@st.composite
def wire_times(draw: st.DrawFn) -> str | int:
    """Times in the common shapes, some of them with one sign changed."""
    moment = draw(st.datetimes())
    text = moment.isoformat(timespec=draw(st.sampled_from(["seconds", "milliseconds", "microseconds"])))
    text += draw(st.sampled_from(["Z", "Z", "+08:00", "-05:30", "+23:59", "-00:00", "+24:00", "+08:60", "z", ""]))
    if draw(st.booleans()):
        place = draw(st.integers(0, len(text) - 1))
        text = text[:place] + draw(st.sampled_from("0123456789:-+.TtZz /٣é")) + text[place + 1 :]
    milliseconds = draw(st.integers(-5, 253_402_300_800_005))
    return milliseconds if draw(st.integers(0, 3)) == 0 else text


@settings(max_examples=500)
@given(st.lists(wire_times(), max_size=8))
def test_many_at_once_are_read_like_each_alone(values: list[str | int]) -> None:
    def alone(value: str | int) -> int:
        try:
            return (parse_time(value) - EPOCH) // timedelta(microseconds=1)
        except ValueError:
            return UNREADABLE

    assert microseconds_of(values).tolist() == [alone(value) for value in values]
