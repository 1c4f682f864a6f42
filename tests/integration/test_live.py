"""The live stream: news at once, within the territory, to whoever is still signed in."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest

from tests.integration.http_site import Site, small_site
from tests.integration.live_stream import Told, stream

NOTIFY = "NOTIFY gengfu_changes"
EVERYTHING = (
    "UPDATE alert SET changed_at = now()",
    "UPDATE incident SET text = 'changed'",
    "UPDATE ticket SET text = 'changed'",
    "UPDATE duty SET verdict = 'met', judged_at = now()",
    "UPDATE last_known SET heard_at = now()",
)


@pytest.fixture
async def site(database_url: str) -> AsyncIterator[Site]:
    async with small_site(database_url) as found:
        yield found


def without_age(item: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in item.items() if name != "age_s"}


async def test_what_changes_is_told_as_the_lists_tell_it(site: Site) -> None:
    async with site.as_user("officer") as browser, stream(browser) as its:
        started = time.monotonic()
        assert (await browser.post("/api/alerts/1/ack")).status == 200
        told = (await its.next("alert"))["alert"]
        assert time.monotonic() - started < 1.0
        (listed,) = [one for one in (await browser.get("/api/alerts")).json["items"] if one["id"] == 1]
        assert (told["state"], without_age(told)) == ("acknowledged", without_age(listed))

        opened = await browser.post("/api/incidents", {"kind": "fire_hazard", "lat": 30.05, "lon": 111.05})
        number = opened.json["number"]
        told = (await its.until(lambda it: it["type"] == "incident" and it["incident"]["number"] == number))["incident"]
        assert without_age(told) == {key: value for key, value in without_age(opened.json).items() if key != "record"}

        site.sql("UPDATE ticket SET state = 'closed', closed_at = now() WHERE id = 1")
        told = (await its.next("ticket"))["ticket"]
        (listed,) = [it for it in (await browser.get("/api/tickets?state=closed")).json["items"] if it["id"] == 1]
        assert without_age(told) == without_age(listed)

        site.sql("UPDATE duty SET verdict = 'met', judged_at = now() WHERE id = 1")
        duty = (await its.next("duty"))["duty"]
        rounds = (await browser.get("/api/rounds")).json["items"]
        (point,) = [point for one in rounds for point in one["points"] if point["id"] == 1]
        assert {key: duty[key] for key in point.keys() & duty.keys()} == {
            key: point[key] for key in point.keys() & duty.keys()
        }
        assert duty["round"] in {one["id"] for one in rounds}

        site.sql(
            "UPDATE last_known SET lat = 300600000, time = now(), heard_at = now() "
            "WHERE device = (SELECT number FROM device WHERE name = 'H1')"
        )
        position = await its.next("position")
        (unit,) = [one for one in (await browser.get("/api/units")).json["items"] if one["code"] == position["unit"]]
        assert (position["device"], position["lat"], position["kind"]) == ("H1", 30.06, "handset")
        assert {key: position[key] for key in ("lat", "lon", "accuracy_m", "time", "grid", "flags")} == {
            key: unit["position"][key] for key in ("lat", "lon", "accuracy_m", "time", "grid", "flags")
        }

        site.sql("DELETE FROM duty WHERE id = 4")
        assert (await its.next("rounds"))["day"] == (await browser.get("/api/rounds")).json["day"]


async def test_a_tag_tells_the_state_of_its_hydrant(site: Site) -> None:
    site.sql("INSERT INTO device (name, kind) VALUES ('G4', 'tag')")
    tag = "SELECT number, '{\"pressure_kpa\": %s}', now(), now() FROM device WHERE name = 'G4'"
    async with site.as_user("crew") as browser, stream(browser) as its:
        for pressure, state in ((300, "fine"), (60, "low_pressure")):
            site.sql(
                "INSERT INTO last_known AS l (device, equipment, equipment_time, heard_at) "
                + tag % pressure
                + " ON CONFLICT (device) DO UPDATE SET equipment = excluded.equipment"
            )
            told = await its.next("equipment")
            assert (told["code"], told["state"], told["measured"]) == ("E4", state, {"pressure_kpa": pressure})
            hydrants = (await browser.get("/api/hydrants")).json["features"]
            (shown,) = [one["properties"] for one in hydrants if one["properties"]["code"] == "E4"]
            assert {key: told[key] for key in ("device", "state", "measured", "measured_at", "heard_at")} == {
                key: shown[key] for key in ("device", "state", "measured", "measured_at", "heard_at")
            }


# Which things each is told of when everything changes: alerts, incidents, tickets, points, devices.
SEEN: dict[str, tuple[set[int], set[int], set[int], set[int], set[str]]] = {
    "officer": ({1, 2, 3}, {1, 2, 3}, {1, 2, 3}, {1, 2, 3, 4}, {"H1", "H2"}),
    "leader": ({1, 2, 3}, {1, 2, 3}, {1, 2, 3}, {1, 2, 3, 4}, {"H1", "H2"}),
    "officer_c1": ({1}, {1}, {1}, {1, 3}, {"H1"}),
    "crew": (set(), set(), {1, 2, 3}, set(), set()),
    "crew_c1": (set(), set(), {1}, set(), set()),
    "patrol": (set(), {1}, set(), {1}, {"H1"}),
    "admin": (set(), set(), set(), set(), set()),
    "auditor": (set(), set(), set(), set(), set()),
}


@pytest.mark.parametrize("user", SEEN)
async def test_each_is_told_within_territory_and_permission(site: Site, user: str) -> None:
    async with site.as_user(user) as browser, stream(browser) as its, site.as_user("officer") as other:
        async with stream(other) as whole:
            for statement in EVERYTHING:
                site.sql(statement)
            await whole.next("position")  # what sees the last change saw those before it
        site.sql("DELETE FROM session s USING account a WHERE a.id = s.account AND a.name = %s", (user,))
        await its.ended()

    def ids(its_type: str, name: str = "id") -> set[Any]:
        return {message[its_type][name] for message in its.told if message["type"] == its_type}

    devices = {message["device"] for message in its.told if message["type"] == "position"}
    alerts, incidents, tickets, points, places = SEEN[user]
    assert ids("alert") == alerts
    assert ids("incident") == incidents
    assert ids("ticket") == tickets
    assert ids("duty") == points
    assert devices == places


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("DELETE FROM session", {"type": "closed", "reason": "session"}),
        ("UPDATE session SET expires_at = now()", {"type": "closed", "reason": "session"}),
        ("UPDATE session SET seen_at = now() - interval '31 minutes'", {"type": "closed", "reason": "session"}),
        ("UPDATE account SET closed_at = now()", {"type": "closed", "reason": "session"}),
        ("UPDATE account SET role = 'admin'", {"type": "closed", "reason": "session"}),
        ("UPDATE account SET scope = 'C2'", {"type": "closed", "reason": "session"}),
        ("UPDATE account SET unit = 'U2'", {"type": "closed", "reason": "session"}),
        ("UPDATE grid SET parent = 'C1' WHERE code = 'B2'", {"type": "resync", "reason": "territory"}),
        ("UPDATE alert SET grid = 'B2' WHERE id = 1", {"type": "resync", "reason": "territory"}),
    ],
)
async def test_whoever_may_no_longer_see_this_is_sent_away(site: Site, change: str, said: Told) -> None:
    async with site.as_user("officer_c1") as browser, stream(browser) as its:
        site.sql(change)
        assert await its.ended(within_s=5) == said
        assert its.told[1:] == [said]


async def test_signing_out_ends_every_stream_of_the_session_and_no_other(site: Site) -> None:
    async with site.as_user("officer") as browser, site.as_user("officer") as other, stream(other) as stays:
        async with stream(browser) as one, stream(browser) as two:
            assert (await browser.ask("DELETE", "/api/session")).status == 204
            assert (await one.ended())["reason"] == (await two.ended())["reason"] == "session"
            assert (await browser.get("/api/events")).status == 401
        site.sql("UPDATE alert SET changed_at = now() WHERE id = 1")
        assert (await stays.next("alert"))["alert"]["id"] == 1


async def test_whoever_watches_is_not_idle_but_the_session_ends_all_the_same(site: Site) -> None:
    async with site.as_user("officer") as browser, stream(browser) as its:
        ends = site.sql("SELECT expires_at FROM session")[0][0]
        site.sql("UPDATE session SET seen_at = now() - interval '29 minutes'")
        async with asyncio.timeout(5):
            while site.sql("SELECT seen_at < now() - interval '1 minute' FROM session")[0][0]:
                assert (await browser.get("/health/live")).status == 200
        assert site.sql("SELECT expires_at FROM session")[0][0] == ends
        site.sql("UPDATE session SET expires_at = now() + interval '1 second'")
        assert (await its.ended())["reason"] == "session"


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:1", "https://{host}"])
async def test_a_page_of_another_site_gets_no_stream(site: Site, origin: str) -> None:
    host = urlsplit(site.address).netloc
    async with site.as_user("officer") as browser:
        reply = await browser.get("/api/events", headers={"Origin": origin.format(host=host)})
        assert reply.status == 403
        assert reply.json["type"] == "urn:gengfu:problem:foreign-origin"
        own = {"Origin": f"http://{host}"}
        async with browser.session.get(f"{site.address}/api/events", headers=own) as answer:
            assert answer.status == 200
    async with site.browser() as stranger:
        assert (await stranger.get("/api/events")).status == 401


async def test_a_device_that_leaves_the_territory_is_taken_off_the_map(site: Site) -> None:
    move = (
        "UPDATE last_known SET grid = (SELECT id FROM grid WHERE code = %s), time = now() "
        "WHERE device = (SELECT number FROM device WHERE name = 'H1')"
    )
    async with site.as_user("officer_c1") as browser, stream(browser) as its:
        site.sql(move, ("B2",))
        assert await its.next("left") == {"type": "left", "unit": "U1", "device": "H1"}
        site.sql(move, ("B1",))
        assert (await its.next("position"))["grid"] == "B1"


async def test_a_device_that_reports_fast_is_told_once_a_second(site: Site) -> None:
    async with site.as_user("officer") as browser, stream(browser) as its:
        started, number = time.monotonic(), 0
        while time.monotonic() - started < 2.5:
            number += 1
            await asyncio.to_thread(  # the service shares this event loop
                site.sql,
                "UPDATE last_known SET lat = %s, time = now(), heard_at = now() "
                "WHERE device = (SELECT number FROM device WHERE name = 'H1')",
                (300600000 + number,),
            )
            await asyncio.to_thread(site.sql, NOTIFY)
        newest = round(30.06 + number / 1e7, 7)
        await its.until(lambda it: it["type"] == "position" and it["lat"] == newest)
        took = time.monotonic() - started
    told = [message["lat"] for message in its.told if message["type"] == "position"]
    assert number > 20
    assert 2 <= len(told) <= took + 1
    assert told == sorted(told)


async def test_one_that_committed_late_is_told_all_the_same(site: Site) -> None:
    """A transaction that began long ago changes a row with an old number and an old time."""

    url = site.settings.database.url.get_secret_value()
    async with site.as_user("officer") as browser, stream(browser) as its:
        with psycopg.connect(url) as slow:
            slow.execute("UPDATE alert SET title = 'late', changed_at = now() WHERE id = 1")
            for _ in range(3):
                site.sql("UPDATE alert SET changed_at = now() WHERE id = 2")
                assert (await its.next("alert"))["alert"]["id"] == 2
            slow.commit()
        assert (await its.next("alert"))["alert"]["title"] == "late"
    told = [message["alert"] for message in its.told if message["type"] == "alert"]
    assert [one["id"] for one in told] == [2, 2, 2, 1]


async def test_two_who_may_see_the_same_are_told_the_same(site: Site) -> None:
    async with site.as_user("officer") as browser, stream(browser) as one, stream(browser) as two:
        site.sql("UPDATE alert SET changed_at = now() WHERE id = 1")
        assert await one.next("alert") == await two.next("alert")
