"""Lasting conditions on a real database: raised once, resolved by themselves, the same after a restart or late data."""

import asyncio
from collections.abc import AsyncIterator
from random import Random
from typing import Any

import pytest
from psycopg.types.json import Jsonb

from devices.plausibility import Flag
from rules.actions import resolve_alert
from rules.errors import StillTrue
from rules.options import Options
from rules.worker import RulesWorker
from tests.integration.rules_site import EVERY_DAY, Site, at, place, site_at
from tests.integration.test_rules_leadership import until

FOLLOWED = """
    SELECT h.* FROM alert_history h JOIN alert a ON a.id = h.alert WHERE a.rule <> 'silent_device' ORDER BY h.id
"""


@pytest.fixture
async def site(database_url: str) -> AsyncIterator[Site]:
    async with site_at(database_url) as site:
        site.only = frozenset()
        site.follows = True
        await site.unit()
        await site.device("H-03")
        await ground(site, "G-1", half_m=1000)
        await site.checkpoint("C-1", 0, 0, grid="G-1")
        await shift(site)
        await site.listening(-600)
        yield site


async def ground(site: Site, code: str, *, half_m: float) -> None:
    corners = [(-half_m, -half_m), (half_m, -half_m), (half_m, half_m), (-half_m, half_m), (-half_m, -half_m)]
    ring = [[lon, lat] for lat, lon in (place(*corner) for corner in corners)]
    await site.do(
        "INSERT INTO grid (code, name, level, geometry) VALUES (%s, %s, 3, %s)",
        code,
        f"Grid {code}",
        Jsonb({"type": "Polygon", "coordinates": [ring]}),
    )


async def shift(site: Site, starts: str = "08:00", ends: str = "12:00", *, unit: str = "U-1") -> None:
    await site.do(
        "INSERT INTO route (code, name, checkpoints, geometry) VALUES ('R-1', 'Route', '{C-1}', '{}') "
        "ON CONFLICT DO NOTHING"
    )
    await site.do(
        "INSERT INTO shift (code, name, days, starts, ends, unit, route, rounds) "
        "VALUES ('day', 'Day', %s, %s, %s, %s, 'R-1', 1)",
        EVERY_DAY,
        starts,
        ends,
        unit,
    )


async def walk(site: Site, start: float, end: float, *, north_m: float = 0, device: str = "H-03", **more: Any) -> None:
    """To and fro, a fix each half minute."""
    for half in range(int(start * 2), int(end * 2) + 1):
        await site.fix(device, half / 2, (half % 10) * 40, north_m, **more)


async def alerts(site: Site, rule: str) -> list[dict[str, Any]]:
    return await site.rows("SELECT * FROM alert WHERE rule = %s ORDER BY id", rule)


async def history(site: Site, rule: str) -> list[str]:
    rows = await site.rows(
        "SELECT h.event FROM alert_history h JOIN alert a ON a.id = h.alert WHERE a.rule = %s ORDER BY h.id", rule
    )
    return [row["event"] for row in rows]


async def test_out_of_its_area_and_back(site: Site) -> None:
    await walk(site, 0, 30)
    await site.work(31)
    assert await site.rows("SELECT * FROM alert") == []
    await walk(site, 30.5, 32, north_m=1500)
    await site.work(32)
    assert await alerts(site, "left_area") == []  # not long enough as of a minute ago
    await walk(site, 32.5, 35, north_m=1500)
    await site.work(35)
    (alert,) = await alerts(site, "left_area")
    assert alert["title"] == "H-03 (U-1) is 500 m outside its area"
    assert alert["severity"] == "warning"
    assert alert["unit"] == "U-1"
    assert alert["lat"] == pytest.approx(place(0, 1500)[0], abs=1e-4)
    assert alert["reasons"][0]["since_at"] == "2026-11-21T00:30:30.000Z"
    with pytest.raises(StillTrue):
        async with site.connection.transaction():
            await resolve_alert(site.connection, alert["id"], actor="chen", note="no", at=at(35))
    await walk(site, 35.5, 50)
    await site.work(51)
    assert await history(site, "left_area") == ["opened", "resolved"]
    assert (await alerts(site, "left_area"))[0]["resolution"].startswith("it is back in its area")


