"""The console over HTTP: its files, how long they keep, and nothing beside them."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from ops.settings import load
from tests.integration.http_site import Site, served

NOWHERE = "postgresql://nobody@127.0.0.1:1/none"
SCRIPT = "/assets/index-B4x_dQ2-.js"


@pytest.fixture
def dist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "dist"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text("<!doctype html><title>更夫</title>", encoding="utf-8")
    (folder / "icon.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>", encoding="utf-8")
    (folder / SCRIPT[1:]).write_text("go();" * 1000, encoding="utf-8")
    (tmp_path / "house.key").write_text("the key", encoding="utf-8")
    monkeypatch.setattr("ops.http.console.DIST", folder)
    return folder


@pytest.fixture
async def site(dist: Path) -> AsyncIterator[Site]:
    tiles = "map.tiles=https://tiles.example.org/{z}/{x}/{y}.png"
    async with served(load(overrides=[f"database.url={NOWHERE}", "http.port=0", tiles]).settings) as found:
        yield found


async def test_the_page_is_asked_for_each_time_and_what_it_loads_keeps(site: Site) -> None:
    async with site.browser() as browser:
        page = await browser.get("/")
        assert "更夫" in page.text
        assert page.headers["Content-Type"] == "text/html; charset=utf-8"
        assert page.headers["Cache-Control"] == "no-cache"
        assert "connect-src 'self' https://tiles.example.org;" in page.headers["Content-Security-Policy"]
        again = await browser.get("/", headers={"If-None-Match": page.headers["Etag"]})
        assert (again.status, again.text) == (304, "")

        script = await browser.get(SCRIPT, headers={"Accept-Encoding": "gzip"})
        assert script.headers["Content-Encoding"] == "gzip"
        assert script.headers["Content-Type"] == "text/javascript; charset=utf-8"
        assert script.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert script.headers["X-Content-Type-Options"] == "nosniff"
        assert script.text == "go();" * 1000
        assert (await browser.get(SCRIPT, headers={"Accept-Encoding": "identity"})).text == script.text

        icon = await browser.get("/icon.svg")
        assert (icon.status, icon.headers["Content-Type"]) == (200, "image/svg+xml")
        assert (await browser.ask("HEAD", "/")).status == 200


@pytest.mark.parametrize(
    "path",
    [
        "/assets/../house.key",
        "/assets/..%2f..%2fhouse.key",
        "/assets/%2e%2e/%2e%2e/house.key",
        "/assets/..\\..\\house.key",
        "/assets/..%5c..%5chouse.key",
        "/assets//etc/passwd",
        "/assets/%00",
        "/assets/",
        "/assets",
        "/house.key",
        "/../house.key",
        "/index.html/../../house.key",
        "/assets/missing.js",
    ],
)
async def test_nothing_beside_the_console_is_served(site: Site, path: str) -> None:
    host, port = urlsplit(site.address).netloc.split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
    answer = await asyncio.wait_for(reader.read(), 10)
    writer.close()
    await writer.wait_closed()
    assert int(answer.split()[1]) in {400, 404}, answer
    assert b"the key" not in answer
    assert b"root:" not in answer


async def test_what_was_put_there_later_is_not_served(site: Site, dist: Path) -> None:
    (dist / "assets" / "later.js").write_text("x", encoding="utf-8")
    (dist / SCRIPT[1:]).unlink()
    async with site.browser() as browser:
        assert (await browser.get("/assets/later.js")).status == 404
        assert (await browser.get(SCRIPT)).status == 200


async def test_without_a_built_console_a_page_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ops.http.console.DIST", tmp_path / "none")
    async with (
        served(load(overrides=[f"database.url={NOWHERE}", "http.port=0"]).settings) as site,
        site.browser() as browser,
    ):
        page = await browser.get("/")
        assert page.status == 200
        assert "console was not built" in page.text
        assert "/api/openapi.json" in page.text
        assert (await browser.get("/assets/index.js")).status == 404
