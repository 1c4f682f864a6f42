"""The duty screen as an officer has it: a real browser against the real service, broker and database."""

import asyncio
import os
import re
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from gateway.client import DeviceClient
from tests.acceptance.conftest import Screens
from tests.acceptance.running import Demo, eventually

PLACE = {"lat": 30.6931, "lon": 111.2851}

# Notes when a row like this first stands on the page; the clock is this machine's, as is ours.
WATCH = """([selector, name]) => {
  const look = () => document.querySelector(selector) && (window[name] ??= Date.now())
  look(); new MutationObserver(look).observe(document.body, {childList: true, subtree: true})
}"""


def say(demo: Demo, device: str, reading: dict[str, Any], *, urgent: bool = False) -> int:
    """Send a reading as a device and wait for its receipt; when it was sent, in epoch milliseconds."""

    async def send() -> int:
        secret = demo.secrets()[device]["secret"]
        async with DeviceClient(demo.line["broker"], device=device, secret=secret) as client:
            sent = now_ms()
            await client.send([{"t": sent, **reading}], lane="urgent" if urgent else "up")
            assert await client.drain(stall_s=20)
            return sent

    with ThreadPoolExecutor(1) as other:  # a loop of Playwright's runs in this thread
        return other.submit(lambda: asyncio.run(send())).result()


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def press_sos(demo: Demo, device: str) -> int:
    return say(demo, device, {"type": "button", "button": "sos", "pressed": True, **PLACE}, urgent=True)


def sos_row(device: str) -> str:
    return f'[data-test=open-alerts] [data-rule=sos]:has-text("{device}")'


def test_the_sign_in_page_refuses_and_lets_in(demo: Demo, screens: Screens) -> None:
    screen = screens()
    screen.page.wait_for_selector("[data-test=sign-in]")
    screen.keep("console-sign-in")
    screen.sign_in(password="wrong")  # noqa: S106
    screen.page.get_by_role("alert").filter(has_text="do not fit").wait_for()
    screen.sign_in()
    screen.live()
    screen.page.click("[data-test=sign-out]")
    screen.page.wait_for_selector("[data-test=sign-in]")
    assert screen.errors == []


def test_a_unit_moves(demo: Demo, screens: Screens) -> None:
    screen = screens().signed_in()
    for lat in (30.6900, 30.6921):
        say(demo, "VT-01", {"type": "position", "lat": lat, "lon": 111.2851, "accuracy_m": 5})
        marker = screen.page.wait_for_selector(f'[data-unit=CAR-1][data-lat="{lat}"]', timeout=5000)
        assert marker is not None
        assert marker.get_attribute("data-freshness") == "fresh"
        assert re.search(r"position \d+ s old", marker.get_attribute("title") or "")


def test_an_sos_is_heard_acknowledged_by_key_and_gone_from_the_other_screen(demo: Demo, screens: Screens) -> None:
    screen, other = screens().signed_in(), screens(language="zh-CN", width=1366).signed_in()
    sound = screen.page.locator("[data-test=sound]")
    sound.click()
    screen.page.wait_for_selector("[data-test=sound][data-state=on]")
    played = int(sound.get_attribute("data-played") or 0)
    screen.page.evaluate(WATCH, ["[data-rule=sos]", "seen"])

    sent = press_sos(demo, "HS-01")
    screen.page.wait_for_selector(sos_row("HS-01"))
    assert screen.page.evaluate("window.seen") - sent < 2000
    assert int(sound.get_attribute("data-played") or 0) == played + 1
    assert re.match(r"\(\d+\) gengfu", screen.page.title())
    other.page.wait_for_selector(sos_row("HS-01"))
    (number,) = [one["id"] for one in demo.call("GET", "/api/alerts?rule=sos")["items"]]

    screen.page.keyboard.press("j")
    screen.page.keyboard.press("Enter")
    screen.page.wait_for_selector("[data-test=drawer] >> text=SOS pressed on HS-01")
    screen.page.wait_for_timeout(1500)  # the map's way there, for the picture only
    screen.keep("console-sos-en")
    other.keep("console-sos-zh")
    screen.page.keyboard.press("a")
    eventually(lambda: number in screen.alerts("acked-alerts"))
    eventually(lambda: number not in other.alerts("open-alerts") and number in other.alerts("acked-alerts"), within_s=3)
    assert demo.call("GET", f"/api/alerts/{number}")["acked_by"] == demo.line["user"]
    assert screen.errors == other.errors == []