async def test_sent_to_an_incident_it_may_be_anywhere(site: Site) -> None:
    await site.do(
        "INSERT INTO incident (number, kind, source, unit, occurred_at, reported_at, dispatched_at) "
        "VALUES ('I-1', 'fire', 'test', 'U-1', %s, %s, %s)",
        at(20),
        at(20),
        at(20),
    )
    await walk(site, 21, 60, north_m=1500)
    await site.work(61)
    assert await alerts(site, "left_area") == []


async def test_a_restart_changes_nothing_and_a_long_night_makes_no_storm(site: Site) -> None:
    await walk(site, 0, 20)
    await walk(site, 20.5, 40, north_m=1500)
    await site.work(41)
    before = await alerts(site, "left_area")
    await walk(site, 40.5, 60, north_m=1500)
    site.restart()
    await site.work(61)
    assert await alerts(site, "left_area") == before
    assert await history(site, "left_area") == ["opened"]


async def test_what_began_and_ended_while_the_rules_were_down_is_not_raised(site: Site) -> None:
    await walk(site, 0, 20)
    await walk(site, 20.5, 60, north_m=1500)
    await walk(site, 60.5, 80)
    await site.work(82)
    assert await site.rows("SELECT * FROM alert") == []


async def test_late_fixes_take_back_what_was_said(site: Site) -> None:
    await site.device("H-04")
    await site.stay("H-03", 0, 5, 0, 0)
    await site.stay("H-03", 60, 80, 20, 0)
    # Unseen for an hour, so nothing is said of it; the quarter of an hour after it is not enough.
    await site.work(82)
    assert await alerts(site, "standing_still") == []
    await site.stay("H-03", 80.5, 110, 20, 0)
    await site.work(111.5)
    assert [it["state"] for it in await alerts(site, "standing_still")] == ["open"]
    # Now its outbox brings what it did from minute 62 to 100: it walked.
    await site.do("DELETE FROM position WHERE device = %s AND time > %s", site.numbers["H-03"], at(61))
    await walk(site, 61.5, 109, received=111)
    await site.stay("H-03", 109.5, 111, 20, 0)
    await site.mark("track", str(site.numbers["H-03"]), 61.5, 109)
    await site.work(113)
    (alert,) = await alerts(site, "standing_still")
    assert (alert["state"], alert["class"]) == ("resolved", "withdrawn")
    assert await site.rows("SELECT * FROM dirty_mark") == []


async def test_alone_without_a_sign_and_with_one(site: Site) -> None:
    await site.stay("H-03", 0, 29, 0, 0)
    await site.work(29)
    assert await alerts(site, "lone_worker") == []
    await site.work(32)
    (alert,) = await alerts(site, "lone_worker")
    assert (alert["class"], alert["severity"]) == ("overdue", "warning")
    await site.stay("H-03", 29.5, 42, 0, 0)
    await site.work(42)
    (alert,) = await alerts(site, "lone_worker")
    assert (alert["class"], alert["severity"]) == ("no_answer", "critical")
    site.now = at(43)
    await site.reading("H-03", 43, {"type": "button", "button": "check_in", "pressed": True})
    await site.work(45)
    assert await history(site, "lone_worker") == ["opened", "changed", "resolved"]


async def test_somebody_has_spoken_to_who_was_alone(site: Site) -> None:
    await site.stay("H-03", 0, 33, 0, 0)
    await site.work(32)
    (alert,) = await alerts(site, "lone_worker")
    async with site.connection.transaction():
        await resolve_alert(site.connection, alert["id"], actor="chen", note="called, all well", at=at(33))
    await site.stay("H-03", 33.5, 60, 0, 0)
    await site.work(45)
    await site.work(61)
    assert await history(site, "lone_worker") == ["opened", "resolved"]


async def test_who_is_silent_is_overdue_but_not_while_nobody_listens(site: Site) -> None:
    await site.fix("H-03", 2, 0, 0)
    await site.listening(-600, silent_s=60)
    await site.work(45)
    assert await alerts(site, "lone_worker") == []
    await site.listening(46)
    await site.work(47)
    assert await alerts(site, "lone_worker") == []
    await site.work(49)
    assert [it["class"] for it in await alerts(site, "lone_worker")] == ["no_answer"]


