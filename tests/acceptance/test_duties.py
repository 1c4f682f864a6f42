"""A patrol that objects to its verdict, and the officer who answers: two browsers and a handset on the real service."""

import asyncio
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from gateway.client import DeviceClient
from tests.acceptance.browser import Screen, browser, chromium
from tests.acceptance.running import GENGFU, Demo, demo_in, environment, eventually

if TYPE_CHECKING:
    from playwright.sync_api import Browser

UNIT, DEVICE = "F-01", "HS-01"
AWAY_DEG = 0.008  # some 800 m of latitude: nowhere near


@pytest.fixture(scope="module")
def chrome() -> "Iterator[Browser]":
    with browser(chromium()) as running:
        yield running


@pytest.fixture(scope="module")
def demo(chrome: "Browser", tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    with demo_in(tmp_path_factory.mktemp("duties") / "data") as running:
        yield running


class Handset:
    """A handset in a thread of its own, because Playwright's loop runs in this one; keeps what it was told."""

    def __init__(self, demo: Demo) -> None:
        self._demo = demo
        self._done = threading.Event()
        self._ready = threading.Event()
        self.told: list[Mapping[str, Any]] = []
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), name="handset", daemon=True)

    def __enter__(self) -> "Handset":
        self._thread.start()
        assert self._ready.wait(60), "the handset could not send"
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join(30)

    async def _run(self) -> None:
        secret = self._demo.secrets()[DEVICE]["secret"]
        async with DeviceClient(
            self._demo.line["broker"], device=DEVICE, secret=secret, on_message=self.told.append
        ) as client:
            await client.send(walk(self._demo), lane="up")
            assert await client.drain(stall_s=20)
            self._ready.set()
            await asyncio.to_thread(self._done.wait)


def walk(demo: Demo) -> list[dict[str, Any]]:
    """An hour and more far from the checkpoint, in sight all the time."""
    _, lat, lon = checkpoint(demo)
    now = time.time()
    place = {"type": "position", "lat": lat + AWAY_DEG, "lon": lon, "accuracy_m": 5}
    return [{**place, "t": int((now - 90 * 60 + step * 30) * 1000)} for step in range(178)]


def checkpoint(demo: Demo) -> tuple[str, float, float]:
    with psycopg.connect(demo.line["database"]) as connection:
        row = connection.execute("SELECT code, lat, lon FROM checkpoint ORDER BY code LIMIT 1").fetchone()
    assert row is not None
    return row


def make_duty(demo: Demo) -> int:
    """One that fell due ten minutes ago, as a planner would have made it."""
    code, _, _ = checkpoint(demo)
    now = datetime.now(UTC)
    with psycopg.connect(demo.line["database"]) as connection:
        row = connection.execute(
            "INSERT INTO duty (rule, key, subject, unit, grid, opens_at, due_at, settles_at, final_at, state,"
            " judge_at) SELECT 'missed_checkpoint', 'a test', code, %s, grid, %s, %s, %s, %s, 'open', %s "
            "FROM checkpoint WHERE code = %s RETURNING id",
            (
                UNIT,
                now - timedelta(minutes=70),
                now - timedelta(minutes=12),
                now - timedelta(minutes=5),
                now + timedelta(hours=70),
                now,
                code,
            ),
        ).fetchone()
        connection.execute("NOTIFY gengfu_dirty")
    assert row is not None
    return int(row[0])


def add_patrol(demo: Demo) -> str:
    added = subprocess.run(
        [*GENGFU, "user", "add", "patrol-1", "--role", "patrol", "--unit", UNIT, "--dir", str(demo.folder)],
        capture_output=True, text=True, env=environment(), timeout=60, check=True,
    )  # fmt: skip
    return added.stdout.split()[-1]


def row_of(duty: int, verdict: str) -> str:
    return f'[data-duty="{duty}"][data-verdict="{verdict}"]'


