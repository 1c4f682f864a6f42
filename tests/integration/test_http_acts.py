"""What officers do over the API: acknowledge, resolve, open, dispatch, close."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.integration.http_site import Site, small_site


@pytest.fixture
async def site(database_url: str) -> AsyncIterator[Site]:
    async with small_site(database_url) as found:
        yield found


async def test_the_second_who_acknowledges_learns_who_was_first(site: Site) -> None:
    async with site.as_user("officer_c1") as first, site.as_user("officer") as second:
        mine = await first.post("/api/alerts/1/ack")
        theirs = await second.ask("POST", "/api/alerts/1/ack")
        assert (mine.status, theirs.status) == (200, 200)
        assert theirs.json["state"] == "acknowledged"
        assert theirs.json["acked_by"] == "officer_c1"
        assert theirs.json["acked_at"] == mine.json["acked_at"]
        events = [event["event"] for event in theirs.json["history"]]
        assert events.count("acknowledged") == 1
        listed = (await second.get("/api/alerts")).json
        assert (listed["open"], listed["acknowledged"]) == (2, 1)


async def test_of_two_at_once_one_is_first(site: Site) -> None:
    async with site.as_user("officer_c1") as one, site.as_user("officer") as other:
        replies = await asyncio.gather(
            *(who.ask("POST", "/api/alerts/1/ack") for who in (one, other) for _ in range(5))
        )
    assert {reply.status for reply in replies} == {200}
    assert len({(reply.json["acked_by"], reply.json["acked_at"]) for reply in replies}) == 1
    assert site.sql("SELECT count(*) FROM alert_history WHERE alert = 1 AND event = 'acknowledged'") == [(1,)]


async def test_a_resolved_alert_cannot_be_acknowledged(site: Site) -> None:
    async with site.as_user("officer") as browser:
        reply = await browser.post("/api/alerts/1/resolve", {"note": "child played with the button"})
        assert (reply.status, reply.json["state"]) == (200, "resolved")
        assert reply.json["resolution"] == "child played with the button"
        assert reply.json["history"][-1]["actor"] == "officer"
        again = await browser.ask("POST", "/api/alerts/1/ack")
        assert again.status == 409
        assert "resolved" in again.json["detail"]
        assert 1 not in [alert["id"] for alert in (await browser.get("/api/alerts")).json["items"]]


async def test_an_alert_is_not_resolved_without_a_word_why(site: Site) -> None:
    async with site.as_user("officer") as browser:
        for note in ("", "  "):
            assert (await browser.post("/api/alerts/1/resolve", {"note": note})).status in {409, 422}
    assert site.sql("SELECT state FROM alert WHERE id = 1") == [("open",)]


async def test_an_incident_from_report_to_closing(site: Site) -> None:
    async with site.as_user("officer") as browser:
        made = await browser.post(
            "/api/incidents",
            {
                "kind": "fire_hazard",
                "lat": 30.05,
                "lon": 111.05,
                "text": "楼道堆放杂物",
                "grade": "urgent",
                "unit": "U1",
            },
        )
        assert made.status == 201, made.text
        it = made.json
        assert (it["grid"], it["unit"], it["state"], it["source"]) == ("B1", "U1", "dispatched", "api:officer")
        assert it["text"] == "楼道堆放杂物"
        assert it["dispatched_at"] is not None
        path = f"/api/incidents/{it['id']}"
        other = await browser.post(f"{path}/dispatch", {"unit": "U2"})
        assert (other.status, other.json["unit"]) == (200, "U2")
        closed = await browser.post(f"{path}/close", {"note": "cleared"})
        assert (closed.status, closed.json["state"]) == (200, "closed")
        record = [(event["action"], event["unit"], event["note"]) for event in closed.json["record"]]
        assert record == [
            ("incident.open", "U1", ""),
            ("incident.dispatch", "U2", ""),
            ("incident.close", None, "cleared"),
        ]
        again = await browser.post(f"{path}/close", {"note": "again"})
        assert (again.status, again.json["closed_at"]) == (200, closed.json["closed_at"])
        assert len(again.json["record"]) == 3
        assert (await browser.post(f"{path}/dispatch", {"unit": "U1"})).status == 409
        listed = (await browser.get("/api/incidents?state=closed")).json["items"]
        assert [one["id"] for one in listed] == [it["id"]]


async def test_without_a_unit_whoever_is_near_is_called(site: Site) -> None:
    async with site.as_user("officer") as browser:
        it = (await browser.post("/api/incidents", {"kind": "brawl", "lat": 30.05, "lon": 111.15})).json
    assert it["unit"] is None
    assert it["state"] == "dispatched"
    assert it["dispatched_at"] is not None


async def test_a_unit_that_is_sent_gets_a_message(site: Site) -> None:
    async with site.as_user("officer") as browser:
        await browser.post("/api/incidents", {"kind": "brawl", "lat": 30.05, "lon": 111.05, "unit": "U1"})
    ((target,),) = site.sql("SELECT DISTINCT target FROM outbox")
    assert target == "H1"


async def test_nothing_is_left_of_an_incident_that_was_refused(site: Site) -> None:
    async with site.as_user("officer_c1") as browser:
        reply = await browser.post("/api/incidents", {"kind": "brawl", "lat": 30.05, "lon": 111.15})
        assert (reply.status, reply.json["type"]) == (403, "urn:gengfu:problem:outside-territory")
        assert (await browser.post("/api/incidents", {"kind": "brawl", "lat": 50.0, "lon": 50.0})).status == 403
    assert site.sql("SELECT count(*) FROM incident") == [(3,)]
    assert site.sql("SELECT count(*) FROM day_number") == [(0,)]
