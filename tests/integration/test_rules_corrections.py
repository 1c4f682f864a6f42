"""Plans that are put right afterwards: what they undo is superseded for all to see, and nothing else moves."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from psycopg.types.json import Jsonb

from tests.integration.rules_site import EVERY_DAY, Site, at, place, site_at

DAY = 24 * 60
SETTLED = 67
FINAL = 4 * DAY  # minutes; the window of the first day and three days for what comes late


@pytest.fixture
async def site(database_url: str) -> AsyncIterator[Site]:
    async with site_at(database_url) as site:
        site.only = frozenset({"missed_checkpoint"})
        await site.unit()
        await site.device("H-03")
        await site.checkpoint("C-1", 0, 0)
        await site.checkpoint("C-2", 500, 0)
        await site.shift("C-1", "C-2")
        yield site


async def duties(site: Site, *, opens: float = 0) -> list[tuple[str, str | None, str, str | None]]:
    """Key without what is common, verdict, state, why superseded."""
    rows = await site.rows(
        "SELECT key, verdict, state, superseded_why FROM duty "
        "WHERE rule = 'missed_checkpoint' AND opens_at = %s ORDER BY id",
        at(opens),
    )
    return [
        (row["key"].removeprefix("missed_checkpoint/day/"), row["verdict"], row["state"], row["superseded_why"])
        for row in rows
    ]


async def everything(site: Site, *, but: tuple[str, ...] = ()) -> list[dict[str, Any]]:
    """All that was ever found, except about some units."""
    return await site.rows(
        "SELECT d.id, d.key, d.state, d.verdict, d.reasons, d.met_at, d.superseded_at, e.body FROM duty d "
        "LEFT JOIN evidence e ON e.id = d.evidence WHERE d.opens_at < %s "
        "AND coalesce(d.unit, '') <> ALL(%s) ORDER BY d.id",
        at(DAY),
        list(but),
    )


async def test_a_day_of_rest_entered_afterwards_supersedes_its_round_and_clears_the_alert(site: Site) -> None:
    await site.do("UPDATE shift SET holidays = 'skip'")
    await site.work(0)
    await site.stay("H-03", 0, SETTLED, 0, 2000)
    await site.work(SETTLED)
    assert [it["class"] for it in await site.rows("SELECT class FROM alert WHERE state <> 'resolved'")] == ["missed"]

    await site.do("INSERT INTO holiday (day, name, kind) VALUES ('2026-11-21', 'Founding day', 'rest')")
    await site.work(SETTLED + 1)
    found = await duties(site)
    assert [it[1:] for it in found] == [("missed", "superseded", "not_planned")] * 2
    assert all("~" in key for key, *_ in found)
    alert = await site.row("SELECT class, state FROM alert")
    assert alert == {"class": "withdrawn", "state": "resolved"}
    events = [it["event"] for it in await site.rows("SELECT event FROM alert_history ORDER BY id")]
    assert events == ["opened", "superseded"]
    told = await site.rows("SELECT payload->>'event' AS event FROM outbox WHERE channel = 'notice' ORDER BY id")
    assert [it["event"] for it in told] == ["opened", "superseded"]

    await site.do("DELETE FROM holiday")
    await site.work(SETTLED + 2)
    assert [it[1:3] for it in (await duties(site))[2:]] == [("missed", "provisional")] * 2
    assert len(await site.rows("SELECT 1 AS it FROM round WHERE starts_at = %s", at(0))) == 2
    assert [it["state"] for it in await site.rows("SELECT state FROM alert")] == ["open"]


async def test_a_roster_put_right_days_later_makes_new_verdicts_and_keeps_the_old(site: Site) -> None:
    await site.unit("U-2")
    await site.device("H-09", unit="U-2")
    await site.work(0)
    await site.stay("H-03", -6, SETTLED, 0, 2000)
    await site.stay("H-09", -6, 20, 0, 0)
    await site.stay("H-09", 20.5, SETTLED, 0, 2000)
    await site.work(SETTLED)
    await site.work(FINAL)
    assert [it[1:3] for it in await duties(site)] == [("missed", "final")] * 2

    # It was U-2 that was on duty on the first day.
    await site.do("UPDATE shift SET valid_from = %s", at(DAY - 60))
    await site.do(
        "INSERT INTO shift (code, name, days, starts, ends, unit, route, rounds, valid_to) "
        "VALUES ('day', 'Day', %s, '08:00', '09:00', 'U-2', 'R-1', 1, %s)",
        EVERY_DAY,
        at(DAY - 60),
    )
    await site.work(FINAL + 1)
    found = {key.split("~")[0]: its for key, *its in await duties(site)}
    assert found == {
        "U-1/R-1/2026-11-21/1/C-1": ["missed", "superseded", "not_planned"],
        "U-1/R-1/2026-11-21/1/C-2": ["missed", "superseded", "not_planned"],
        "U-2/R-1/2026-11-21/1/C-1": ["met", "final", None],
        "U-2/R-1/2026-11-21/1/C-2": ["missed", "final", None],
    }
    later = await site.rows("SELECT DISTINCT state FROM duty WHERE opens_at BETWEEN %s AND %s", at(DAY), at(3 * DAY))
    assert "superseded" not in {it["state"] for it in later}


async def test_a_handset_handed_over_in_the_record_changes_only_what_it_shows(site: Site) -> None:
    for unit, device in (("U-2", "H-09"), ("U-3", "H-10")):
        await site.unit(unit)
        await site.device(device, unit=unit)
        await site.do(
            "INSERT INTO shift (code, name, days, starts, ends, unit, route, rounds) "
            "VALUES ('day', 'Day', %s, '08:00', '09:00', %s, 'R-1', 1)",
            EVERY_DAY,
            unit,
        )
    await site.work(0)
    for device, near in (("H-03", 0), ("H-09", 500), ("H-10", 0)):
        await site.stay(device, -6, SETTLED, near, 0)
    await site.work(SETTLED)
    await site.work(FINAL)
    before = await everything(site)
    assert {it["state"] for it in before} == {"final"}

    # U-1 and U-2 had each other's handset on the first day.
    for device, holder in (("H-03", "U-2"), ("H-09", "U-1")):
        number = site.numbers[device]
        await site.do("UPDATE custody SET valid_from = %s WHERE device = %s", at(DAY - 60), number)
        await site.do(
            "INSERT INTO custody (device, holder_kind, holder, valid_to) VALUES (%s, 'unit', %s, %s)",
            number,
            holder,
            at(DAY - 60),
        )
    await site.work(FINAL + 1)
    assert await everything(site, but=("U-1", "U-2")) == [it for it in before if "/U-3/" in it["key"]]
    found = {
        key.split("~")[0] + ("~" if "~" in key else ""): its for key, *its in await duties(site) if "U-3" not in key
    }
    assert found == {
        f"{unit}/R-1/2026-11-21/1/{code}{end}": its
        for unit, code, was, now in (
            ("U-1", "C-1", "met", "missed"),
            ("U-1", "C-2", "missed", "met"),
            ("U-2", "C-1", "missed", "met"),
            ("U-2", "C-2", "met", "missed"),
        )
        for end, its in (("~", [was, "superseded", "corrected"]), ("", [now, "final", None]))
    }
    again = await everything(site)
    site.restart()
    await site.work(FINAL + 2)
    assert await everything(site) == again


@pytest.mark.parametrize("correction", range(4))
async def test_a_correction_leaves_every_other_duty_as_it_was(site: Site, correction: int) -> None:
    for number in range(2, 6):
        await site.unit(f"U-{number}")
        await site.device(f"H-1{number}", unit=f"U-{number}")
        await site.do(
            "INSERT INTO route (code, name, checkpoints, geometry) VALUES (%s, 'Route', '{C-1,C-2}', '{}')",
            f"R-{number}",
        )
        await site.do(
            "INSERT INTO shift (code, name, days, starts, ends, unit, route, rounds) "
            "VALUES ('day', 'Day', %s, '08:00', '09:00', %s, %s, 2)",
            EVERY_DAY,
            f"U-{number}",
            f"R-{number}",
        )
    await site.work(0)
    for number in range(2, 6):
        await site.stay(f"H-1{number}", -6, SETTLED, 100 * number, 0)
    await site.work(SETTLED)
    before = await everything(site)
    statement, touched = (
        ("UPDATE shift SET rounds = 3 WHERE unit = 'U-2'", "U-2"),
        ("UPDATE route SET checkpoints = '{C-2}' WHERE code = 'R-3'", "U-3"),
        ("UPDATE custody SET valid_to = '2026-11-20Z' WHERE holder = 'U-4'", "U-4"),
        ("UPDATE unit SET kind = 'car' WHERE code = 'U-5'", "U-5"),
    )[correction]
    await site.do(statement)
    await site.work(SETTLED + 0.1)
    assert await everything(site, but=(touched,)) == [it for it in before if f"/{touched}/" not in it["key"]]
    assert await everything(site) != before or touched == "U-5"


async def test_a_point_taken_off_a_route_leaves_the_others_and_their_alert(site: Site) -> None:
    await site.checkpoint("C-3", 900, 0)
    await site.do("UPDATE route SET checkpoints = '{C-1,C-2,C-3}'")
    await site.work(0)
    await site.stay("H-03", -6, SETTLED, 0, 2000)
    await site.work(SETTLED)
    await site.do("UPDATE route SET checkpoints = '{C-1,C-2}'")
    await site.work(SETTLED + 1)
    assert [it[1:] for it in await duties(site)] == [
        ("missed", "provisional", None),
        ("missed", "provisional", None),
        ("missed", "superseded", "not_planned"),
    ]
    alert = await site.row("SELECT state, reasons->0->'points' AS points FROM alert")
    assert alert == {"state": "open", "points": 2}
    assert len(await site.rows("SELECT id FROM round WHERE starts_at = %s", at(0))) == 1


async def test_a_checkpoint_put_in_its_true_place_is_judged_there(site: Site) -> None:
    await site.work(0)
    await site.stay("H-03", -6, SETTLED, 800, 0)
    await site.work(SETTLED)
    await site.work(FINAL)
    lat, lon = place(800, 0)
    await site.do("UPDATE checkpoint SET lat = %s, lon = %s WHERE code = 'C-2'", lat, lon)
    await site.work(FINAL + 1)
    found = {key.split("/")[-1].split("~")[0] + state: verdict for key, verdict, state, _ in await duties(site)}
    assert found == {"C-1final": "missed", "C-2superseded": "missed", "C-2final": "met"}


async def test_nothing_is_made_before_there_was_a_plan_and_nothing_twice(site: Site) -> None:
    await site.work(90)
    await site.do("UPDATE shift SET starts = '07:00', ends = '09:15'")
    await site.work(91)
    assert await duties(site, opens=-60) == []
    assert await site.rows("SELECT id FROM plan_change") == []
    planned = await site.rows("SELECT id, key FROM duty ORDER BY id")
    site.restart()
    await site.work(92)
    await site.work(DAY)
    assert (await site.rows("SELECT id, key FROM duty ORDER BY id"))[: len(planned)] == planned
    assert len(await site.rows("SELECT id FROM duty")) > len(planned)


async def test_the_grade_of_a_grid_sets_how_often_it_is_walked_from_then_on(site: Site) -> None:
    await site.grid("G-1", grade=2)
    await site.do("UPDATE checkpoint SET grid = 'G-1'")
    await site.do("INSERT INTO grade_policy (grade, rounds, staff) VALUES (2, 1, 1), (4, 3, 2)")
    await site.work(0)
    assert len(await site.rows("SELECT id FROM round WHERE starts_at >= %s", at(DAY))) == 1
    await site.do("UPDATE grid SET valid_to = %s", at(30))
    await site.do(
        "INSERT INTO grid (code, name, level, grade, geometry, valid_from) "
        "SELECT code, name, level, 4, geometry, %s FROM grid",
        at(30),
    )
    await site.work(31)
    assert len(await site.rows("SELECT id FROM round WHERE starts_at >= %s", at(DAY))) == 3
    assert [it[2] for it in await duties(site)] == ["open", "open"]


async def test_a_tag_read_wakes_its_point_and_proves_it(site: Site) -> None:
    await site.do("UPDATE checkpoint SET tags = '{04:A2:B3}' WHERE code = 'C-1'")
    await site.work(0)
    lat, lon = place(10, 10)
    await site.reading("H-03", 5, {"type": "scan", "tag": "04a2b3", "method": "nfc", "lat": lat, "lon": lon})
    await site.mark("checkpoint", "C-1", 5, 5)
    await site.work(6)
    row = await site.row("SELECT verdict, reasons FROM duty WHERE subject = 'C-1' AND opens_at = %s", at(0))
    assert row["verdict"] == "met"
    assert row["reasons"][0]["reason"] == "scan"
    assert row["reasons"][0]["holder"] == "U-1"


async def test_a_point_reached_out_of_its_turn_is_late(site: Site) -> None:
    await site.do("UPDATE route SET ordered = true, legs = %s", Jsonb([{"minutes": 30, "tolerance_min": 10}]))
    await site.work(0)
    for minute, east in ((5, 500), (15, 250), (25, 0)):
        await site.stay("H-03", minute - 10, minute + 2, east, 100 if east == 250 else 0)
    await site.stay("H-03", 27.5, SETTLED, 0, 100)
    await site.work(SETTLED)
    rows = await site.rows("SELECT subject, verdict, reasons FROM duty WHERE opens_at = %s ORDER BY 1", at(0))
    assert [(it["subject"], it["verdict"]) for it in rows] == [("C-1", "late"), ("C-2", "met")]
    assert rows[0]["reasons"][-1]["reason"] == "out_of_order"
