"""Times on the wire."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.times import EPOCH, parse_time


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
