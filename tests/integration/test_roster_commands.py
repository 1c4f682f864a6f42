"""`gengfu roster` and `gengfu custody`: what they say and do, and the sentence for each thing typed wrongly."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from ops.cli import main
from tests.integration.http_site import Site, small_site

Gengfu = Callable[..., Awaitable[tuple[int, str]]]
LINE = ("U1", "R1", "--starts", "19:00", "--ends", "23:00")


@pytest.fixture
async def site(database_url: str) -> AsyncIterator[Site]:
    async with small_site(database_url) as found:
        yield found


@pytest.fixture
def gengfu(
    site: Site, database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Gengfu:
    for name in [name for name in os.environ if name.startswith("GENGFU_") and not name.startswith("GENGFU_TEST_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("GENGFU_DATABASE_URL", database_url)
    monkeypatch.setenv("COLUMNS", "400")  # so that no sentence is broken in two

    def said(*words: str) -> tuple[int, str]:
        with pytest.raises(SystemExit) as ended:
            main(words)
        out, err = capsys.readouterr()
        return int(ended.value.code or 0), (out + err).strip()

    async def ask(*words: str) -> tuple[int, str]:
        return await asyncio.to_thread(said, *words)

    return ask


async def test_a_line_of_the_calendar_has_a_mode(site: Site, gengfu: Gengfu) -> None:
    made = await gengfu("roster", "shift", "set", "eve", *LINE, "--rounds", "2", "--mode", "seasonal",
                        "--first", "06-15", "--last", "08-31", "--from", "2026-06-01")  # fmt: skip
    terms = "19:00 to 23:00, daily, seasonal 06-15 to 08-31, 2 rounds"
    assert made[1].startswith(f"shift eve of U1 on R1, from 2026-06-01 00:00 on: {terms}\n")
    changed = await gengfu("roster", "shift", "set", "eve", *LINE, "--rounds", "3", "--mode", "random",
                           "--round-min", "45", "--holidays", "skip", "--from", "2026-07-01")  # fmt: skip
    lot = "19:00 to 23:00, daily, 3 rounds by lot, 45 min each, not on holidays"
    assert changed[1].splitlines()[:2] == [
        f"shift eve of U1 on R1, from 2026-07-01 00:00 on: {lot}",
        f"until then: {terms}",
    ]
    assert "what is no longer planned is superseded" in changed[1]
    rows = site.sql("SELECT mode, first_day, round_min, holidays FROM shift WHERE code = 'eve' ORDER BY valid_from")
    assert rows == [("seasonal", "06-15", None, "as_usual"), ("random", None, 45, "skip")]
    listed = (await gengfu("roster", "shift", "list"))[1].splitlines()
    assert [line.split()[:2] for line in listed[1:]] == [["always", "U1"], ["always", "U2"], ["eve", "U1"]]
    assert f"{lot}  2026-07-01 00:00  further notice" in listed[3]


REFUSED = [
    (("--mode", "seasonal", "--first", "06-15"), "its last_day is left out; give a day such as 11-15"),
    (("--mode", "seasonal", "--first", "06-15", "--last", "02-30"), "its last_day is 02-30; give a day"),
    (("--mode", "targeted", "--first", "2026-12-10", "--last", "2026-12-01"), "turn the two round"),
    (("--first", "06-15"), "is constant and has a first_day"),
    (("--round-min", "45"), "is constant and has a round_min"),
    (("--mode", "random", "--round-min", "900"), "they may take 5 to 720"),
    (("--mode", "monthly"), "'monthly' is not one of"),
    (("--days", "mon,funday"), "they are some of mon, tue"),
    (("--from", "25.12."), "'25.12.' is no time; write a date such as"),
]


async def test_a_line_that_cannot_be_is_refused(gengfu: Gengfu) -> None:
    for more, said in REFUSED:
        status, text = await gengfu("roster", "shift", "set", "eve", *LINE, "--rounds", "2", *more)
        assert (status in {1, 2}, said in text) == (True, True), text


async def test_nothing_is_silent_about_what_is_not_there(gengfu: Gengfu) -> None:
    assert await gengfu("roster", "leave", "list") == (
        0,
        "nobody is away, now or later; --all has leaves that are over",
    )
    assert "there is no post P9" in (await gengfu("roster", "leave", "list", "--post", "P9"))[1]
    assert "begins with X" in (await gengfu("roster", "show", "--grid", "X"))[1]
    assert "there is no device H9" in (await gengfu("custody", "list", "--device", "H9"))[1]
    assert await gengfu("custody", "list", "--holder", "P1", "--device", "X9", "--all") == (0, "P1 does not hold X9")
    assert await gengfu("custody", "list", "--device", "X9", "--all") == (0, "nobody holds X9")


async def test_leave_says_who_stands_in_and_who_else_is_left_alone(gengfu: Gengfu) -> None:
    away = ("--from", "2026-06-01 08:00", "--cover", "P2")
    said = (await gengfu("roster", "leave", "add", "P1", *away))[1]
    assert said.startswith("leave 1: P1 is away from 2026-06-01 08:00 to further notice; P2 stands in\n")
    again = await gengfu("roster", "leave", "add", "P1", "--from", "2026-06-03")
    assert (again[0], "P1 is away from 2026-06-01 08:00 on already (leave 1)" in again[1]) == (1, True)
    both = (await gengfu("roster", "leave", "add", "P2", "--from", "2026-06-02", "--cover", "P1"))[1].splitlines()
    assert both[0].endswith("NOBODY stands in; name somebody (P1, who was named, is away as well)")
    assert both[1] == "besides, NOBODY stands in for P1 (leave 1); name somebody"


async def test_refusals_of_custody_have_the_sites_time(gengfu: Gengfu) -> None:
    assert (await gengfu("custody", "give", "X9", "P1", "--at", "2026-06-01 08:00"))[0] == 0
    status, said = await gengfu("custody", "give", "X9", "P2", "--at", "2026-06-02 08:00")
    assert (status, "X9 is held by P1 from 2026-06-01 08:00 on" in said) == (1, True)
    same = await gengfu("custody", "give", "X9", "P1", "--at", "2026-06-02 08:00")
    assert (same[0], "held by P1 from 2026-06-01 08:00 on already" in same[1]) == (1, True)
    night = ("--hand-over", "--at", "2026-06-02 20:00", "--until", "2026-06-03 08:00")
    lines = (await gengfu("custody", "give", "X9", "P2", *night))[1].splitlines()
    assert lines[0] == "X9 is held by P2 from 2026-06-02 20:00 until 2026-06-03 08:00"
    assert lines[1] == "from 2026-06-03 08:00 on nobody holds it; P1 gave it up for good"


async def test_a_corrected_hour_gives_nothing_up(gengfu: Gengfu) -> None:
    assert (await gengfu("custody", "give", "X9", "P1", "--at", "2026-06-01 08:00"))[0] == 0
    hour = ("--from", "2026-06-02 18:00", "--to", "2026-06-02 19:00")
    said = (await gengfu("custody", "correct", "X9", "--holder", "P2", *hour))[1]
    assert said.startswith("X9 is held by P2 from 2026-06-02 18:00 until 2026-06-02 19:00\n")
    assert "gave it up" not in said
    assert "X9      P1      post  2026-06-02 19:00  further notice" in (await gengfu("custody", "list"))[1]
