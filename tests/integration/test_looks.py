"""A look at a track has a purpose, and whoever was looked at learns of it; who is off duty is on no map."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from tests.integration.http_site import Site, small_site
from tests.integration.live_stream import stream

OFF_DUTY = """
UPDATE tracking_state SET enforced = true, revision = revision + 1;
INSERT INTO tracking_span (device, valid_from, valid_to, why)
SELECT number, now() - interval '9 hours', now() - interval '1 hour', 'shift' FROM device WHERE name IN ('H1', 'H2');
"""


@pytest.fixture
async def site(database_url: str) -> AsyncIterator[Site]:
    async with small_site(database_url) as found:
        yield found


@pytest.mark.parametrize("purpose", [None, "", "  ", "abc", "   abc   ", "aaaaaaa", "....,,,,", "查岗"])
async def test_a_look_without_a_purpose_is_refused_and_shows_nothing(site: Site, purpose: str | None) -> None:
    async with site.as_user("officer") as browser:
        params = {} if purpose is None else {"purpose": purpose}
        reply = await browser.get("/api/devices/H1/track", params=params)
    assert reply.status == 422
    assert "items" not in reply.json
    (problem,) = reply.json["errors"]
    assert problem["where"] == "query.purpose"
    assert site.sql("SELECT count(*) FROM audit WHERE actor = 'officer'") == [(1,)], "the one of the fixture"


async def test_the_refusal_says_what_to_do(site: Site) -> None:
    async with site.as_user("officer") as browser:
        reply = await browser.get("/api/devices/H1/track?purpose=why")
        missing = (await browser.get("/api/devices/H1/track")).json["errors"]
    assert "at least 4 characters why you look" in reply.json["errors"][0]["what"]
    assert missing[0]["what"].startswith("missing: why you look, in at least four characters")


async def test_a_patrol_sees_who_looked_at_its_own_track_when_and_why(site: Site) -> None:
    async with site.as_user("officer") as officer, site.as_user("patrol") as patrol:
        assert (await officer.get("/api/devices/H1/track?purpose=complaint+12")).status == 200
        assert (await officer.get("/api/devices/H2/track?purpose=another+unit")).status == 200
        (look,) = (await patrol.get("/api/looks/mine")).json["items"]
        assert (look["actor"], look["role"], look["device"]) == ("officer", "officer", "H1")
        assert (look["purpose"], look["rows"]) == ("complaint 12", 50)
        assert datetime.fromisoformat(look["since"]) < datetime.fromisoformat(look["until"])
        assert (await patrol.get("/api/looks")).status == 403


async def test_a_look_at_a_time_when_others_had_the_device_is_theirs(site: Site) -> None:
    middle = datetime.now(UTC) - timedelta(minutes=30)
    site.sql("UPDATE custody SET valid_from = %s WHERE holder = 'P1'", (middle,))
    site.sql(
        "INSERT INTO custody (device, holder_kind, holder, valid_to) "
        "SELECT number, 'unit', 'U2', %s FROM device WHERE name = 'H1'",
        (middle,),
    )
    site.sql(
        "INSERT INTO account (name, password, role, unit) "
        "SELECT 'p2', password, role, 'U2' FROM account WHERE name = 'patrol'"
    )
    before = {"purpose": "earlier walk", "from": "2026-01-01T00:00:00Z", "to": middle.isoformat()}
    async with site.as_user("officer") as officer, site.as_user("patrol") as one, site.as_user("p2") as other:
        await officer.get("/api/devices/H1/track", params=before)
        assert (await one.get("/api/looks/mine")).json["items"] == []
        assert [it["purpose"] for it in (await other.get("/api/looks/mine")).json["items"]] == ["earlier walk"]


async def test_auditors_see_every_look_page_by_page(site: Site) -> None:
    async with site.as_user("leader") as leader, site.as_user("auditor") as auditor:
        for number in range(3):
            await leader.get(f"/api/devices/H1/track?purpose=complaint+{number}")
        first = (await auditor.get("/api/looks?actor=leader&limit=2")).json
        second = (
            await auditor.get("/api/looks", params={"actor": "leader", "limit": "2", "after": first["next"]})
        ).json
        seen = [it["purpose"] for it in first["items"] + second["items"]]
        assert seen == ["complaint 2", "complaint 1", "complaint 0"]
        assert second["next"] is None
        assert len((await auditor.get("/api/looks?device=H2")).json["items"]) == 1


async def test_a_unit_off_duty_is_on_no_map(site: Site) -> None:
    async with site.as_user("officer") as browser:
        units = {unit["code"]: unit for unit in (await browser.get("/api/units")).json["items"]}
        assert units["U1"]["position"] is not None
        site.sql(OFF_DUTY)
        units = {unit["code"]: unit for unit in (await browser.get("/api/units")).json["items"]}
        assert units["U1"]["position"] is None
        assert units["U1"]["devices"][0]["position"] is None
        assert units["U1"]["devices"][0]["heard_at"] is not None


async def test_the_live_map_loses_whoever_goes_off_duty(site: Site) -> None:
    async with site.as_user("officer") as browser, stream(browser) as its:
        site.sql("UPDATE last_known SET lat = 300600000, time = now(), heard_at = now() WHERE device = 1")
        assert (await its.next("position"))["device"] == "H1"
        site.sql(OFF_DUTY)
        site.sql("UPDATE tracking_span SET valid_to = now() + interval '1.5 seconds'")  # the shift is about to end
        left = await its.next("left", within_s=8)
        assert (left["device"], left["unit"]) in {("H1", "U1"), ("H2", "U2")}
        site.sql("UPDATE last_known SET heard_at = now() WHERE device = 1")  # what is withheld is a sign of life
        assert (await its.until(lambda it: it.get("device") == "H1"))["type"] == "left"