async def test_two_people_are_not_alone(site: Site) -> None:
    await site.device("H-04")
    await site.stay("H-03", 0, 40, 0, 0)
    await site.work(41)
    assert await alerts(site, "lone_worker") == []


async def test_the_end_of_the_shift_ends_what_lasts(site: Site) -> None:
    await site.stay("H-03", 180, 240, 0, 0)
    await site.work(240)
    assert [it["state"] for it in await alerts(site, "standing_still")] == ["open"]
    await site.work(242)
    (alert,) = await alerts(site, "standing_still")
    assert alert["resolution"] == "its unit is off duty, or nobody holds it any more"


async def test_a_vehicle_without_a_shift_is_looked_at_by_the_day(site: Site) -> None:
    await site.unit("CAR-1", kind="car")
    await site.device("V-01", kind="vehicle", unit="CAR-1")
    for step in range(60):
        await site.fix("V-01", 10 + step / 6, step * 250, 0)  # 25 m/s
    await site.work(22)
    (alert,) = await alerts(site, "over_speed")
    assert alert["title"].startswith("V-01 (CAR-1) drives at ")
    await site.work(30)
    assert await history(site, "over_speed") == ["opened", "resolved"]


async def test_a_broken_follower_stops_no_other_device(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    await site.device("H-04")
    await walk(site, 0, 20)
    await walk(site, 0, 20, device="H-04", north_m=0)
    for device in ("H-03", "H-04"):
        await walk(site, 20.5, 40, north_m=1500, device=device)
    from rules.catalog.standing_still import _Standing

    feed = _Standing.sample

    def broken(self: Any, it: Any) -> None:
        if self._tour.device.name == "H-03":
            raise ValueError("oh")
        feed(self, it)

    with monkeypatch.context() as patch:
        patch.setattr(_Standing, "sample", broken)
        await site.work(41)
    assert [it["device"] for it in await alerts(site, "left_area")] == ["H-04"]
    await walk(site, 40.5, 42, north_m=1500)
    await site.work(44)
    assert sorted(it["device"] for it in await alerts(site, "left_area")) == ["H-03", "H-04"]


async def test_a_device_that_makes_its_place_up(site: Site) -> None:
    await walk(site, 0, 10)
    await site.do("UPDATE position SET flags = %s", int(Flag.MOCK))
    await site.work(11.5)
    (alert,) = await alerts(site, "position_suspect")
    assert alert["fingerprint"] == "position_suspect:H-03:mock"


@pytest.mark.parametrize("seed", [1, 2])
async def test_however_it_comes_in_nothing_flaps_and_the_end_is_the_same(site: Site, seed: int) -> None:
    chance = Random(seed)  # noqa: S311  no secret
    await site.device("H-04")
    made = [(half / 2, (half % 10) * 40, 1500 if 40 <= half // 2 < 70 else 0) for half in range(220)]
    # In order, a little out of order, or by the hour from an outbox.
    came = sorted(
        (minute + chance.choice([0, 0, 0, 0.3, 0.7, 20]), minute, east, north) for minute, east, north in made
    )
    for now in range(5, 135, 5):
        fresh = [it for it in came if now - 5 <= it[0] < now]
        for received, minute, east, north in fresh:
            await site.fix("H-03", minute, east, north, received=received)
        late = [minute for received, minute, _, _ in fresh if received - minute > 0.75]
        if late:
            await site.mark("track", str(site.numbers["H-03"]), min(late), max(late))
        if chance.random() < 0.2:
            site.restart()
        await site.work(now)
    assert await history(site, "left_area") == ["opened", "resolved"]
    before = await site.rows(FOLLOWED)
    site.restart()
    await site.work(136)
    assert await site.rows(FOLLOWED) == before


async def test_the_worker_that_leads_follows_by_itself(site: Site, database_url: str) -> None:
    await walk(site, 0, 20)
    await walk(site, 20.5, 30, north_m=1500)
    site.now = at(31.5)
    worker = RulesWorker(database_url, options=Options(poll_s=0.2), clock=lambda: site.now, beat_s=0.1, dead_after_s=1)
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(worker.run(stop), name="worker")
        try:
            await until(lambda: _is_told(site), within_s=30)
        finally:
            stop.set()


async def _is_told(site: Site) -> bool:
    return bool(await alerts(site, "left_area"))
