"""What the tests with a browser share: the browser, a demo for each module, and consoles that close with their test."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING

import pytest

from tests.acceptance.browser import Screen, browser, chromium
from tests.acceptance.running import Demo, demo_in

if TYPE_CHECKING:
    from playwright.sync_api import Browser

Screens = Callable[..., Screen]


@pytest.fixture(scope="module")
def chrome() -> "Iterator[Browser]":
    """A browser; skips the tests that want one where there is none."""
    with browser(chromium()) as running:
        yield running


@pytest.fixture(scope="module")
def demo(chrome: "Browser", tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """A demo without its simulation; none is started where there is no browser to look at it."""
    with demo_in(tmp_path_factory.mktemp("demo") / "data") as running:
        yield running


@pytest.fixture
def screens(demo: Demo, chrome: "Browser") -> Iterator[Screens]:
    """Opens consoles, and closes them with the test: each draws its map on the processor."""
    with ExitStack() as stack:
        yield lambda **its: stack.enter_context(closing(Screen(chrome, demo.line, **its)))