def test_nothing_is_lost_or_doubled_when_the_server_is_killed(demo: Demo, screens: Screens) -> None:
    screen = screens().signed_in()
    screen.page.click("[data-test=sound]")
    press_sos(demo, "HS-02")
    screen.page.wait_for_selector(sos_row("HS-02"))
    played = int(screen.page.get_attribute("[data-test=sound]", "data-played") or 0)

    (ops,) = demo.pids_of("run", "ops")
    os.kill(ops, signal.SIGKILL)
    screen.page.wait_for_selector("[data-test=link][data-phase=lost] >> text=Reconnecting")
    screen.keep("console-reconnecting")
    press_sos(demo, "HS-03")
    screen.live(within_s=60)
    screen.page.wait_for_selector(sos_row("HS-03"))
    listed = {one["id"] for one in demo.call("GET", "/api/alerts?limit=500&state=open")["items"]}
    shown = eventually(lambda: it if set(it := screen.alerts("open-alerts")) == listed else None)
    assert len(shown) == len(listed)
    assert int(screen.page.get_attribute("[data-test=sound]", "data-played") or 0) == played + 1

    say(demo, "VT-02", {"type": "position", "lat": 30.6911, "lon": 111.2822, "accuracy_m": 5})
    screen.page.wait_for_selector('[data-unit=CAR-2][data-lat="30.6911"]')
    assert screen.errors == []


def test_a_network_that_was_cut_comes_back(demo: Demo, screens: Screens) -> None:
    screen = screens().signed_in()
    screen.page.context.set_offline(True)
    screen.page.evaluate("window.dispatchEvent(new Event('offline'))")
    say(demo, "VT-03", {"type": "position", "lat": 30.6942, "lon": 111.2811, "accuracy_m": 5})
    screen.page.context.set_offline(False)
    screen.page.wait_for_selector('[data-lat="30.6942"]', timeout=60_000)
    screen.live()


def test_both_languages_are_there_and_remembered(demo: Demo, screens: Screens) -> None:
    screen = screens(language="zh-CN").signed_in()
    screen.page.wait_for_selector("text=今日巡线")
    screen.page.wait_for_selector("[data-test=open-alerts] >> text=器材逾期 >> nth=0")
    screen.page.click("[data-test=language]")
    screen.page.wait_for_selector("text=Today's rounds")
    screen.page.reload()
    screen.live()
    assert screen.page.locator("text=Today's rounds").count() == 1
    assert screen.page.evaluate("document.documentElement.lang") == "en"
    screen.page.click("[data-test=theme]")
    screen.page.wait_for_timeout(800)  # the map dresses anew, for the picture only
    screen.keep("console-light-en")


def test_a_crew_sees_its_work_and_nobodys_track(demo: Demo, screens: Screens) -> None:
    password = demo.add_user("crew-1", "crew")
    screen = screens()
    screen.sign_in("crew-1", password)
    screen.live()
    screen.page.wait_for_selector("[data-test=tickets]")
    assert screen.page.locator("nav a").all_inner_texts() == ["Tickets", "Equipment"]
    screen.page.click("text=Equipment")
    screen.page.wait_for_selector("[data-test=equipment] >> text=EX-")
    screen.keep("console-crew")
    assert screen.errors == []


