"""Leave, cover and custody on a real database: what they prove, what a correction changes, what it leaves alone.

Unit U-1 has post P-1 with handset H-1 and walks C-1 from 08:00 to 09:00; P-2 with H-2 belongs to no unit.
"""

import random
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from rules.actions import dispatch_incident, open_incident
from rules.errors import NotNow, NotThere
from rules.roster import add_leave, correct, cover_leave, give, take, withdraw_leave
from rules.store.world import snapshot
from tests.integration.rules_site import MORNING, Site, at, site_at


@pytest.fixture
async def site(database_url: str) -> AsyncIterator[Site]:
    async with site_at(database_url) as found:
        found.only = frozenset({"missed_checkpoint"})
        await found.grid("G-1")
        await found.unit("U-1")
        await found.unit("U-2")
        for code, unit in (("P-1", "U-1"), ("P-2", None), ("P-3", "U-2")):
            await found.do("INSERT INTO post (code, name, unit, role) VALUES (%s, %s, %s, 'patrol')", code, code, unit)
        for n in (1, 2, 3):
            await found.device(f"H-{n}", unit=None)
            await hold(found, f"H-{n}", f"P-{n}")
        await found.checkpoint("C-1", 0, 0, grid="G-1")
        await found.shift("C-1")
        yield found


async def hold(site: Site, device: str, post: str, start: float | None = None, end: float | None = None) -> None:
    await site.do(
        "INSERT INTO custody (device, holder_kind, holder, valid_from, valid_to) "
        "VALUES (%s, 'post', %s, coalesce(%s, timestamptz '2000-01-01Z'), %s)",
        site.numbers[device],
        post,
        None if start is None else at(start),
        None if end is None else at(end),
    )


async def duty(site: Site) -> tuple[str | None, str, list[str]]:
    row = await site.row(
        "SELECT verdict, state, reasons FROM duty WHERE state <> 'superseded' ORDER BY opens_at LIMIT 1"
    )
    return row["verdict"], row["state"], [it["reason"] for it in row["reasons"]]


async def away(site: Site, post: str, start: float, end: float | None, **more: Any) -> int:
    async with site.connection.transaction():
        change = await add_leave(
            site.connection,
            post,
            kind="leave",
            start=at(start),
            end=None if end is None else at(end),
            now=site.now,
            **more,
        )
    assert change.leave is not None
    return change.leave.id


async def around(site: Site, device: str, *, north_m: float) -> None:
    """Fixes all through the shift and some before and after it."""
    await site.stay(device, -10, 75, 0, north_m)


async def test_the_stand_in_proves_the_duty(site: Site) -> None:
    await around(site, "H-1", north_m=900)
    await around(site, "H-2", north_m=0)
    await away(site, "P-1", -60, 240, cover="P-2")
    await site.work(-5)
    await site.work(67)
    assert await duty(site) == ("met", "provisional", ["visit", "interpolated"])


async def test_a_handset_left_in_a_drawer_accuses_nobody(site: Site) -> None:
    await around(site, "H-1", north_m=900)
    await away(site, "P-1", -60, 240, cover="P-2")
    await site.work(-5)
    await site.work(67)
    verdict, _, why = await duty(site)
    assert (verdict, why[0]) == ("in_doubt", "silent_device")


async def test_both_away_is_told_and_blames_nobody_and_is_over_when_somebody_is_named(site: Site) -> None:
    await site.do("UPDATE post SET deputy = 'P-2' WHERE code = 'P-1'")
    await site.work(-120)
    first = await away(site, "P-1", -60, 240)
    await away(site, "P-2", -60, 240)
    await site.work(-100)
    await site.work(-99)
    alert = "SELECT state, class, severity, resolution FROM alert WHERE rule = 'both_away' AND subject = 'P-1'"
    assert await site.row(alert) == {"state": "open", "class": "ahead", "severity": "warning", "resolution": None}
    await site.work(1)
    await site.work(2)
    assert (await site.row(alert))["class"] == "now"
    async with site.connection.transaction():
        await cover_leave(site.connection, first, cover="P-3", at=at(30), now=site.now)
    await site.work(30)
    await site.work(31)
    found = await site.row(alert)
    assert (found["state"], found["resolution"]) == ("resolved", "P-3 stands in for P-1")
    await site.work(67)
    verdict, _, why = await duty(site)
    assert (verdict, why[0]) == ("in_doubt", "nobody_named")  # it was so until then
    spells = await site.rows("SELECT cover, valid_from FROM leave WHERE post = 'P-1' ORDER BY valid_from")
    assert [it["cover"] for it in spells] == [None, "P-3"]


