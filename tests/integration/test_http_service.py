"""The role ops as a service: readiness, metrics, and an outage of the database that it outlives."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from ops.http.errors import ListenError
from ops.http.readiness import MAKE_ROOM
from ops.roles.ops import run
from ops.serve import wait_until_ready
from ops.settings import load
from tests.integration.database_link import link_to
from tests.integration.http_site import Browser, Site, served, small_site

DEADLINE_S = 20.0


@pytest.fixture
async def site(database_url: str) -> AsyncIterator[Site]:
    async with small_site(database_url) as found:
        yield found


async def until(browser: Browser, path: str, status: int) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while (await browser.get(path)).status != status:
        assert time.monotonic() < deadline, f"{path} did not come to {status}"


def metric(text: str, name: str) -> dict[tuple[tuple[str, str], ...], float]:
    return {
        tuple(sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == name
    }


async def test_an_outage_of_the_database_is_said_at_once_and_outlived(database_url: str) -> None:
    async with (
        small_site(database_url) as direct,
        link_to(database_url) as link,
        served(load(overrides=[f"database.url={link.url}", "http.port=0"]).settings) as site,
    ):
        assert site.address != direct.address
        async with site.as_user("officer") as browser:
            assert (await browser.get("/api/alerts")).status == 200
            link.cut()
            await until(browser, "/api/alerts", 503)
            for path in ("/api/alerts", "/api/session", "/health/ready"):
                started = time.monotonic()
                reply = await browser.get(path)
                assert reply.status == 503
                assert time.monotonic() - started < 1.5, path
            assert "database" in reply.json["reasons"][0]
            problem = (await browser.get("/api/alerts")).json
            assert problem["type"] == "urn:gengfu:problem:database-unavailable"
            assert (await browser.get("/health/live")).status == 200
            assert metric((await browser.get("/metrics")).text, "gengfu_database_up") == {(): 0.0}
            link.up = True
            await until(browser, "/api/alerts", 200)
            assert metric((await browser.get("/metrics")).text, "gengfu_database_up") == {(): 1.0}


async def test_it_starts_without_a_database(unused_tcp_port: int) -> None:
    url = f"postgresql://nobody@127.0.0.1:{unused_tcp_port}/none"
    async with (
        served(load(overrides=[f"database.url={url}", "http.port=0"]).settings) as site,
        site.browser() as browser,
    ):
        assert (await browser.get("/health/live")).status == 200
        assert (await browser.get("/health/ready")).status == 503
        assert (await browser.sign_in("officer")).status == 503


async def test_a_port_in_use_names_the_setting() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ListenError, match=r"GENGFU_HTTP_PORT"):
            await run(load(overrides=[f"http.port={port}"]).settings, stop=asyncio.Event())
    with pytest.raises(ListenError, match=r"GENGFU_HTTP_HOST"):
        await run(load(overrides=["http.host=192.0.2.1", "http.port=0"]).settings, stop=asyncio.Event())


async def test_ready_says_what_does_not_stand(site: Site) -> None:
    async def reasons(browser: Browser) -> list[str]:
        reply = await browser.get("/health/ready")
        assert reply.status == (503 if reply.json["reasons"] else 200)
        found: list[str] = reply.json["reasons"]
        return found

    async with site.browser() as browser:
        assert len(await reasons(browser)) == 3
        site.sql(
            "INSERT INTO ingest_progress (worker, lane, up_since, beat_at) VALUES ('1', 'up', now(), now()), "
            "('1', 'urgent', now(), now() - interval '11 seconds')"
        )
        site.sql("INSERT INTO rules_leader (holder, fence, pid, beat_at) VALUES ('me', 1, 1, now())")
        site.sql("UPDATE broker_state SET beat_at = now(), applied = revision")
        assert await reasons(browser) == [
            "ingest worker 1, lane urgent, has not beaten for 11 s; see that `gengfu run ingest` runs"
        ]
        site.sql("UPDATE ingest_progress SET beat_at = now()")
        assert await reasons(browser) == []
        site.sql("UPDATE ingest_progress SET hears = false WHERE lane = 'up'")
        assert await reasons(browser) == [
            "ingest worker 1, lane up, has no session with the broker; see that the broker runs and lets it in"
        ]
        site.sql("UPDATE ingest_progress SET hears = true")
        site.sql("UPDATE ingest_progress SET caught_up_to = now() - interval '400 seconds' WHERE lane = 'up'")
        assert await reasons(browser) == []  # it has only begun to hear, and may not know yet
        site.sql("UPDATE ingest_progress SET up_since = now() - interval '1 day'")
        assert await reasons(browser) == ["ingest worker 1, lane up, is behind by 400 s; see its log"]
        site.sql("UPDATE ingest_progress SET beat_at = now() - interval '2 days'")
        assert "or `gengfu ingest forget 1` if it is gone" in (await reasons(browser))[0]
        site.sql("UPDATE ingest_progress SET drained_at = now()")
        assert await reasons(browser) == ["no ingest worker has reported yet; start `gengfu run ingest`"]
        site.sql("UPDATE ingest_progress SET drained_at = NULL, beat_at = now(), caught_up_to = now()")
        site.sql("UPDATE broker_state SET applied = revision - 1")
        assert "broker" in (await reasons(browser))[0]
        site.sql("UPDATE broker_state SET applied = revision")
        site.sql(
            "INSERT INTO alert (fingerprint, rule, subject, class, severity, state, title, opened_at, changed_at)"
            " VALUES ('broker_disk:full', 'broker_disk', 'broker', 'full', 'critical', 'acknowledged',"
            " 'the broker''s disk is as good as full: 9 of 900 MB are free', now(), now())"
        )
        assert await reasons(browser) == [f"the broker's disk is as good as full: 9 of 900 MB are free; {MAKE_ROOM}"]
        await asyncio.wait_for(wait_until_ready(site.address), 5)  # a start is not held up by it
        site.sql("UPDATE alert SET state = 'resolved', resolved_at = now(), resolved_by = 'system'")
        assert await reasons(browser) == []
        site.sql("UPDATE rules_leader SET beat_at = now() - interval '20 seconds'")
        assert "rules" in (await reasons(browser))[0]
        site.sql("DELETE FROM migration")
        assert "gengfu migrate" in (await reasons(browser))[0]


async def test_metrics_tell_the_ledger_and_how_requests_fare(site: Site) -> None:
    site.sql("INSERT INTO ingest_counter (worker, lane, name, value) VALUES ('1', 'up', 'stored', 42)")
    site.sql(
        "INSERT INTO ingest_progress (worker, lane, up_since, beat_at, caught_up_to, drained_at) VALUES "
        "('1', 'up', now(), now(), now() - interval '90 seconds', NULL), ('2', 'up', now(), now(), now(), now())"
    )
    site.sql("INSERT INTO outbox (channel, key, target, payload) VALUES ('down', 'k', 'H1', '{}')")
    async with site.as_user("officer") as browser:
        await browser.get("/api/alerts")
        await browser.get("/api/alerts/1")
        await browser.get("/api/alerts/2")
        text = (await browser.get("/metrics")).text
    stored = (("lane", "up"), ("name", "stored"), ("reason", ""), ("worker", "1"))
    assert metric(text, "gengfu_ingest_total") == {stored: 42.0}
    lane = (("lane", "up"), ("worker", "1"))
    assert metric(text, "gengfu_ingest_unaccounted") == {lane: -42.0}
    behind = metric(text, "gengfu_ingest_behind_seconds")
    assert behind.keys() == {lane}
    assert 89 < behind[lane] < 120
    alerts = (("rule", "sos"), ("severity", "critical"), ("state", "open"))
    assert metric(text, "gengfu_alerts_open") == {alerts: 3.0}
    assert metric(text, "gengfu_outbox_waiting") == {(("channel", "down"),): 1.0}
    assert metric(text, "gengfu_tickets_open") == {(): 3.0}
    counts = metric(text, "gengfu_http_request_seconds_count")
    assert counts[("method", "GET"), ("route", "/api/alerts/{id}")] == 2.0


async def test_strangers_cannot_swell_the_metrics(site: Site) -> None:
    async with site.browser() as browser:
        for number in range(50):
            await browser.get(f"/x{number}")
            await browser.ask(f"M{number}", f"/api/alerts/{number}")
        counts = metric((await browser.get("/metrics")).text, "gengfu_http_request_seconds_count")
    assert {dict(labels)["route"] for labels in counts} <= {"none", "/metrics", "/api/alerts/{id}"}
    assert {dict(labels)["method"] for labels in counts} <= {"GET", "other"}


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Forwarded-For": "203.0.113.9"},
        {"Forwarded": "for=203.0.113.9"},
        {"Host": "watch.example"},
        {"Host": "127.0.0.1.evil.example"},
        {"Origin": "http://evil.example"},
    ],
)
async def test_metrics_are_not_for_whom_a_proxy_lets_through(site: Site, headers: dict[str, str]) -> None:
    async with site.browser() as browser, site.as_user("admin") as admin, site.as_user("officer") as officer:
        assert (await browser.get("/metrics", headers=headers)).status == 401
        assert (await officer.get("/metrics", headers=headers)).status == 403
        if "Host" not in headers:
            assert (await admin.get("/metrics", headers=headers)).status == 200
        assert (await browser.get("/metrics")).status == 200


async def test_no_secret_is_seen_in_logs_answers_or_metrics(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    marker = "marker-of-a-secret-5f1c"
    caplog.set_level("DEBUG")
    seen: list[Any] = []
    async with site.as_user("officer") as browser:
        token = browser.token
        seen += [(await browser.sign_in("officer", marker)).text, (await browser.sign_in(marker, marker)).text]
        site.sql("ALTER TABLE alert RENAME TO gone")
        seen += [(await browser.get("/api/alerts")).text, (await browser.get("/metrics")).text]
    seen += [caplog.text, site.sql("SELECT a::text FROM audit a")]
    assert token
    for text in map(str, seen):
        assert marker not in text
        assert token not in text
        assert "argon2" not in text