def test_the_session_lost_leads_back_to_where_one_was(demo: Demo, screens: Screens) -> None:
    screen = screens().signed_in()
    screen.page.context.clear_cookies()
    screen.page.keyboard.press("j")
    screen.page.keyboard.press("Enter")
    screen.page.wait_for_selector("[data-test=sign-in] >> text=Your session has ended")
    screen.sign_in()
    screen.live()
    screen.page.wait_for_selector("[data-test=drawer] h2")


def test_no_request_leaves_this_machine(demo: Demo, screens: Screens) -> None:
    screen = screens().signed_in()
    screen.page.wait_for_selector("[data-test=map] canvas")
    eventually(lambda: screen.page.evaluate("performance.getEntriesByType('resource').length") > 10)
    foreign = screen.page.evaluate(
        "performance.getEntriesByType('resource').map(it => new URL(it.name).hostname).filter(it => it !== '127.0.0.1')"
    )
    assert foreign == []
    assert screen.hosts == {"127.0.0.1"}


def test_a_patrol_sees_who_looked_at_it_and_why(demo: Demo, screens: Screens) -> None:
    demo.call("GET", "/api/devices/HS-01/track?purpose=complaint+12+of+a+shop")
    password = demo.add_user("li", "patrol", "--unit", "F-01")
    screen = screens()
    screen.sign_in("li", password)
    screen.page.click("nav >> text=Who looked")
    row = screen.page.locator("[data-test=looks] tbody tr", has_text="complaint 12 of a shop").first
    row.wait_for()
    assert "HS-01" in row.inner_text()
    assert demo.line["user"] in row.inner_text()
    assert screen.errors == []


# What stands beyond the right edge of the screen and cannot be scrolled to within its own box.
BEYOND = """() => [...document.querySelectorAll('main *, header.bar *')].filter((it) => {
  const {left, right, width} = it.getBoundingClientRect()
  return width > 0 && (right > innerWidth + 1 || left < -1)
    && !it.closest('nav, .el-table, .matrix, .maplibregl-map, .visually-hidden')
}).map((it) => it.outerHTML.slice(0, 120))"""


@pytest.mark.parametrize("size", [(390, 844), (1024, 768)], ids=["phone", "tablet"])
@pytest.mark.parametrize("role", ["officer", "patrol", "crew"])
def test_every_page_fits_small_screens_and_the_browser_has_nothing_to_complain_of(
    demo: Demo, screens: Screens, role: str, size: tuple[int, int]
) -> None:
    width, height = size
    name = f"{role}-{width}"
    password = demo.add_user(name, role, *(("--unit", "F-03") if role == "patrol" else ()))
    screen = screens(width=width, height=height)
    screen.sign_in(name, password)
    screen.live()
    for page in screen.pages():
        screen.page.click(f'nav a[href="{page}"]')
        screen.page.wait_for_selector(f'nav a.router-link-exact-active[href="{page}"]')
        screen.page.wait_for_selector("main")
        eventually(lambda: screen.page.evaluate(BEYOND) == [])
        assert screen.page.evaluate("document.documentElement.scrollWidth") <= width, page
    screen.page.click("[data-test=menu]")
    screen.page.click("[data-test=language]")
    screen.page.wait_for_selector("nav >> text=/值班|工单/")
    assert screen.errors == screen.complaints == []


def test_on_a_phone_the_town_is_a_tab_and_an_incident_is_placed_there(demo: Demo, screens: Screens) -> None:
    screen = screens(width=390, height=844).signed_in()
    assert not screen.page.locator("[data-test=map]").is_visible()
    screen.page.click("[data-test=tab-incidents]")
    screen.page.click("[data-test=new-incident]")
    screen.page.wait_for_selector("[data-test=map] canvas")
    screen.page.click("[data-test=map]", position={"x": 24, "y": 200})  # where no pin lies
    screen.page.wait_for_selector("[data-test=incident-form]")
    screen.page.keyboard.press("Escape")
    screen.page.wait_for_selector("[data-test=incident-form]", state="hidden")
    assert screen.page.locator("[data-test=incidents]").is_visible()
