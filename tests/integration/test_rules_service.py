"""The rules worker and ingest's own state: late verdicts, dead workers, floods, ledger, disks, in a real database."""

from collections.abc import AsyncIterator

import pytest

from rules.actions import resolve_alert
from rules.errors import StillTrue
from tests.integration.rules_site import Site, at, site_at

SETTLED = 67  # minutes: the window of an hour, five minutes of late limit, two report intervals, and some


@pytest.fixture
async def site(database_url: str) -> AsyncIterator[Site]:
    async with site_at(database_url) as site:
        await site.unit()
        await site.device("H-03")
        yield site


@pytest.fixture
async def patrol(site: Site) -> Site:
    """H-03 is in sight all the time and never at C-1."""
    await site.checkpoint("C-1", 500, 0)
    await site.shift("C-1")
    await site.work(0)
    await site.stay("H-03", 0, SETTLED, 0, 0)
    return site


async def verdict(site: Site) -> str | None:
    row = await site.row("SELECT verdict FROM duty WHERE opens_at = %s", at(0))
    found: str | None = row["verdict"]
    return found


async def live(site: Site) -> list[tuple[str, str]]:
    rows = await site.rows("SELECT rule, class FROM alert WHERE state <> 'resolved' ORDER BY 1, 2")
    return [(row["rule"], row["class"]) for row in rows]


async def history(site: Site) -> list[str]:
    return [row["event"] for row in await site.rows("SELECT event FROM alert_history ORDER BY id")]


async def test_a_reproach_waits_until_ingest_has_caught_up(patrol: Site) -> None:
    await patrol.listening(-60, caught_up=40)
    await patrol.work(SETTLED)
    assert (await verdict(patrol), await live(patrol)) == (None, [("ingest_silent", "behind")])
    await patrol.work(SETTLED + 1)
    assert await verdict(patrol) is None
    # What was on its way does not change it; now it can be said.
    await patrol.listening(-60)
    await patrol.work(SETTLED + 1.2)
    assert await verdict(patrol) == "missed"
    assert await live(patrol) == [("missed_checkpoint", "missed")]


async def test_after_five_minutes_it_is_in_doubt_and_blames_nobody_until_ingest_is_back(patrol: Site) -> None:
    await patrol.listening(-60, caught_up=1000)
    await patrol.listening(-60, worker="2", silent_s=4000, caught_up=40)
    await patrol.work(SETTLED)
    assert await verdict(patrol) is None
    await patrol.work(SETTLED + 6)
    assert await verdict(patrol) == "in_doubt"
    alert = await patrol.row("SELECT class, severity, reasons FROM alert WHERE rule = 'missed_checkpoint'")
    assert (alert["class"], alert["severity"]) == ("unproven", "warning")
    assert alert["reasons"][0]["reason"] == "ingest_behind"
    # A dead worker may hold the proof, however long that takes.
    await patrol.work(SETTLED + 600)
    assert await verdict(patrol) == "in_doubt"
    await patrol.do("UPDATE ingest_progress SET drained_at = now() WHERE worker = '2'")
    await patrol.work(SETTLED + 602)
    assert await verdict(patrol) == "missed"
    assert ("missed_checkpoint", "missed") in await live(patrol)


async def test_no_verdict_becomes_final_before_ingest_has_caught_up_unless_that_never_comes(patrol: Site) -> None:
    await patrol.listening(-60, caught_up=40)
    await patrol.work(SETTLED + 6)
    assert await verdict(patrol) == "in_doubt"
    days = 24 * 60
    for minute, state, said in (
        (60 + 3 * days + 1, "provisional", "in_doubt"),
        (60 + 6 * days + 1, "final", "missed"),
    ):
        await patrol.work(minute)
        row = await patrol.row("SELECT state, verdict FROM duty WHERE opens_at = %s", at(0))
        assert (row["state"], row["verdict"]) == (state, said)


async def test_a_proven_visit_is_said_at_once_though_ingest_is_behind(patrol: Site) -> None:
    await patrol.listening(-60, caught_up=1)
    await patrol.fix("H-03", 20.2, 500, 0)
    await patrol.mark("checkpoint", "C-1", 20, 21)
    await patrol.work(21)
    assert await verdict(patrol) == "met"


async def test_a_dead_worker_is_alerted_and_resolved_when_it_is_back_or_gone(site: Site) -> None:
    await site.listening(-60)
    await site.listening(-60, worker="2", silent_s=40)
    await site.work(0)  # has only begun to look
    assert await live(site) == []
    await site.work(0.3)
    assert await live(site) == [("ingest_silent", "silent")]
    alert = await site.row("SELECT id, title FROM alert")
    assert alert["title"].startswith("ingest worker 2 has been silent since ")
    with pytest.raises(StillTrue):
        async with site.connection.transaction():
            await resolve_alert(site.connection, alert["id"], actor="chen", note="quiet", at=at(0.4))
    await site.listening(-60, worker="2")
    await site.work(0.6)
    assert await live(site) == []
    await site.listening(-60, worker="2", silent_s=40)
    await site.work(0.9)
    assert await history(site) == ["opened", "resolved", "reopened"]
    await site.do("UPDATE ingest_progress SET drained_at = now() WHERE worker = '2'")
    await site.work(1.2)
    assert (await site.row("SELECT resolution FROM alert"))["resolution"] == "it was drained or taken away on purpose"


