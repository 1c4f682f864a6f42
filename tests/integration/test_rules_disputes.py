"""What a patrolman disputes: told the wrong thing, blamed for what was corrected, was over, or is on its way."""

from collections.abc import AsyncIterator

import pytest

from rules.actions import close_incident, dispatch_incident, open_incident
from tests.integration.rules_site import Site, at, place, site_at

SETTLED = 67
FINAL = 4 * 24 * 60


@pytest.fixture
async def site(database_url: str) -> AsyncIterator[Site]:
    async with site_at(database_url) as site:
        site.only = frozenset({"missed_checkpoint", "response_time"})
        await site.unit()
        await site.device("H-03")
        await site.checkpoint("C-1", 0, 0)
        await site.checkpoint("C-2", 500, 0)
        await site.checkpoint("C-3", 1000, 0)
        await site.shift("C-1", "C-2", "C-3")
        yield site


async def dispatched(site: Site, minute: float, *, unit: str | None = "U-1") -> int:
    lat, lon = place(0, 3000)
    async with site.connection.transaction():
        incident = await open_incident(
            site.connection,
            kind="fire_hazard",
            source="api:chen",
            zone="Asia/Shanghai",
            occurred_at=at(minute),
            reported_at=at(minute),
            lat=lat,
            lon=lon,
        )
        await dispatch_incident(site.connection, incident.id, unit=unit, at=at(minute))
    return incident.id


async def responses(site: Site) -> list[tuple[str, str]]:
    rows = await site.rows("SELECT verdict, state FROM duty WHERE rule = 'response_time' ORDER BY id")
    return [(row["verdict"], row["state"]) for row in rows]


async def notices(site: Site) -> list[str]:
    rows = await site.rows("SELECT payload->>'text' AS text FROM outbox WHERE channel = 'notice' ORDER BY id")
    return [row["text"] for row in rows]


async def test_custody_put_right_for_the_hours_in_which_coming_is_late_finds_the_arrival(site: Site) -> None:
    """The second handset was lent for half an hour, long after the duty had settled; nobody had written it down."""
    await site.unit("U-2")
    await site.device("H-09", unit="U-2")
    await site.work(0)
    await dispatched(site, 10)
    await site.stay("H-03", 8, 17, 0, 900)
    await site.stay("H-09", 25, 40, 0, 3000)
    await site.work(16)
    await site.work(FINAL)
    assert await responses(site) == [("missed", "final")]
    number = site.numbers["H-09"]
    async with site.connection.transaction():
        await site.do("UPDATE custody SET valid_to = %s WHERE device = %s", at(20), number)
        await site.do(
            "INSERT INTO custody (device, holder_kind, holder, valid_from) VALUES (%s, 'unit', 'U-1', %s)",
            number,
            at(20),
        )
    await site.work(FINAL + 1)
    assert await responses(site) == [("missed", "superseded"), ("late", "final")]


async def test_what_anybody_may_do_is_judged_again_when_anybodys_custody_is_put_right(site: Site) -> None:
    await site.device("H-09", unit=None)
    await site.work(0)
    await dispatched(site, 10, unit=None)
    await site.stay("H-03", 8, 17, 0, 900)
    await site.stay("H-09", 8, 17, 0, 3000)
    await site.work(16)
    await site.work(FINAL)
    assert await responses(site) == [("missed", "final")]
    await site.unit("U-2")
    await site.do(
        "INSERT INTO custody (device, holder_kind, holder, valid_from) VALUES (%s, 'unit', 'U-2', %s)",
        site.numbers["H-09"],
        at(0),
    )
    await site.work(FINAL + 1)
    assert await responses(site) == [("missed", "superseded"), ("met", "final")]


async def test_whoever_is_called_off_hears_nothing(site: Site) -> None:
    incident = await dispatched(site, 10)
    await site.stay("H-03", 8, 20, 0, 900)
    async with site.connection.transaction():
        await close_incident(site.connection, incident, at=at(12))
    await site.work(12)
    await site.work(20)
    assert await responses(site) == [("waived", "provisional")]
    assert await site.rows("SELECT id FROM alert WHERE rule = 'response_time'") == []


async def test_closed_just_after_the_reproach_is_a_reproach_all_the_same(site: Site) -> None:
    incident = await dispatched(site, 10)
    await site.stay("H-03", 8, 20, 0, 900)
    await site.work(16)
    async with site.connection.transaction():
        await close_incident(site.connection, incident, at=at(17))
    await site.work(20)
    assert await responses(site) == [("missed", "provisional")]


async def test_who_was_late_is_told_that_he_was_late_and_not_that_all_is_well(site: Site) -> None:
    await site.work(0)
    await site.stay("H-03", -6, 14, 500, 0)
    await site.stay("H-03", 14.5, 29, 1000, 0)
    await site.stay("H-03", 29.5, SETTLED, 0, 300)
    await site.work(SETTLED)
    assert "判为漏检" in (await notices(site))[-1]
    await site.fix("H-03", 62.3, 0, 20, received=90)
    await site.mark("checkpoint", "C-1", 62, 63)
    await site.work(90)
    duty = await site.row("SELECT verdict FROM duty WHERE subject = 'C-1' AND opens_at = %s", at(0))
    assert duty["verdict"] == "late"
    assert "已到位，但超过时限" in (await notices(site))[-1]


async def test_a_round_of_which_a_part_is_proven_late_is_not_said_to_be_proven(site: Site) -> None:
    await site.work(0)
    await site.stay("H-03", -6, SETTLED, 0, 300)
    await site.work(SETTLED)
    assert "整轮" in (await notices(site))[-1]
    await site.fix("H-03", 20.3, 0, 20, received=90)
    await site.mark("checkpoint", "C-1", 20, 21)
    await site.work(90)
    found = {
        row["subject"]: row["verdict"]
        for row in await site.rows("SELECT subject, verdict FROM duty WHERE opens_at = %s", at(0))
    }
    assert found == {"C-1": "met", "C-2": "missed", "C-3": "missed"}
    await site.fix("H-03", 30.4, 480, 100, received=95)
    await site.fix("H-03", 30.6, 500, 20, received=95)
    await site.mark("checkpoint", "C-2", 30, 31)
    await site.work(95)
    said = await notices(site)
    whole = [text for text in said if "整轮" in text]
    assert len(whole) == 2
    assert whole[-1].endswith("此前的提醒已关闭。")
    alerts = await site.rows("SELECT fingerprint, state, class FROM alert ORDER BY id")
    assert [(it["state"], it["class"]) for it in alerts] == [("resolved", "missed"), ("open", "missed")]
