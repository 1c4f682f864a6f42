"""Holidays over HTTP and by command: set, corrected, taken away, recorded."""

from collections.abc import AsyncIterator

import pytest

from tests.integration.http_site import Site, small_site


@pytest.fixture
async def site(database_url: str) -> AsyncIterator[Site]:
    async with small_site(database_url) as found:
        yield found


async def test_a_holiday_is_set_changed_from_now_on_and_taken_away(site: Site) -> None:
    day = "/api/holidays/2099-10-01"
    async with site.as_user("leader") as browser:
        reply = await browser.ask("PUT", day, json={"name": "Festival", "kind": "rest"})
        assert reply.status == 200, reply.text
        assert reply.json["items"][0]["valid_from"].startswith("2000-01-01")
        assert (await browser.ask("PUT", day, json={"name": "Festival", "kind": "rest"})).status == 200
        reply = await browser.ask("PUT", day, json={"name": "Festival", "kind": "work"})
        assert [(it["kind"], it["day"]) for it in reply.json["items"]] == [("work", "2099-10-01")]
        assert not reply.json["items"][0]["valid_from"].startswith("2000")
        listed = await browser.get("/api/holidays?since=2099-01-01&until=2099-12-30")
        assert [it["name"] for it in listed.json["items"]] == ["Festival"]
        assert (await browser.ask("DELETE", day)).json == {"items": []}
        assert (await browser.ask("DELETE", day)).status == 404
        assert (await browser.ask("PUT", day, json={"name": "Festival", "kind": "sleep"})).status == 422
        assert (await browser.ask("PUT", day, json={"name": " ", "kind": "rest"})).status == 422
    async with site.as_user("officer") as browser:
        assert (await browser.ask("PUT", day, json={"name": "Festival", "kind": "rest"})).status == 403
    rows = site.sql("SELECT action, subject FROM audit WHERE starts_with(action, 'holiday') ORDER BY id")
    assert rows == [
        ("holiday.set", "2099-10-01"),
        ("holiday.set", "2099-10-01"),
        ("holiday.end", "2099-10-01"),
    ]
    versions = site.sql("SELECT kind, valid_to IS NULL FROM holiday ORDER BY valid_from")
    assert versions == [("rest", False), ("work", False)]


async def test_a_past_day_is_put_right_from_always(site: Site) -> None:
    day = "/api/holidays/2026-10-01"
    async with site.as_user("admin") as browser:
        await browser.ask("PUT", day, json={"name": "Festival", "kind": "rest"})
        await browser.ask("PUT", day, json={"name": "Festival", "kind": "work", "valid_from": "2000-01-01T00:00:00Z"})
        await browser.ask("DELETE", f"{day}?valid_from=2026-01-01T00:00:00Z")
    assert site.sql("SELECT kind, valid_to = '2026-01-01Z' FROM holiday") == [("work", True)]
