"""The live stream while something is away, hangs, stops or never reads: whoever can hear is told, and nobody waits."""

import asyncio
import resource
import socket
import statistics
import time
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from ops.settings import load
from tests.integration.database_link import link_to
from tests.integration.http_site import Browser, Site, served, small_site
from tests.integration.live_stream import Told, stream
from tests.integration.test_http_service import metric

NOTIFY = "NOTIFY gengfu_changes"


@pytest.fixture
async def site(database_url: str) -> AsyncIterator[Site]:
    async with small_site(database_url) as found:
        yield found


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
    async with (
        link_to(site.settings.database.url.get_secret_value()) as link,
        served(load(overrides=[f"database.url={link.url}", "http.port=0"]).settings) as cut_off,
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
    async with link_to(site.settings.database.url.get_secret_value()) as link:
        async with served(load(overrides=[f"database.url={link.url}", "http.port=0"]).settings) as hung:
            async with hung.as_user("officer") as browser, stream(browser) as its:
                link.flows.clear()
                await its.beat(lambda beat: not beat["database"], within_s=10)
                site.sql("UPDATE alert SET title = 'meanwhile', changed_at = now() WHERE id = 2")
                link.flows.set()
                assert (await its.next("alert", within_s=20))["alert"]["title"] == "meanwhile"
                link.flows.clear()
            stopping = time.monotonic()
        assert time.monotonic() - stopping < 10
        link.flows.set()


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
                assert max(delays) < 3.0, statistics.quantiles(delays, n=10)
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
