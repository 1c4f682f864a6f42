"""A patrol that objects to its verdict, and the officer who answers: two browsers and a handset on the real service."""

import asyncio
import threading
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import psycopg

from gateway.client import DeviceClient
from tests.acceptance.browser import Screen
from tests.acceptance.conftest import Screens
from tests.acceptance.running import Demo, eventually

if TYPE_CHECKING:
    from collections.abc import Mapping

    from playwright.sync_api import Browser

UNIT, DEVICE = "F-01", "HS-01"
AWAY_DEG = 0.008  # some 800 m of latitude: nowhere near


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


def make_duty(demo: Demo, key: str) -> int:
    """One that fell due ten minutes ago, as a planner would have made it."""
    code, _, _ = checkpoint(demo)
    now = datetime.now(UTC)
    with psycopg.connect(demo.line["database"]) as connection:
        row = connection.execute(
            "INSERT INTO duty (rule, key, subject, unit, grid, opens_at, due_at, settles_at, final_at, state,"
            " judge_at) SELECT 'missed_checkpoint', %s, code, %s, grid, %s, %s, %s, %s, 'open', %s "
            "FROM checkpoint WHERE code = %s RETURNING id",
            (
                key,
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


def row_of(duty: int, verdict: str) -> str:
    return f'[data-duty="{duty}"][data-verdict="{verdict}"]'


def test_a_patrol_objects_an_officer_answers_and_everybody_is_told(demo: Demo, chrome: "Browser") -> None:
    password = demo.add_user("patrol-1", "patrol", "--unit", UNIT)
    with (
        Handset(demo) as handset,
        closing(Screen(chrome, demo.line, width=420, height=860)) as patrol,
        closing(Screen(chrome, demo.line)) as officer,
    ):
        duty = make_duty(demo, "objected to")
        eventually(lambda: any(it["class"] == "missed" for it in handset.told))
        assert f"{UNIT} " in handset.told[0]["text"]

        patrol.sign_in("patrol-1", password)
        patrol.live()
        patrol.page.click(row_of(duty, "missed"))
        patrol.page.wait_for_selector("[data-test=said]:has-text('missed')")
        patrol.page.wait_for_selector("[data-test=evidence-map] canvas")
        patrol.page.wait_for_timeout(1500)  # the map draws itself, for the picture only
        patrol.keep("duties-phone")
        assert patrol.page.locator("[data-test=waive]").count() == 0
        for within_reach in ("object", "back"):  # of the thumb of the hand that holds the phone
            box = patrol.page.locator(f"[data-test={within_reach}]").bounding_box()
            assert box is not None
            assert box["y"] > 860 * 2 / 3
            assert box["height"] >= 40
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


def test_a_span_is_previewed_and_waived(demo: Demo, screens: Screens) -> None:
    officer = screens(language="zh-CN")
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


def supersede(demo: Demo, duty: int) -> None:
    """As a plan that was put right would have it."""
    with psycopg.connect(demo.line["database"]) as connection:
        connection.execute(
            "UPDATE duty SET state = 'superseded', superseded_at = now(), superseded_why = 'not_planned',"
            " judge_at = NULL, key = key || '~' || id WHERE id = %s",
            (duty,),
        )


def test_what_a_correction_superseded_is_seen_when_it_is_asked_for(demo: Demo, screens: Screens) -> None:
    duty = make_duty(demo, "superseded")
    eventually(lambda: demo.call("GET", f"/api/duties/{duty}")["verdict"] is not None)
    supersede(demo, duty)
    officer = screens().signed_in()
    officer.page.click("nav >> text=Duties")
    officer.page.fill("[data-test=unit]", UNIT)
    officer.page.keyboard.press("Enter")
    officer.page.wait_for_selector("[data-duty]")
    assert officer.page.locator(f'[data-duty="{duty}"]').count() == 0
    officer.page.click("[data-test=superseded]")
    row = officer.page.wait_for_selector(f'[data-duty="{duty}"]')
    assert row is not None
    assert "the plan as it was put right does not have it" in row.inner_text()
    row.click()
    officer.page.wait_for_selector("[data-test=said]:has-text('Its verdict had been')")
    assert officer.page.locator("[data-test=waive]").count() == 0
    officer.keep("duties-superseded")
    officer.page.click("[data-test=superseded]")
    officer.page.wait_for_selector(f'[data-duty="{duty}"]', state="detached")
    assert officer.errors == officer.complaints == []
