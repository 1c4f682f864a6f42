"""Small parts of the HTTP side: cursors, delays, origins, shifts, flags, permissions of a viewer."""

from datetime import UTC, datetime, time, timedelta
from http import HTTPStatus

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, TypeAdapter

from devices.plausibility import Flag
from ops.http.cursors import Paging, decode_cursor, encode_cursor
from ops.http.dispatch import list_fields
from ops.http.errors import Problem
from ops.http.fields import age_s
from ops.http.passwords import Passwords, hash_password, new_password
from ops.http.positions import flag_words
from ops.http.resources.units import is_on
from ops.http.sign_in import MAX_DELAY_S, delay_s
from ops.http.viewer import Viewer

KEY = TypeAdapter(tuple[int, str])


@given(st.integers(), st.text())
def test_a_cursor_gives_back_its_key(number: int, text: str) -> None:
    assert decode_cursor(encode_cursor([number, text]), KEY) == (number, text)


@given(st.text())
def test_any_other_text_is_no_cursor(text: str) -> None:
    with pytest.raises(Problem) as problem:
        decode_cursor(text, TypeAdapter(tuple[bytes, bytes, bytes]))
    assert problem.value.status is HTTPStatus.UNPROCESSABLE_ENTITY


class PageQuery(BaseModel):
    """Which page of a list."""

    limit: int = 3
    after: str | None = None


def test_the_last_page_has_no_next() -> None:
    paging = Paging(tuple[int], before="id")
    found = [{"id": number} for number in range(4)]
    page, following = paging.cut(found, PageQuery())
    assert [one["id"] for one in page] == [0, 1, 2]
    assert following == encode_cursor([2])
    assert paging.cut(found[:3], PageQuery())[1] is None
    assert paging.cut([], PageQuery()) == ([], None)


def test_the_next_page_begins_where_the_last_one_ended() -> None:
    paging = Paging(tuple[datetime, int], past_time="due_at", past_id="id")
    noon = datetime(2026, 11, 22, 12, tzinfo=UTC)
    assert paging.params(PageQuery()) == {"past_time": None, "past_id": None, "limit": 4}
    _, following = paging.cut([{"id": number, "due_at": noon} for number in range(4)], PageQuery())
    assert paging.params(PageQuery(after=following)) == {"past_time": noon, "past_id": 2, "limit": 4}


def test_delays_grow_to_a_bound_and_never_lock_out() -> None:
    assert [delay_s(here=failures, anywhere=failures) for failures in range(10)] == [0, 0, 0, 0, 0, 1, 2, 4, 8, 8]
    assert delay_s(here=10**9, anywhere=10**9) == MAX_DELAY_S
    assert delay_s(here=0, anywhere=50) == 1.0


DAY = {"days": ["mon"], "starts": time(8), "ends": time(20)}
NIGHT = {"days": ["mon"], "starts": time(20), "ends": time(8)}


@pytest.mark.parametrize(
    ("shift", "local", "on"),
    [
        (DAY, "2026-11-23T07:59:59", False),
        (DAY, "2026-11-23T08:00:00", True),
        (DAY, "2026-11-23T19:59:59", True),
        (DAY, "2026-11-23T20:00:00", False),
        (DAY, "2026-11-24T12:00:00", False),
        (NIGHT, "2026-11-23T07:00:00", False),
        (NIGHT, "2026-11-23T20:00:00", True),
        (NIGHT, "2026-11-24T07:59:59", True),
        (NIGHT, "2026-11-24T08:00:00", False),
        (NIGHT, "2026-11-24T20:00:00", False),
    ],
)
def test_a_night_shift_ends_on_the_next_day(shift: dict[str, object], local: str, on: bool) -> None:
    assert is_on(shift, datetime.fromisoformat(local)) is on


def test_flags_are_words() -> None:
    assert flag_words(0) == []
    assert flag_words(None) == []
    assert flag_words(Flag.MOCK | Flag.SATURATED) == ["mock", "saturated"]


def test_a_clock_that_runs_ahead_makes_no_negative_age() -> None:
    now = datetime(2026, 11, 21, tzinfo=UTC)
    assert age_s(now + timedelta(seconds=5), now) == 0.0
    assert age_s(now - timedelta(seconds=5), now) == 5.0


def test_bounds_of_a_viewer_deny_what_its_role_has_not() -> None:
    patrol = Viewer(id=1, name="a", role="patrol", scope=None, unit="U1")
    assert patrol.bounds("tracks.read") == {"scope": None, "own": True, "own_unit": "U1"}
    assert patrol.bounds("grids.read")["own"] is False
    assert patrol.bounds("alerts.read")["own"] is True
    assert not Viewer(id=1, name="a", role="king", scope=None, unit=None).may("alerts.read")


def test_lists_are_what_a_model_says_is_one() -> None:
    class Query(BaseModel):
        many: list[str]
        maybe: list[int] | None = None
        one: str = ""

    assert list_fields(Query) == {"many", "maybe"}


async def test_a_password_is_the_only_one_that_fits_its_hash() -> None:
    password = new_password()
    stored = hash_password(password)
    passwords = Passwords()
    assert await passwords.verify(password, stored)
    assert not await passwords.verify(password + " ", stored)
    assert not await passwords.verify(password, None)
    assert not await passwords.verify(password, "not a hash")
    assert await passwords.rehashed(password, stored) is None