async def test_a_leave_recorded_afterwards_takes_a_reproach_back(site: Site) -> None:
    await around(site, "H-1", north_m=900)
    await site.work(-5)
    await site.work(67)
    assert (await duty(site))[0] == "missed"
    assert (await site.row("SELECT class, state FROM alert"))["class"] == "missed"
    site.now = at(300)
    leave = await away(site, "P-1", -60, 240)
    await site.work(300)
    verdict, _, why = await duty(site)
    assert (verdict, why[0]) == ("in_doubt", "nobody_named")
    async with site.connection.transaction():
        await withdraw_leave(site.connection, leave, at=None, now=site.now)
    await site.work(301)
    assert (await duty(site))[0] == "missed"


async def test_final_verdicts_follow_a_correction_while_their_readings_are_stored(site: Site) -> None:
    await around(site, "H-1", north_m=900)
    await around(site, "H-2", north_m=0)
    await site.work(-5)
    await site.work(60 + 72 * 60 + 10)
    assert (await duty(site))[:2] == ("missed", "final")
    async with site.connection.transaction():
        change = await add_leave(
            site.connection, "P-1", kind="sick", start=at(-60), end=at(240), cover="P-2", now=site.now
        )
    assert (change.judged.again, change.judged.kept) == (1, 0)
    await site.work()
    assert (await duty(site))[:2] == ("met", "final")
    old = await site.row("SELECT verdict, superseded_why FROM duty WHERE state = 'superseded'")
    assert old == {"verdict": "missed", "superseded_why": "corrected"}


async def test_verdicts_whose_readings_are_gone_stay(site: Site) -> None:
    await around(site, "H-1", north_m=900)
    await site.work(-5)
    await site.work(60 + 72 * 60 + 10)
    await site.do("INSERT INTO storage_edge (name, at) VALUES ('dropped', %s)", at(600))
    async with site.connection.transaction():
        change = await add_leave(site.connection, "P-1", kind="sick", start=at(-60), end=at(240), now=site.now)
    assert (change.judged.again, change.judged.kept) == (0, 1)
    await site.work()
    assert (await duty(site))[:2] == ("missed", "final")


async def test_custody_corrected_afterwards_changes_exactly_what_it_should(site: Site) -> None:
    """Two handsets were swapped at the gate: P-1 walked with H-3."""
    await site.do("INSERT INTO route (code, name, checkpoints, geometry) VALUES ('R-2', 'Route', '{C-1}', '{}')")
    await site.do(
        "INSERT INTO shift (code, name, days, starts, ends, unit, route, rounds) "
        "VALUES ('late', 'Late', '{mon,tue,wed,thu,fri,sat,sun}', '11:00', '12:00', 'U-2', 'R-2', 1)"
    )
    await site.stay("H-1", -10, 300, 0, 900)
    await site.stay("H-3", -10, 300, 0, 0)
    await site.work(-5)
    await site.work(250)
    before = await site.rows("SELECT unit, opens_at, verdict FROM duty WHERE due_at < %s ORDER BY opens_at", at(250))
    assert [(it["unit"], it["verdict"]) for it in before] == [("U-1", "missed"), ("U-2", "met")]
    untouched = "SELECT verdict, reasons, met_at, evidence FROM duty WHERE unit = 'U-2' ORDER BY opens_at LIMIT 1"
    was = await site.row(untouched)
    for device, holder in (("H-1", "P-3"), ("H-3", "P-1")):
        async with site.connection.transaction():
            await correct(site.connection, device, holder=holder, start=at(-60), end=at(90), actor="test", now=site.now)
    await site.work(251)
    after = await site.rows("SELECT unit, verdict FROM duty WHERE due_at < %s ORDER BY opens_at", at(250))
    assert [(it["unit"], it["verdict"]) for it in after] == [("U-1", "met"), ("U-2", "met")]
    assert await site.row(untouched) == was
    spells = await site.rows(
        "SELECT holder, valid_from, valid_to FROM custody WHERE device = %s ORDER BY valid_from", 1
    )
    assert [it["holder"] for it in spells] == ["P-1", "P-3", "P-1"]
    assert [it["valid_to"] for it in spells] == [at(-60), at(90), None]
    alert = await site.row("SELECT state, class FROM alert WHERE unit = 'U-1'")
    assert (alert["state"], alert["class"]) == ("resolved", "withdrawn")


