"""Requests as strangers send them: other sites' pages, broken bodies, texts that mean something to SQL, any noise."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ops.http.guards import HEADERS
from ops.http.permissions import GRANTS
from ops.http.routes import Route, discover
from tests.integration.http_site import Browser, Site, small_site

ROUTES = discover()
READS = [one for one in ROUTES if one.method == "GET" and one.query]
UNSAFE = [one for one in ROUTES if one.method != "GET"]
NASTY = [
    "'; DROP TABLE alert; --",
    '" OR 1=1 --',
    "%' OR '%'='",
    "\\",
    "$1",
    "%s",
    "%(scope)s",
    "{}",
    "*/ SELECT",
    "\x00",
    "\U0001f525",
    "../../etc/passwd",
    "1e999",
    "-1",
    "9" * 30,
    "A" * 5000,
]


@pytest.fixture
async def site(database_url: str) -> AsyncIterator[Site]:
    async with small_site(database_url) as found:
        yield found


def user_for(route: Route) -> str:
    """Somebody who may call it: the officer, unless it is for others."""
    granted = (role for role in ("officer", "leader", "patrol", "auditor") if route.permission in GRANTS[role])
    return next(granted, "officer")


def path_of(route: Route) -> str:
    return route.path.replace("{id}", "H1" if "devices" in route.path else "1")


@pytest.mark.parametrize(
    "origin",
    ["http://evil.example", "null", "https://127.0.0.1", "http://127.0.0.1:1", "http://127.0.0.1.evil.example"],
)
async def test_another_sites_page_changes_nothing(site: Site, origin: str) -> None:
    async with site.as_user("officer") as browser:
        for route in UNSAFE:
            reply = await browser.ask(route.method, path_of(route), json={}, headers={"Origin": origin})
            assert reply.status == 403, route.name
            assert reply.json["type"].endswith("foreign-origin")
        assert (await browser.get("/api/session", headers={"Origin": origin})).status == 200
    assert site.sql("SELECT DISTINCT state FROM alert") == [("open",)]


async def test_our_own_page_and_programs_may_act(site: Site) -> None:
    async with site.as_user("officer") as browser:
        own = {"Origin": site.address}
        assert (await browser.ask("POST", "/api/alerts/1/ack", headers=own)).status == 200
        assert (await browser.ask("POST", "/api/alerts/2/ack")).status == 200


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "multipart/form-data", "text/plain"])
async def test_a_form_is_no_json(site: Site, kind: str) -> None:
    for user in ("officer", "leader", "patrol"):
        async with site.as_user(user) as browser:
            for route in (one for one in UNSAFE if one.operation != "sign_out" and user_for(one) == user):
                for body in (b"", b'{"note":"x"}'):
                    how = {"data": body, "headers": {"Content-Type": kind}}
                    assert (await browser.ask(route.method, path_of(route), **how)).status == 415, route.name


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b'{"kind": NaN}', 422),
        (b'{"kind":"a","lat":30,"lon":111,"text":"\xff"}', 400),
        (b'{"kind":"a","lat":30,"lon":111,"text":"\\ud800"}', 400),
        (b'{"kind":"a","lat":30,"lon":111,"text":"a\\u0000b"}', 422),
        (b'{"kind":"a","lat":NaN,"lon":111}', 422),
        (b'{"kind":"a","lat":1e999,"lon":111}', 422),
        (b'{"kind":"a","lat":"30","lon":111}', 422),
        (b'{"kind":"a","lat":true,"lon":111}', 422),
        (b'{"kind":"a","lat":91,"lon":181}', 422),
        (b'{"kind":"A b","lat":30,"lon":111}', 422),
        (b'{"kind":"a","lat":30,"lon":111,"occurred_at":"2026-11-21T08:00:00"}', 422),
        (b'{"kind":"a","lat":30,"lon":111,"occurred_at":"2098-11-21T08:00:00Z"}', 422),
        (b'{"kind":"a","lat":30,"lon":111,"grid":"C1"}', 422),
        (b'{"kind":"a","lat":30,"lon":111,"unit":"U9"}', 422),
        (b"[]", 422),
        (b"null", 422),
        (b"[" * 100_000, 400),
        (b'{"' + b'":1,"'.join(b"%d" % n for n in range(10_000)) + b'":1}', 422),
    ],
)
async def test_a_broken_body_is_refused_with_its_place(site: Site, body: bytes, status: int) -> None:
    async with site.as_user("officer") as browser:
        reply = await browser.ask("POST", "/api/incidents", data=body, headers={"Content-Type": "application/json"})
        assert reply.status == status, reply.text
        assert reply.headers["Content-Type"] == "application/problem+json"
        assert reply.json["errors"]
        assert all(error["where"].startswith("body") for error in reply.json["errors"])
        assert len(reply.text) < 5000
    assert site.sql("SELECT count(*) FROM incident") == [(3,)]


async def test_a_body_too_large_is_refused(site: Site) -> None:
    async def drops() -> AsyncIterator[bytes]:
        for _ in range(40):
            yield b" " * 10_000

    async with site.as_user("officer") as browser:
        headers = {"Content-Type": "application/json"}
        reply = await browser.ask("POST", "/api/incidents", data=b" " * 300_000, headers=headers)
        assert reply.status == 413
        assert reply.headers["Content-Type"] == "application/problem+json"
        assert (await browser.ask("POST", "/api/incidents", data=drops(), headers=headers)).status == 413
        assert (await browser.get("/api/session")).status == 200


@pytest.mark.parametrize("route", READS, ids=lambda one: one.operation)
async def test_text_that_means_something_to_sql_is_only_text(site: Site, route: Route) -> None:
    async with site.as_user(user_for(route)) as browser:
        assert route.query
        for name, known in route.query.model_fields.items():
            for text in NASTY:
                reply = await browser.get(path_of(route), params={known.alias or name: text})
                assert reply.status in {200, 422}, (name, text, reply.text)
                if reply.status == 200 and name not in {"purpose", "limit"}:
                    assert not reply.json.get("items"), (name, text, reply.text)
    assert site.sql("SELECT count(*) FROM alert") == [(3,)]


async def test_ids_that_are_none_are_not_there(site: Site) -> None:
    async with site.as_user("officer") as browser:
        for route in (one for one in ROUTES if one.params and user_for(one) == "officer"):
            for odd in ("0", "-1", "x", "9" * 30, "1'--", "%00", "%FF", "1%2f2", "a%20b", "..%2f.."):
                path = route.path.replace("{id}", odd) + ("?purpose=complaint+12" if "track" in route.path else "")
                reply = await browser.ask(route.method, path, json={"note": "", "unit": None})
                assert reply.status == 404 if route.method == "GET" else reply.status in {404, 422}, (odd, reply.text)
                assert reply.headers["Content-Type"] == "application/problem+json"


async def test_unknown_paths_methods_and_parameters(site: Site) -> None:
    async with site.as_user("officer") as browser:
        assert (await browser.get("/api/nothing")).json["status"] == 404
        wrong = await browser.ask("PUT", "/api/alerts")
        assert wrong.status == 405
        assert "GET" in wrong.headers["Allow"]
        reply = await browser.get("/api/alerts?stat=open&limit=5&limit=6")
        assert {error["where"] for error in reply.json["errors"]} == {"query.stat", "query.limit"}
        assert "state" in reply.text
        assert (await browser.ask("HEAD", "/api/alerts")).status == 200


async def test_every_answer_carries_the_security_headers(site: Site) -> None:
    async with site.browser() as browser:
        for method, path in (
            ("GET", "/"),
            ("GET", "/api/alerts"),
            ("GET", "/nothing"),
            ("PUT", "/api/alerts"),
            ("GET", "/api/openapi.json"),
            ("GET", "/health/ready"),
        ):
            headers = (await browser.ask(method, path)).headers
            for name, value in HEADERS.items():
                assert headers[name] == value, (path, name)
            assert headers["Server"] == "gengfu"
            if path.startswith("/api"):
                assert headers["Cache-Control"] == "no-store"


async def test_a_fault_of_ours_shows_nothing_of_our_insides(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    async with site.as_user("officer") as browser:
        site.sql("ALTER TABLE alert RENAME COLUMN title TO heading")
        reply = await browser.get("/api/alerts")
    assert reply.status == 500
    log_id = reply.json["detail"].rpartition(" ")[2]
    assert "title" not in reply.text.replace('"title"', "")
    assert "SELECT" not in reply.text
    assert any(log_id in record.getMessage() for record in caplog.records)


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
VALUES = st.one_of(
    TEXTS,
    st.sampled_from(NASTY),
    st.integers().map(str),
    st.floats().map(str),
    st.datetimes().map(lambda time: f"{time.isoformat()}Z"),
    st.dates().map(str),
)


async def test_no_noise_in_a_query_breaks_us(site: Site) -> None:
    async with site.as_user("officer") as browser, site.as_user("auditor") as auditor:
        names = {one: [f.alias or key for key, f in one.query.model_fields.items()] for one in READS if one.query}
        noise = st.sampled_from(READS).flatmap(
            lambda route: st.tuples(
                st.just(route),
                st.lists(st.tuples(st.one_of(st.sampled_from(names[route]), TEXTS), VALUES), max_size=4),
            )
        )
        tried: list[tuple[Route, Any]] = []

        @settings(max_examples=150, database=None, suppress_health_check=list(HealthCheck))
        @given(noise)
        def gather(one: tuple[Route, Any]) -> None:
            tried.append(one)

        gather()
        for route, params in tried:
            who: Browser = auditor if user_for(route) == "auditor" else browser
            reply = await who.get(path_of(route), params=params)
            assert reply.status in {200, 404, 422}, (route.name, params, reply.text)
            json.loads(reply.text)
