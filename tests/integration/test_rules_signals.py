"""Signals: SOS at once and once, silence only where it means something, settings that cannot be used."""

import logging
from collections.abc import AsyncIterator

import pytest

from devices.plausibility import Flag
from rules.actions import acknowledge_alert, resolve_alert
from rules.errors import NotNow, StillTrue
from tests.integration.rules_site import EVERY_DAY, Site, at, place, site_at

SOS = {"type": "button", "button": "sos", "pressed": True}


@pytest.fixture
async def site(database_url: str) -> AsyncIterator[Site]:
    async with site_at(database_url) as site:
        await site.unit()
        await site.device("H-03")
        yield site


async def on_duty(site: Site, starts: str = "08:00", ends: str = "12:00") -> None:
    await site.do(
        "INSERT INTO shift (code, name, days, starts, ends, unit, route, rounds) "
        "VALUES ('day', 'Day', %s, %s, %s, 'U-1', 'none', 1)",
        EVERY_DAY,
        starts,
        ends,
    )


async def history(site: Site) -> list[str]:
    return [row["event"] for row in await site.rows("SELECT event FROM alert_history ORDER BY id")]


async def test_sos_says_who_and_where_and_how_old(site: Site) -> None:
    await site.fix("H-03", 1, 40, 50)
    await site.reading("H-03", 6, SOS)
    await site.work(6)
    alert = await site.row("SELECT * FROM alert")
    assert alert["severity"] == "critical"
    assert alert["class"] == "sos"
    assert alert["unit"] == "U-1"
    assert alert["title"] == "SOS: H-03 (U-1, U-1)"
    assert alert["lat"] == pytest.approx(place(40, 50)[0], abs=1e-6)
    assert alert["reasons"][0]["place_age_s"] == 300
    note = await site.row("SELECT note FROM alert_history")
    assert note["note"] == "sos pressed at 08:06; the position is 5 min older"


async def test_sos_again_is_history_and_a_release_closes_nothing(site: Site) -> None:
    for minute, body in ((1, SOS), (2, SOS), (3, {**SOS, "pressed": False})):
        site.now = at(minute)
        await site.reading("H-03", minute, body)
        await site.work(minute)
    # The same span looked at again tells nothing twice.
    await site.mark("device", str(site.numbers["H-03"]), 0, 5)
    await site.work(4)
    assert await history(site) == ["opened", "again", "released"]
    alert = await site.row("SELECT id, state FROM alert")
    assert alert["state"] == "open"

    async with site.connection.transaction():
        await acknowledge_alert(site.connection, alert["id"], actor="chen", at=at(5))
        await acknowledge_alert(site.connection, alert["id"], actor="wu", at=at(5))
        await resolve_alert(site.connection, alert["id"], actor="chen", note="safe", at=at(6))
        with pytest.raises(NotNow):
            await acknowledge_alert(site.connection, alert["id"], actor="chen", at=at(7))
    await site.mark("device", str(site.numbers["H-03"]), 0, 5)
    await site.work(7)
    assert (await site.row("SELECT state, acked_by FROM alert"))["state"] == "resolved"

    site.now = at(8)
    await site.reading("H-03", 8, SOS)
    await site.work(8)
    assert await site.row("SELECT state, reopened, acked_by FROM alert") == {
        "state": "open",
        "reopened": 1,
        "acked_by": None,
    }
    assert await history(site) == ["opened", "again", "released", "acknowledged", "resolved", "reopened"]


async def test_sos_with_a_bad_clock_alerts_all_the_same(site: Site) -> None:
    site.now = at(3)
    await site.reading("H-03", 3, {**SOS, "button": "man_down"}, flags=Flag.RECEIPT_TIME)
    await site.work(3)
    assert (await site.row("SELECT class FROM alert"))["class"] == "man_down"
    assert "time of receipt" in (await site.row("SELECT note FROM alert_history"))["note"]


async def test_an_unreadable_reading_stops_no_other_device(
    site: Site, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    await site.device("H-04", unit=None)
    await site.reading("H-03", 1, {"type": "report", "kind": "x", "occurred_at": "not a time"})
    await site.reading("H-04", 1, SOS)
    with caplog.at_level(logging.ERROR):
        await site.work(2)
    assert (await site.row("SELECT device FROM alert"))["device"] == "H-04"
    assert "tried again" in caplog.text
    assert len(await site.rows("SELECT id FROM dirty_mark")) == 1


async def test_silence_on_duty_and_heard_again(site: Site) -> None:
    await on_duty(site)
    await site.listening(-60)
    await site.fix("H-03", 10, 0, 0)
    await site.work(14)
    assert await history(site) == []
    await site.work(15.5)
    alert = await site.row("SELECT id, class, severity, unit FROM alert")
    assert (alert["class"], alert["severity"], alert["unit"]) == ("silent", "warning", "U-1")
    with pytest.raises(StillTrue):
        async with site.connection.transaction():
            await resolve_alert(site.connection, alert["id"], actor="chen", note="shut up", at=at(16))

    await site.fix("H-03", 20, 0, 0)
    await site.work(20.5)
    await site.work(26)
    row = await site.row("SELECT state, reopened FROM alert")
    assert row == {"state": "open", "reopened": 1}
    assert await history(site) == ["opened", "resolved", "reopened"]

    await site.work(241)  # the shift is over
    assert (await site.row("SELECT resolution FROM alert"))["resolution"] == "its unit is off duty"


async def test_nobody_is_silent_off_duty_or_in_the_first_minutes(site: Site) -> None:
    await on_duty(site, "08:30", "12:00")
    await site.listening(-600)
    await site.fix("H-03", -200, 0, 0)
    for minute in (0, 29, 31, 36):
        await site.work(minute)
        assert await history(site) == []
    await site.work(38)
    assert await history(site) == ["opened"]


async def test_no_storm_while_ingest_is_down_and_after_it_came_back(site: Site) -> None:
    await on_duty(site)
    for number in range(5, 15):
        await site.device(f"H-{number:02}")
        await site.fix(f"H-{number:02}", 5, 0, 0)
    await site.listening(-60, silent_s=60)
    await site.work(30)
    assert await history(site) == []
    await site.listening(40)
    await site.work(41)
    await site.work(44)
    assert await history(site) == []
    await site.work(46)
    assert len(await history(site)) == 10


async def test_settings_are_dated_and_what_cannot_be_used_is_said(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    await on_duty(site)
    await site.listening(-60)
    await site.do(
        "INSERT INTO rule_setting (rule, key, value, valid_from) VALUES "
        "('silent_device', 'limit_s', '{\"handset\": 60}', %s), ('silent_device', 'volume', '3', %s), "
        "('nonsense', 'a', '1', %s)",
        at(20),
        at(0),
        at(0),
    )
    await site.fix("H-03", 10, 0, 0)
    with caplog.at_level(logging.WARNING):
        await site.work(12)
    assert "the known ones are limit_s, grace_s, severity" in caplog.text
    assert "no rule 'nonsense'" in caplog.text
    assert await history(site) == []
    await site.fix("H-03", 18.5, 0, 0)
    await site.work(20)
    assert await history(site) == ["opened"]
