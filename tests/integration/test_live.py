"""The live stream: news at once, within the territory, to whoever is still signed in; nobody waits for a sleeper."""

import asyncio
import resource
import socket
import statistics
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest

from ops.settings import load
from tests.integration.http_site import Browser, Site, served, small_site
from tests.integration.live_stream import Told, stream
from tests.integration.test_http_service import link_to, metric

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


async def test_another_server_is_told_from_the_first(site: Site) -> None:
    async with served(site.settings) as second, second.as_user("officer") as browser, stream(browser) as its:
        first_server = its.told[0]["server"]
        started = time.monotonic()
    assert time.monotonic() - started < 3.0
    async with served(site.settings) as third, third.as_user("officer") as browser, stream(browser) as its:
        assert its.told[0]["server"] != first_server


async def test_a_stop_is_said_at_once(site: Site) -> None:
    async with asyncio.TaskGroup() as tasks, site.browser() as browser:
        async with served(site.settings) as second:
            browser.address = second.address
            await browser.sign_in("officer")
            ready = asyncio.Event()
            last = tasks.create_task(_last_word(browser, ready))
            await ready.wait()
            started = time.monotonic()
        assert time.monotonic() - started < 3.0
        assert await last == {"type": "closed", "reason": "server"}


async def _last_word(browser: Browser, ready: asyncio.Event) -> Told:
    async with stream(browser) as its:
        ready.set()
        return await its.ended(within_s=10)


async def test_what_happened_while_the_database_was_away_is_told_after(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ops.live.hub.EVERY_S", 0.2)
    monkeypatch.setattr("ops.live.hub.LOST_S", 1.5)
    parts = urlsplit(site.settings.database.url.get_secret_value())
    assert parts.hostname
    assert parts.port
    async with link_to(parts.hostname, parts.port) as link:
        user = parts.netloc.rpartition("@")[0]
        through = urlunsplit(parts._replace(netloc=f"{user}@127.0.0.1:{link.port}".lstrip("@")))
        async with (
            served(load(overrides=[f"database.url={through}", "http.port=0"]).settings) as cut_off,
            cut_off.as_user("officer") as browser,
            stream(browser) as its,
        ):
            await its.beat(lambda beat: beat["database"])
            link.cut()
            await its.beat(lambda beat: not beat["database"], within_s=10)
            site.sql("UPDATE alert SET title = 'meanwhile', state = 'resolved', changed_at = now() WHERE id = 2")
            link.up = True
            assert (await its.next("alert", within_s=10))["alert"]["title"] == "meanwhile"
            await its.beat(lambda beat: beat["database"])


async def test_a_database_that_hangs_is_noticed_and_a_stop_does_not_wait_for_it(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ops.live.hub.EVERY_S", 0.2)
    monkeypatch.setattr("ops.live.hub.LOST_S", 1.5)
    monkeypatch.setattr("ops.live.source.LIMIT_S", 1.0)
    parts = urlsplit(site.settings.database.url.get_secret_value())
    async with slow_link(parts.hostname or "", parts.port or 0) as (port, flows):
        user = parts.netloc.rpartition("@")[0]
        through = urlunsplit(parts._replace(netloc=f"{user}@127.0.0.1:{port}".lstrip("@")))
        async with served(load(overrides=[f"database.url={through}", "http.port=0"]).settings) as hung:
            async with hung.as_user("officer") as browser, stream(browser) as its:
                flows.clear()
                await its.beat(lambda beat: not beat["database"], within_s=10)
                site.sql("UPDATE alert SET title = 'meanwhile', changed_at = now() WHERE id = 2")
                flows.set()
                assert (await its.next("alert", within_s=20))["alert"]["title"] == "meanwhile"
                flows.clear()
            stopping = time.monotonic()
        assert time.monotonic() - stopping < 10
        flows.set()


@asynccontextmanager
async def slow_link(host: str, port: int) -> AsyncIterator[tuple[int, asyncio.Event]]:
    """A way to the database that carries nothing while the event is clear, and hangs up on nobody."""
    flows = asyncio.Event()
    flows.set()

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65536):
                await flows.wait()
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        finally:
            writer.close()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection(host, port)
        await asyncio.gather(carry(reader, back), carry(there, writer))

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1], flows
    finally:
        server.close()


async def test_fifty_who_never_read_delay_nobody_and_are_cut(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ops.live.writing.STUCK_S", 4.0)
    host, port = urlsplit(site.address).netloc.split(":")
    site.sql(
        "INSERT INTO alert (fingerprint, rule, subject, class, severity, title, reasons, grid, opened_at, changed_at) "
        "SELECT 'flood ' || n, 'sos', 'x', 'sos', 'info', 'flood', to_jsonb(ARRAY[repeat('x', 4000)]), 'B1', now(), "
        "now() "
        "FROM generate_series(1, 100) AS n"
    )
    async with site.as_user("officer") as browser:
        before = resident_bytes()
        dead = [sleeper(host, int(port), browser.token or "") for _ in range(50)]
        try:
            async with stream(browser) as its:
                async with asyncio.timeout(10):
                    while await readers(browser) < 51:
                        pass
                delays = []
                async with asyncio.timeout(60):
                    while await readers(browser) > 1:
                        site.sql("UPDATE alert SET changed_at = now() WHERE title = 'flood'")
                        started = time.monotonic()
                        site.sql("UPDATE alert SET changed_at = now() WHERE id = 1")
                        site.sql(NOTIFY)
                        await its.until(lambda it: it["type"] == "alert" and it["alert"]["id"] == 1)
                        delays.append(time.monotonic() - started)
                assert max(delays) < 1.0, statistics.quantiles(delays, n=10)
                assert len(delays) > 3
                counted = metric((await browser.get("/metrics")).text, "gengfu_live_ended_total")
                assert sum(counted.values()) == 50, counted
                assert counted[(("reason", "slow"),)] > 0
                assert resident_bytes() - before < 64 << 20
        finally:
            for one in dead:
                one.close()


def resident_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize()


def sleeper(host: str, port: int, token: str) -> socket.socket:
    """Asks for the stream and never reads a byte of it."""
    one = socket.socket()
    one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    one.connect((host, port))
    request = f"GET /api/events HTTP/1.1\r\nHost: {host}:{port}\r\nCookie: gengfu_session={token}\r\n\r\n"
    one.sendall(request.encode())
    return one


async def readers(browser: Browser) -> float:
    async with asyncio.timeout(5):
        return metric((await browser.get("/metrics")).text, "gengfu_live_readers")[()]


async def test_two_who_may_see_the_same_are_told_the_same(site: Site) -> None:
    async with site.as_user("officer") as browser, stream(browser) as one, stream(browser) as two:
        site.sql("UPDATE alert SET changed_at = now() WHERE id = 1")
        assert await one.next("alert") == await two.next("alert")
