"""Lines, visits, posts and spot checks from plan to verdict in a real database, and late data that wakes them."""

from collections.abc import AsyncIterator

import pytest
from psycopg.types.json import Jsonb

from ops.http.drawing import drawing_of
from rules.spot_checks import answer_spot_check
from tests.integration.rules_site import EVERY_DAY, Site, at, place, site_at

SETTLED = 67


@pytest.fixture
async def site(database_url: str) -> AsyncIterator[Site]:
    async with site_at(database_url) as site:
        await site.unit()
        await site.device("H-03")
        await site.checkpoint("C-1", 0, 0)
        await site.shift("C-1")
        yield site


async def a_line(site: Site) -> None:
    ends = [list(reversed(place(*it))) for it in ((0, 0), (300, 0))]
    await site.do(
        "INSERT INTO line (code, name, geometry, corridor_m, share) VALUES ('L-1', 'Bank', %s, 20, 0.9)",
        Jsonb({"type": "LineString", "coordinates": ends}),
    )
    await site.do("INSERT INTO line_plan (code, line, unit, shift) VALUES ('LP-1', 'L-1', 'U-1', 'day')")


async def duty(site: Site, rule: str) -> dict[str, object]:
    return await site.row("SELECT * FROM duty WHERE rule = %s ORDER BY opens_at LIMIT 1", rule)


async def test_late_fixes_wake_an_unproven_line_and_withdraw_its_alert(site: Site) -> None:
    await a_line(site)
    await site.work(0)
    await site.stay("H-03", -5, 10, 0, 100)
    await site.stay("H-03", 25, SETTLED, 0, 100)
    await site.work(SETTLED)
    assert (await duty(site, "missed_line"))["verdict"] == "in_doubt"
    alert = await site.row("SELECT class, evidence FROM alert WHERE rule = 'missed_line'")
    assert alert["class"] == "unproven"
    evidence = await site.row("SELECT body FROM evidence WHERE id = %s", alert["evidence"])
    drawing = drawing_of(evidence["body"])
    assert drawing is not None
    assert drawing.line is not None
    assert [it.covered for it in drawing.line.stretches] == [False]

    await site.work(SETTLED + 3)  # its next look would now be minutes away
    for step in range(17):
        await site.fix("H-03", 12 + step / 2, 19 * step, 0, received=SETTLED + 3.5)
    await site.mark("late", str(site.numbers["H-03"]), 12, 20)
    await site.work(SETTLED + 3.5)
    assert (await duty(site, "missed_line"))["verdict"] == "met"
    assert (await site.row("SELECT class, state FROM alert WHERE rule = 'missed_line'"))["class"] == "withdrawn"
    assert await site.rows("SELECT 1 FROM dirty_mark") == []


@pytest.mark.parametrize(
    ("subject", "start", "woken"), [("own", 12, True), ("other", 12, False), ("*", 12, True), ("own", 900, False)]
)
async def test_late_marks_wake_what_they_can_turn(site: Site, subject: str, start: float, woken: bool) -> None:
    await a_line(site)
    await site.unit("U-2")
    await site.device("H-04", unit="U-2")
    await site.work(0)
    await site.work(SETTLED)
    await site.work(SETTLED + 10)
    before = await duty(site, "missed_line")
    numbers = {"own": str(site.numbers["H-03"]), "other": str(site.numbers["H-04"]), "*": "*"}
    await site.mark("late", numbers[subject], start, start + 5)
    await site.work(SETTLED + 10.5)
    after = await duty(site, "missed_line")
    assert (after["judged_at"] != before["judged_at"]) is woken


async def test_a_place_that_was_held_is_met(site: Site) -> None:
    lat, lon = place(0, 0)
    await site.do(
        "INSERT INTO static_post (code, name, unit, lat, lon, radius_m, days, starts, ends) "
        "VALUES ('SP-1', 'Gate', 'U-1', %s, %s, 50, %s, '08:00', '09:00')",
        lat,
        lon,
        EVERY_DAY,
    )
    await site.work(0)
    await site.stay("H-03", -2, SETTLED, 10, 10)
    await site.work(SETTLED)
    assert (await duty(site, "static_post"))["verdict"] == "met"


async def test_a_week_of_visits_is_judged_from_hours_and_the_days_that_matter(site: Site) -> None:
    await site.grid("G-1")
    await site.grid("G-2")
    await site.do("INSERT INTO post (code, name, role, grid) VALUES ('P-9', 'Post', 'grid_officer', 'G-1')")
    number = await site.device("H-09", unit=None)
    await site.do("INSERT INTO custody (device, holder_kind, holder) VALUES (%s, 'post', 'P-9')", number)
    await site.do("INSERT INTO visit_plan (code, name, role, every) VALUES ('V-1', 'Visits', 'grid_officer', 'week')")
    await site.stay("H-09", -40, -20, 0, 0)  # 2026-11-21 is a Saturday
    grid = await site.row("SELECT id FROM grid WHERE code = 'G-1'")
    await site.do("UPDATE position SET grid = %s WHERE device = %s", grid["id"], number)
    await site.do("INSERT INTO touched_hour (hour) VALUES (%s)", at(-60))
    await site.work(0)
    assert (await duty(site, "missed_visit"))["verdict"] is None
    await site.work(6 * 60 + 1)
    found = await duty(site, "missed_visit")
    assert (found["verdict"], found["subject"], found["met_at"]) == ("met", "G-1", at(-30))


async def test_a_tag_of_the_grid_that_a_post_read_is_a_visit(site: Site) -> None:
    await site.grid("G-1")
    await site.do("INSERT INTO post (code, name, role, grid) VALUES ('P-9', 'Post', 'grid_officer', 'G-1')")
    number = await site.device("H-09", unit=None)
    await site.do("INSERT INTO custody (device, holder_kind, holder) VALUES (%s, 'post', 'P-9')", number)
    await site.do("INSERT INTO visit_plan (code, name, role, every) VALUES ('V-1', 'Visits', 'grid_officer', 'week')")
    await site.do("UPDATE checkpoint SET grid = 'G-1', tags = '{04A2B3}'")
    await site.work(0)
    await site.reading("H-09", 5, {"type": "scan", "tag": "04:a2:b3", "method": "nfc"})
    await site.work(6 * 60 + 1)
    found = await duty(site, "missed_visit")
    assert (found["verdict"], found["met_at"]) == ("met", at(5))


async def test_an_answered_check_is_closed_and_one_not_confirmed_alerts(site: Site) -> None:
    await site.do("INSERT INTO rule_setting (rule, key, value) VALUES ('spot_check', 'share', '1.0')")
    await site.work(0)
    check = await duty(site, "spot_check")
    await site.work(70)
    async with site.connection.transaction():
        await answer_spot_check(
            site.connection,
            int(str(check["id"])),
            outcome="not_confirmed",
            note="nobody was seen",
            actor="leader",
            at=at(70),
        )
    await site.work(71)
    after = await duty(site, "spot_check")
    assert (after["verdict"], after["state"]) == ("met", "final")
    alert = await site.row("SELECT class, severity, unit FROM alert WHERE rule = 'spot_check'")
    assert (alert["class"], alert["severity"], alert["unit"]) == ("not_confirmed", "high", "U-1")
