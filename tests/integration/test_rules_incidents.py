"""Incidents: dispatched, answered in time, late or not at all; reports of handsets become incidents once."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest

from rules.actions import close_incident, dispatch_incident, open_incident
from rules.catalog import catalog
from rules.errors import NotNow, NotThere
from rules.facts import Case, Planning
from rules.rule import DutyRule
from rules.store.incidents import Incident, incident_facts
from rules.store.world import snapshot
from rules.supply import Supply
from rules.tracks import Tracks
from tests.integration.rules_site import Site, at, place, site_at

ZONE = "Asia/Shanghai"


@pytest.fixture
async def site(database_url: str) -> AsyncIterator[Site]:
    async with site_at(database_url) as site:
        await site.unit()
        await site.unit("U-2", kind="car")
        await site.device("H-03")
        await site.device("V-01", kind="vehicle", unit="U-2")
        yield site


async def dispatched(site: Site, minute: float, *, unit: str | None = "U-1") -> Incident:
    lat, lon = place(0, 0)
    async with site.connection.transaction():
        incident = await open_incident(
            site.connection,
            kind="fire_hazard",
            source="api:chen",
            zone=ZONE,
            occurred_at=at(minute),
            reported_at=at(minute),
            lat=lat,
            lon=lon,
        )
        return await dispatch_incident(site.connection, incident.id, unit=unit, at=at(minute))


async def duty(site: Site) -> dict[str, object]:
    return await site.row("SELECT verdict, met_at FROM duty WHERE rule = 'response_time'")


async def test_in_time(site: Site) -> None:
    incident = await dispatched(site, 10)
    assert incident.number == "I-20261121-0001"
    await site.work(10)
    await site.stay("H-03", 8, 12, 0, 400)
    await site.stay("H-03", 13, 15, 0, 20)
    await site.mark("incident", str(incident.id), 13, 15)
    await site.work(15)
    assert (await duty(site))["verdict"] == "met"
    stored = await site.row("SELECT arrived_at FROM incident")
    assert at(12.5) < stored["arrived_at"] <= at(13)
    await site.work(30)
    assert await site.rows("SELECT id FROM alert") == []
    sent = await site.row("SELECT target, payload FROM outbox WHERE channel = 'down'")
    assert sent["target"] == "H-03"
    assert sent["payload"]["incident"] == incident.number


async def test_missed_so_far_then_late(site: Site) -> None:
    incident = await dispatched(site, 10)
    await site.stay("H-03", 8, 17, 0, 900)
    await site.work(15.5)
    assert await site.rows("SELECT id FROM alert") == []
    await site.work(16)
    alert = await site.row("SELECT class, severity, state, incident FROM alert")
    assert alert == {"class": "missed", "severity": "high", "state": "open", "incident": incident.id}

    await site.stay("H-03", 17.5, 20, 0, 10)
    await site.mark("incident", str(incident.id), 17, 20)
    await site.work(20)
    alert = await site.row("SELECT class, state, resolution FROM alert")
    assert alert["class"] == "late"
    assert alert["state"] == "resolved"
    assert alert["resolution"].startswith("H-03 arrived at 08:17, ")
    assert (await duty(site))["verdict"] == "late"
    assert (await site.row("SELECT arrived_at FROM incident"))["arrived_at"] is not None


async def test_nobody_seen_is_not_proven(site: Site) -> None:
    await dispatched(site, 10)
    await site.work(16)
    alert = await site.row("SELECT class, severity, reasons FROM alert")
    assert (alert["class"], alert["severity"]) == ("unproven", "warning")
    assert alert["reasons"] == [{"reason": "silent_device", "device": "H-03"}]


async def test_any_unit_may_answer(site: Site) -> None:
    incident = await dispatched(site, 10, unit=None)
    await site.stay("H-03", 8, 16, 0, 900)
    await site.stay("V-01", 11, 16, 0, 30)
    await site.mark("incident", str(incident.id), 11, 16)
    await site.work(16)
    assert (await duty(site))["verdict"] == "met"


async def test_the_database_leaves_out_who_cannot_decide(site: Site) -> None:
    """All stored fixes and those of the few that were searched give the same judgement, in time, late, and never."""
    for n in range(40):
        await site.device(f"W-{n:02d}", unit="U-2" if n % 2 else "U-1")
        await site.stay(f"W-{n:02d}", 0, 40, 400 + 300 * n, 20 * n)
    for minute in (1, 12, 25):
        await dispatched(site, minute, unit=None)
    await site.stay("H-03", 3, 4, 0, 20)
    await site.stay("V-01", 18, 19, 10, 20)
    rule = catalog()["response_time"]
    assert isinstance(rule, DutyRule)
    facts = await incident_facts(site.connection, [1, 2, 3])
    known = await snapshot(site.connection, zone=ZONE)
    planning = Planning(
        world=known.world,
        settings=known.settings,
        now=at(40),
        since=at(40),
        until=at(40),
        backfill=timedelta(hours=72),
        incidents=tuple(facts.values()),
    )
    verdicts, few = [], 0
    for planned, incident in zip(rule.plan(planning), facts.values(), strict=True):
        duty = replace(planned.duty, id=1)
        case = Case(duty=duty, world=known.world, settings=known.settings, incident=incident)
        ((searched, need),) = await Supply(site.connection, known.world).fill([(rule, case)])
        assert need is not None
        tracks = Tracks(site.connection, known.world)
        await tracks.read([replace(need, near=None)])
        whole = rule.judge(replace(case, tracked=tracks.of(replace(need, near=None))), now=at(40))
        assert rule.judge(searched, now=at(40)) == whole
        verdicts.append(str(whole.verdict))
        few += len(searched.tracked)
    assert verdicts == ["met", "late", "missed"]
    assert few < 3 * 30, "of forty-two devices each"


async def test_a_second_dispatch_waives_the_first(site: Site) -> None:
    incident = await dispatched(site, 10)
    await site.stay("H-03", 8, 30, 0, 900)
    await site.work(16)
    async with site.connection.transaction():
        await dispatch_incident(site.connection, incident.id, unit="U-2", at=at(17))
    await site.work(17)
    rows = await site.rows("SELECT unit, verdict, state FROM duty ORDER BY opens_at")
    assert [tuple(row.values()) for row in rows] == [("U-1", "waived", "final"), ("U-2", None, "planned")] or [
        tuple(row.values()) for row in rows
    ] == [("U-1", "waived", "final"), ("U-2", None, "open")]
    assert (await site.row("SELECT state FROM alert"))["state"] == "resolved"


async def test_a_report_becomes_an_incident_once(site: Site) -> None:
    await site.fix("H-03", 4, 100, 100)
    site.now = at(5)
    body = {"type": "report", "kind": "fire_hazard", "grade": "urgent", "text": "gas smell"}
    await site.reading("H-03", 5, body)
    await site.work(5)
    await site.mark("device", str(site.numbers["H-03"]), 5, 5)
    await site.work(6)
    incident = await site.row("SELECT kind, grade, text, unit, dispatched_at, lat, source FROM incident")
    assert incident["dispatched_at"] == at(5)
    assert incident["unit"] is None
    assert incident["lat"] == pytest.approx(place(100, 100)[0], abs=1e-6)
    assert incident["source"] == "device:H-03"
    assert len(await site.rows("SELECT id FROM duty WHERE rule = 'response_time'")) == 1


async def test_a_task_accepts_the_incident(site: Site) -> None:
    incident = await dispatched(site, 10)
    site.now = at(11)
    await site.reading("H-03", 11, {"type": "task", "incident": incident.number, "state": "accepted"})
    await site.work(11)
    assert (await site.row("SELECT accepted_at FROM incident"))["accepted_at"] == at(11)


async def test_what_cannot_be_done_is_said(site: Site) -> None:
    incident = await dispatched(site, 10)
    async with site.connection.transaction():
        with pytest.raises(NotThere, match="no unit 'U-9'"):
            await dispatch_incident(site.connection, incident.id, unit="U-9", at=at(11))
        with pytest.raises(NotThere, match="no incident 99"):
            await close_incident(site.connection, 99, at=at(11))
        await close_incident(site.connection, incident.id, at=at(12))
        with pytest.raises(NotNow, match="is closed"):
            await dispatch_incident(site.connection, incident.id, unit="U-1", at=at(13))
