"""Fire equipment: one ticket for each item, one alert for each community, both gone when the work is done."""

from collections.abc import AsyncIterator
from datetime import date

import pytest

from rules.actions import resolve_alert
from rules.errors import StillTrue
from tests.integration.rules_site import Site, at, site_at

DAY = 24 * 60


@pytest.fixture
async def site(database_url: str) -> AsyncIterator[Site]:
    async with site_at(database_url) as site:
        await site.grid("K-1", level=2)
        await site.grid("G-1", parent="K-1")
        await site.grid("G-2", parent="K-1")
        yield site


async def item(
    site: Site,
    code: str,
    manufactured: date | None,
    *,
    last_service: date | None = None,
    kind: str = "extinguisher_powder",
    grid: str = "G-1",
) -> None:
    await site.do(
        "INSERT INTO equipment (code, kind, name, grid, manufactured, last_service) VALUES (%s, %s, %s, %s, %s, %s)",
        code,
        kind,
        f"Extinguisher {code}",
        grid,
        manufactured,
        last_service,
    )


async def tickets(site: Site) -> list[tuple[str, str, str]]:
    rows = await site.rows("SELECT equipment, kind, state FROM ticket ORDER BY equipment, id")
    return [(row["equipment"], row["kind"], row["state"]) for row in rows]


async def test_a_ticket_thirty_days_ahead_and_only_once(site: Site) -> None:
    await item(site, "E-1", date(2021, 12, 1))  # first service due on 2026-12-01, ten days from now
    await item(site, "E-2", date(2022, 6, 1))
    await site.work(0)
    site.restart()
    await site.work(5)
    assert await tickets(site) == [("E-1", "repair", "open")]
    assert await site.rows("SELECT id FROM alert") == []
    ticket = await site.row("SELECT number, title, due_at FROM ticket")
    assert ticket["number"] == "T-20261121-0001"
    assert ticket["title"] == "Service Extinguisher E-1 (E-1) by 2026-12-01"

    await site.work(10 * DAY)
    alert = await site.row("SELECT fingerprint, class, severity, title FROM alert")
    assert alert == {
        "fingerprint": "equipment_expiry:K-1",
        "class": "overdue",
        "severity": "warning",
        "title": "1 item of fire equipment overdue in Grid K-1",
    }


async def test_many_overdue_items_are_one_alert_that_follows_the_count(site: Site) -> None:
    for number in range(12):
        await item(site, f"E-{number:02}", date(2014, 3, 1), grid="G-1" if number % 2 else "G-2")
    await item(site, "E-90", date(2020, 3, 1), last_service=None)
    await site.work(0)
    alert = await site.row("SELECT id, title, severity, reasons FROM alert")
    assert alert["title"] == "13 items of fire equipment overdue in Grid K-1, 12 of them to be scrapped"
    assert alert["severity"] == "high"
    assert alert["reasons"][0] == {"reason": "overdue", "items": 13, "service": 1, "scrap": 12}
    assert len(await tickets(site)) == 13

    with pytest.raises(StillTrue):
        async with site.connection.transaction():
            await resolve_alert(site.connection, alert["id"], actor="chen", note="later", at=at(1))

    # One is serviced, one retired.
    await site.do("UPDATE equipment SET valid_to = %s WHERE code IN ('E-90', 'E-00')", at(5))
    await site.do(
        "INSERT INTO equipment (code, kind, name, grid, manufactured, last_service, valid_from) "
        "VALUES ('E-90', 'extinguisher_powder', 'Extinguisher', 'G-1', '2020-03-01', '2026-11-01', %s)",
        at(5),
    )
    await site.work(6)
    assert ("E-90", "repair", "closed") in await tickets(site)
    assert ("E-00", "replace", "closed") in await tickets(site)
    rows = await site.rows("SELECT subject, verdict, state FROM duty WHERE subject IN ('E-90', 'E-00') ORDER BY 1, id")
    assert [tuple(row.values()) for row in rows] == [
        ("E-00", "late", "final"),
        ("E-90", "late", "final"),
        ("E-90", None, "planned"),
    ]
    alert = await site.row("SELECT title FROM alert")
    assert alert["title"].startswith("11 items")

    await site.do("UPDATE equipment SET valid_to = %s WHERE valid_to IS NULL AND code <> 'E-90'", at(7))
    await site.work(8)
    assert (await site.row("SELECT state FROM alert"))["state"] == "resolved"
    assert {state for _, _, state in await tickets(site)} == {"closed"}


async def test_no_manufacture_month_is_a_scrap_condition(site: Site) -> None:
    await item(site, "E-1", None)
    await item(site, "E-2", None, kind="fire_room")
    await site.work(0)
    await site.work(2 * DAY)
    assert await tickets(site) == [("E-1", "replace", "open")]
    assert (await site.row("SELECT severity FROM alert"))["severity"] == "high"


async def test_a_ticket_closed_by_hand_stays_closed(site: Site) -> None:
    await item(site, "E-1", date(2014, 3, 1))
    await site.work(0)
    await site.do("UPDATE ticket SET state = 'closed', closed_at = %s", at(1))
    await site.do("UPDATE duty SET judge_at = %s", at(2))
    await site.work(2)
    assert await tickets(site) == [("E-1", "replace", "closed")]


async def test_a_corrected_month_waives_the_old_duty(site: Site) -> None:
    await item(site, "E-1", date(2016, 3, 1))
    await site.work(0)
    await site.do("UPDATE equipment SET manufactured = '2015-09-01'")
    await site.work(1)
    rows = await site.rows("SELECT verdict, state FROM duty ORDER BY id")
    assert [tuple(row.values()) for row in rows] == [("waived", "final"), ("missed", "provisional")]
    assert await tickets(site) == [("E-1", "replace", "closed"), ("E-1", "replace", "open")]
    assert len(await site.rows("SELECT id FROM alert WHERE state = 'open'")) == 1