async def test_nothing_is_held_by_two(site: Site) -> None:
    connection, now = site.connection, site.now
    with pytest.raises(
        NotNow, match=r"H-1 is held by P-1 from 2000-01-01 00:00Z on; nothing is held by two: take it back"
    ):
        await give(connection, "H-1", holder="P-2", at=at(0), actor="test", now=now)
    async with connection.transaction():
        change = await give(connection, "H-1", holder="P-2", at=at(0), hand_over=True, actor="test", now=now)
    assert [(it.holder, it.valid_from, it.valid_to) for it in change.after] == [("P-2", at(0), None)]
    async with connection.transaction():
        await take(connection, "H-1", at=at(60), actor="test", now=now)
    with pytest.raises(NotNow, match="nobody holds H-1"):
        await take(connection, "H-1", at=at(60), actor="test", now=now)
    with pytest.raises(NotThere, match="there is no post, unit or equipment X-9"):
        await give(connection, "H-1", holder="X-9", at=at(60), actor="test", now=now)
    with pytest.raises(NotThere, match="there is no device H-99"):
        await give(connection, "H-99", holder="P-1", at=at(60), actor="test", now=now)


async def test_a_post_is_not_away_twice(site: Site) -> None:
    leave = await away(site, "P-1", 0, 60)
    with pytest.raises(
        NotNow, match=rf"P-1 is away from 2026-11-21 00:00Z to 2026-11-21 01:00Z already \(leave {leave}\)"
    ):
        await away(site, "P-1", 30, 90)
    with pytest.raises(NotThere, match="there is no post P-9"):
        await away(site, "P-9", 0, 60)
    with pytest.raises(NotNow, match="cannot stand in for itself"):
        await away(site, "P-2", 0, 60, cover="P-2")
    assert await away(site, "P-1", 60, None)


async def test_a_dispatch_reaches_who_stands_in(site: Site) -> None:
    await away(site, "P-1", -60, 240, cover="P-2")
    found = await site.rows("SELECT standing_in('P-1', %s) AS now, standing_in('P-1', %s) AS later", at(0), at(240))
    assert found == [{"now": "P-2", "later": "P-1"}]
    incident = await open_incident(
        site.connection,
        kind="brawl",
        source="api:test",
        zone="Asia/Shanghai",
        occurred_at=at(0),
        reported_at=at(0),
        lat=30,
        lon=111,
    )
    await dispatch_incident(site.connection, incident.id, unit="U-1", at=at(0))
    assert await site.rows("SELECT target FROM outbox WHERE channel = 'down'") == [{"target": "H-2"}]


async def test_the_database_and_the_rules_agree_on_who_stands_in(site: Site) -> None:
    """Random rosters, asked at random moments."""
    dice = random.Random(7)  # noqa: S311  the same rosters each time
    codes = [f"Q-{n}" for n in range(6)]
    for code in codes:
        other = dice.choice([None, *codes])
        await site.do("INSERT INTO post (code, name, role, deputy) VALUES (%s, '', 'patrol', %s)", code, other)
    for grid in "ABC":
        for slot in "AB":
            await site.do(
                "INSERT INTO grid_post (grid, slot, post, valid_from) VALUES (%s, %s, %s, %s)",
                grid,
                slot,
                dice.choice(codes),
                at(dice.randrange(-60, 60)),
            )
    for _ in range(20):
        post, cover = dice.sample(codes, 2)
        start = dice.randrange(-120, 240)
        await site.do(
            "INSERT INTO leave (post, kind, cover, valid_from, valid_to) VALUES (%s, 'leave', %s, %s, %s)",
            post,
            dice.choice([None, cover]),
            at(start),
            dice.choice([None, at(start + dice.randrange(1, 90))]),
        )
    world = (await snapshot(site.connection, zone="Asia/Shanghai")).world
    answers = set()
    for minute in range(-130, 340, 7):
        for code in codes:
            found = await site.row("SELECT standing_in(%s, %s) AS it", code, MORNING + timedelta(minutes=minute))
            assert found["it"] == world.standing_in(code, at(minute)), (code, minute)
            answers.add(found["it"] == code if found["it"] else None)
    assert answers == {True, False, None}
