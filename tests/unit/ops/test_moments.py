"""Times that people type and read: of the site, whatever its clock did that night."""

from zoneinfo import ZoneInfo

import pytest

from ops.errors import OpsError
from ops.moments import NoMoment, at_site, in_site_times, moment_of

BERLIN, SHANGHAI = ZoneInfo("Europe/Berlin"), ZoneInfo("Asia/Shanghai")


@pytest.mark.parametrize(
    ("text", "zone", "utc"),
    [
        ("2026-11-21", SHANGHAI, "2026-11-20T16:00:00+00:00"),
        ("2026-11-21 08:00", SHANGHAI, "2026-11-21T00:00:00+00:00"),
        ("2026-11-21T08:00+01:00", SHANGHAI, "2026-11-21T07:00:00+00:00"),
        ("2026-03-29 03:00", BERLIN, "2026-03-29T01:00:00+00:00"),
        ("2026-10-25 02:30+01:00", BERLIN, "2026-10-25T01:30:00+00:00"),
    ],
)
def test_a_time_of_the_site(text: str, zone: ZoneInfo, utc: str) -> None:
    assert moment_of(text, "--from", zone=zone).isoformat() == utc


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("tomorrow", "--from 'tomorrow' is no time; write a date such as"),
        ("2026-02-30", "is no time"),
        ("2026-03-29 02:30", "'2026-03-29 02:30' never was at the site: its clock was put forward over it"),
        ("2026-10-25 02:30", "write which, 2026-10-25T02:30+02:00 or 2026-10-25T02:30+01:00"),
    ],
)
def test_what_is_no_time_is_refused_in_a_sentence(text: str, said: str) -> None:
    with pytest.raises(NoMoment) as refused:
        moment_of(text, "--from", zone=BERLIN)
    assert said in str(refused.value)


def test_messages_are_read_in_the_sites_time() -> None:
    text = "held from 2026-11-21 16:00Z to 2026-11-21 16:00:05Z; kept: 16:00Z, 2026-11-21T16:00Z"
    said = "held from 2026-11-22 00:00 to 2026-11-22 00:00:05; kept: 16:00Z, 2026-11-21T16:00Z"
    assert at_site(text, zone=SHANGHAI) == said
    with pytest.raises(OpsError, match=r"^until 2026-11-22 00:00$"), in_site_times(SHANGHAI):
        raise OpsError("until 2026-11-21 16:00Z")