def test_a_patrol_objects_an_officer_answers_and_everybody_is_told(demo: Demo, chrome: "Browser") -> None:
    password = add_patrol(demo)
    with (
        Handset(demo) as handset,
        closing(Screen(chrome, demo.line, width=420)) as patrol,
        closing(Screen(chrome, demo.line)) as officer,
    ):
        duty = make_duty(demo)
        eventually(lambda: any(it["class"] == "missed" for it in handset.told))
        assert f"{UNIT} " in handset.told[0]["text"]

        patrol.page.set_viewport_size({"width": 420, "height": 860})
        patrol.sign_in("patrol-1", password)
        patrol.live()
        patrol.page.click(row_of(duty, "missed"))
        patrol.page.wait_for_selector("[data-test=said]:has-text('missed')")
        patrol.page.wait_for_selector("[data-test=evidence-map] canvas")
        patrol.page.wait_for_timeout(1500)  # the map draws itself, for the picture only
        patrol.keep("duties-phone")
        assert patrol.page.locator("[data-test=waive]").count() == 0
        patrol.page.click("[data-test=object]")
        patrol.page.fill("[data-test=words] textarea, textarea[data-test=words]", "The gate was shut.")
        patrol.page.click("[data-test=send]")
        patrol.page.wait_for_selector("[data-state=open] >> text=The gate was shut.")

        officer.signed_in()
        alert = next(it for it in demo.call("GET", "/api/alerts")["items"] if it["duty"] == duty)
        officer.page.click(f'[data-alert="{alert["id"]}"]')
        officer.page.wait_for_selector("[data-test=acknowledge]")
        officer.page.click("[data-test=acknowledge]")
        officer.page.wait_for_selector("nav [data-test=waiting]:has-text('1')")
        officer.page.click("nav >> text=Duties")
        officer.page.click("[data-test=tab-objections]")
        officer.page.click("[data-test=objection-list] .about")
        officer.page.wait_for_selector("[data-test=duty] [data-test=answer-form]")
        officer.page.wait_for_timeout(1500)
        officer.keep("duties-objection")
        officer.page.fill("[data-test=duty] [data-test=answer-form] textarea", "Shut by order; we have seen it.")
        officer.page.click("[data-test=duty] [data-test=send-answer]")
        officer.page.wait_for_selector("[data-test=duty] [data-state=upheld]")
        officer.page.wait_for_selector("[data-test=said]:has-text('waived by officer')", timeout=30_000)
        eventually(lambda: officer.page.locator("nav [data-test=waiting]").count() == 0)

        patrol.page.wait_for_selector("[data-test=answer-text]:has-text('Shut by order')")
        patrol.page.wait_for_selector("[data-test=said]:has-text('waived by officer')", timeout=30_000)
        patrol.page.click("[data-test=back]")
        patrol.page.wait_for_selector(row_of(duty, "waived"))
        patrol.keep("duties-phone-list")
        eventually(
            lambda: (
                {(it["event"], it["class"]) for it in handset.told} >= {("answered", "upheld"), ("waived", "waived")}
            )
        )

        officer.page.wait_for_selector("[data-test=corrections]")  # acknowledged as missed, and waived since
        officer.page.click("[data-test=corrections]")
        officer.page.wait_for_selector("[data-test=correction-list] >> text=Now: waived")
        officer.keep("duties-corrections")
        officer.page.click("[data-test=correction-list] button")
        officer.page.wait_for_selector("[data-test=drawer] >> text=Shut by order")
        eventually(lambda: officer.page.locator("[data-test=corrections]").count() == 0)
        assert officer.errors == patrol.errors == []


def test_a_span_is_previewed_and_waived(demo: Demo, chrome: "Browser") -> None:
    with closing(Screen(chrome, demo.line, language="zh-CN")) as officer:
        officer.signed_in()
        officer.page.click("nav >> text=任务")
        officer.page.click("[data-test=span]")
        officer.page.click("[data-test=span-unit]")
        officer.page.click(f".el-select-dropdown__item:has-text('{UNIT} ')")
        soon = datetime.now(UTC) + timedelta(hours=8)  # the site's zone is eight hours ahead
        officer.page.fill("[name=from]", f"{soon:%Y-%m-%dT%H:%M}")
        officer.page.fill("[name=to]", f"{soon + timedelta(hours=30):%Y-%m-%dT%H:%M}")
        officer.page.wait_for_selector("[data-test=reach] >> text=/将免除已计划的 [1-9]/")
        officer.page.fill("[data-test=span-why] textarea, textarea[data-test=span-why]", "台风")
        officer.keep("duties-span")
        officer.page.click("[data-test=span-go]")
        eventually(lambda: demo.count("SELECT count(*) FROM duty WHERE waived_why = '台风'") > 0)
        assert officer.errors == []