async def test_a_drained_worker_is_not_waited_for_by_the_silent_device_rule(site: Site) -> None:
    await site.shift(starts="08:00", ends="12:00")
    await site.listening(-60)
    await site.listening(-60, worker="2", silent_s=60)
    await site.do("UPDATE ingest_progress SET drained_at = now() WHERE worker = '2'")
    await site.fix("H-03", 10, 0, 0)
    await site.work(15.5)
    assert await live(site) == [("silent_device", "silent")]


async def test_a_flood_is_alerted_and_over_after_ten_quiet_minutes(site: Site) -> None:
    await site.do(
        "INSERT INTO device_excess VALUES (%s, '1', now() - interval '3 minutes', now(), 70),"
        " (%s, '2', now(), now(), 7)",
        site.numbers["H-03"],
        site.numbers["H-03"],
    )
    await site.work(0)
    alert = await site.row("SELECT * FROM alert")
    assert (alert["rule"], alert["device"], alert["unit"]) == ("device_flood", "H-03", "U-1")
    assert alert["title"].startswith("H-03 floods: 77 readings set aside since ")
    await site.do("UPDATE device_excess SET last_at = now() - interval '599 seconds'")
    await site.work(1)
    assert await live(site) == [("device_flood", "flood")]
    await site.do("UPDATE device_excess SET last_at = now() - interval '601 seconds'")
    await site.work(2)
    assert await live(site) == []
    assert await history(site) == ["opened", "resolved"]


async def test_a_ledger_that_does_not_add_up_is_told_once_and_stays_closed(site: Site) -> None:
    await site.do(
        "INSERT INTO ingest_counter (worker, lane, name, reason, value) VALUES ('1', 'up', 'received', '', 10),"
        " ('1', 'up', 'stored', '', 6), ('1', 'up', 'quarantined', 'json', 2), ('1', 'urgent', 'received', '', 1),"
        " ('1', 'urgent', 'repeated', '', 1)"
    )
    await site.work(0)
    alert = await site.row("SELECT * FROM alert")
    assert (alert["fingerprint"], alert["class"], alert["severity"]) == ("ledger:1/up", "unbalanced", "high")
    assert alert["title"] == "ingest worker 1, lane up: 2 readings unaccounted for"
    async with site.connection.transaction():
        await resolve_alert(site.connection, alert["id"], actor="chen", note="reported", at=at(1))
    await site.work(2)
    assert await live(site) == []
    await site.do("INSERT INTO ingest_counter VALUES ('1', 'up', 'unbalanced', 'database', 3)")
    await site.work(3)
    assert await live(site) == [("ledger", "unbalanced")]
    await site.do("UPDATE ingest_counter SET value = 8 WHERE name = 'stored'")
    await site.do("DELETE FROM ingest_counter WHERE name = 'unbalanced'")
    await site.work(4)
    assert await live(site) == []


async def disk(site: Site, free_mb: int, *, size_mb: int = 10_000, age_s: float = 0) -> None:
    await site.do(
        "UPDATE broker_state SET store_free_bytes = %s, store_size_bytes = %s,"
        " store_looked_at = clock_timestamp() - %s * interval '1 second'",
        free_mb * 1_000_000,
        size_mb * 1_000_000,
        age_s,
    )


async def test_the_brokers_disk_fills_and_is_emptied(site: Site) -> None:
    await site.work(0)
    assert await live(site) == []  # nobody is to look
    await disk(site, 2_100)
    await site.work(1)
    assert await live(site) == []
    await disk(site, 21_000, size_mb=1_000_000)  # two percent, and plenty all the same
    await site.work(1.5)
    assert await live(site) == []
    await disk(site, 1_900)
    await site.work(2)
    alert = await site.row("SELECT id, severity, title FROM alert")
    assert (alert["severity"], alert["title"]) == ("high", "the broker's disk is filling: 1,900 of 10,000 MB are free")
    with pytest.raises(StillTrue):
        async with site.connection.transaction():
            await resolve_alert(site.connection, alert["id"], actor="chen", note="quiet", at=at(2.1))
    await disk(site, 400)
    await site.work(3)
    assert await live(site) == [("broker_disk", "full"), ("broker_disk", "low")]
    assert (await site.row("SELECT severity FROM alert WHERE class = 'full'"))["severity"] == "critical"
    await disk(site, 600)  # hardly more than the limit
    await site.work(4)
    assert await live(site) == [("broker_disk", "full"), ("broker_disk", "low")]
    await disk(site, 2_200)
    await site.work(5)
    assert await live(site) == [("broker_disk", "low")]
    await disk(site, 2_600)
    await site.work(6)
    assert await live(site) == []
    assert await history(site) == ["opened", "opened", "resolved", "resolved"]
    await disk(site, 1_900)
    await site.work(7)
    assert await history(site) == ["opened", "opened", "resolved", "resolved", "reopened"]


async def test_a_disk_that_nobody_looks_at_is_told_and_what_was_seen_stands(site: Site) -> None:
    await disk(site, 100, age_s=3_600)
    await site.work(0)  # has only begun to look itself
    assert await live(site) == []
    await disk(site, 100)
    await site.work(2)
    assert await live(site) == [("broker_disk", "full")]
    await disk(site, 100, age_s=61)
    await site.work(3)
    assert await live(site) == [("broker_disk", "full"), ("broker_disk", "unseen")]
    await disk(site, 5_000)
    await site.work(4)
    assert await live(site) == []
    await disk(site, 5_000, age_s=61)
    await site.work(5)
    assert await live(site) == [("broker_disk", "unseen")]
    await site.do("UPDATE broker_state SET store_looked_at = NULL")
    await site.work(6)
    assert await live(site) == []
