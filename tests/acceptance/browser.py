"""A real browser for the acceptance tests: Debian's Chromium, driven by Playwright, or a reason why not."""

import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from playwright.sync_api import Browser, Page

ROOT = Path(__file__).parents[2]
ARTEFACTS = ROOT / "artefacts"
DIST = ROOT / "ops" / "console" / "dist"

# Nothing of its own accord over the network, and WebGL without a graphics card.
ARGUMENTS = [
    "--no-sandbox",
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def chromium() -> str:
    """The path of Chromium; skips the test, with the reason, when something is missing."""
    pytest.importorskip("playwright.sync_api", reason="Playwright is not installed: make install")
    if not (DIST / "index.html").exists():
        pytest.skip("the console is not built: make console")
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        pytest.skip("there is no Chromium on the PATH: apt install chromium")
    return path


@contextmanager
def browser(path: str) -> "Iterator[Browser]":
    """A browser that is closed at the end."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield running
        running.close()


class Screen:
    """One person's console: a browser context of its own, with all that it asked for and complained of."""

    def __init__(
        self,
        browser: "Browser",
        line: "Mapping[str, str]",
        *,
        language: str = "en-GB",
        width: int = 1920,
        height: int | None = None,
    ) -> None:
        self._line = line
        self.hosts: set[str] = set()
        self.errors: list[str] = []
        self.complaints: list[str] = []  # the browser's own log, where a refused request stands too
        context = browser.new_context(
            locale=language, viewport={"width": width, "height": height or round(width * 9 / 16)}
        )
        self.page: Page = context.new_page()
        self.page.set_default_timeout(20_000)
        self.page.on("request", lambda request: self.hosts.add(urlsplit(request.url).hostname or request.url[:40]))
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", lambda said: self._hear(said.type, said.text))
        self.page.goto(line["console"])

    def _hear(self, kind: str, text: str) -> None:
        if kind in {"error", "warning"}:
            self.complaints.append(f"{kind}: {text}")

    def close(self) -> None:
        """Close its context."""
        self.page.context.close()

    def sign_in(self, user: str = "", password: str = "") -> None:
        """As the demo's officer, unless it is said as whom."""
        self.page.fill("input[name=user]", user or self._line["user"])
        self.page.fill("input[name=password]", password or self._line["password"])
        self.page.keyboard.press("Enter")

    def signed_in(self) -> "Screen":
        """Signed in, fetched and streaming."""
        self.sign_in()
        self.live()
        return self

    def pages(self) -> list[str]:
        """Addresses of the pages that the account has, behind the #."""
        return [link.get_attribute("href") or "" for link in self.page.locator("nav a").all()]

    def live(self, *, within_s: float = 30.0) -> None:
        """Wait until the link says that it is live."""
        self.page.wait_for_selector("[data-test=link][data-phase=live]", timeout=within_s * 1000)

    def alerts(self, group: str) -> list[int]:
        """Numbers of the alerts in `open-alerts` or `acked-alerts`, as they stand on the screen."""
        rows = self.page.locator(f"[data-test={group}] [data-alert]")
        return [int(row.get_attribute("data-alert") or 0) for row in rows.all()]

    def keep(self, name: str) -> None:
        """Keep a picture of it."""
        ARTEFACTS.mkdir(exist_ok=True)
        self.page.screenshot(path=ARTEFACTS / f"{name}.png")
