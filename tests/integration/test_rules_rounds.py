"""Rounds from plan to verdict: missed, proven late, withdrawn; restarts and downtime change nothing."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

import pytest

from rules.actions import resolve_alert
from rules.catalog.missed_checkpoint import MissedCheckpoint
from rules.core.duties import Judgement
from rules.facts import Case
from tests.integration.rules_site import Site, at, site_at

DAY = 24 * 60
SETTLED = 67  # minutes: the window of an hour, five minutes of late limit, two report intervals, and some


@pytest.fixture
async def site(database_url: str) -> AsyncIterator[Site]:
    async with site_at(database_url) as site:
        await site.unit()
        await site.device("H-03")
        await site.checkpoint("C-1", 0, 0)
        await site.checkpoint("C-2", 500, 0)
        await site.shift("C-1", "C-2")
        yield site


async def verdicts(site: Site) -> dict[str, str]:
    rows = await site.rows("SELECT subject, verdict FROM duty WHERE opens_at = %s ORDER BY subject", at(0))
    return {row["subject"]: row["verdict"] for row in rows}


async def live(site: Site) -> list[tuple[str, str, str]]:
    rows = await site.rows("SELECT fingerprint, class, severity FROM alert WHERE state <> 'resolved' ORDER BY 1")
    return [(row["fingerprint"].split(":", 1)[1], row["class"], row["severity"]) for row in rows]


async def history(site: Site) -> list[tuple[str, str]]:
    rows = await site.rows("SELECT event, note FROM alert_history ORDER BY id")
    return [(row["event"], row["note"]) for row in rows]


async def test_a_visit_is_met_at_once_and_a_missed_point_alerts_when_settled(site: Site) -> None:
    await site.work(0)
    await site.stay("H-03", 0, 5, 0, 10)
    await site.mark("checkpoint", "C-1", 0, 5)
    await site.work(6)
    assert await verdicts(site) == {"C-1": "met", "C-2": None}

    await site.stay("H-03", 5.5, SETTLED, 0, 200)
    await site.work(65.5)
    assert await live(site) == []
    await site.work(SETTLED)
    assert await verdicts(site) == {"C-1": "met", "C-2": "missed"}
    assert await live(site) == [("missed_checkpoint/day/U-1/R-1/2026-11-21/1/C-2", "missed", "warning")]
    evidence = await site.row("SELECT e.body FROM alert a JOIN evidence e ON e.id = a.evidence")
    assert evidence["body"]["devices"][0]["device"] == "H-03"
    reason = (await site.row("SELECT reasons FROM duty WHERE subject = 'C-2' AND opens_at = %s", at(0)))["reasons"][0]
    assert reason["reason"] == "nearest_fix"
    assert 490 < reason["distance_m"] < 540


async def test_late_proof_withdraws_the_alert_with_a_note(site: Site) -> None:
    await site.work(0)
    await site.stay("H-03", 0, 20, 0, 0)
    await site.stay("H-03", 30, SETTLED, 0, 0)
    await site.work(SETTLED)
    # Ten minutes out of sight are enough to be at C-2 and back.
    assert await verdicts(site) == {"C-1": "met", "C-2": "in_doubt"}
    assert [it[1:] for it in await live(site)] == [("unproven", "warning")]

    for minute, east in ((21, 100), (22, 200), (23, 300), (24, 400), (25, 490), (26, 400), (27, 250), (28, 100)):
        await site.fix("H-03", minute, east, 0, received=70)
    await site.mark("checkpoint", "C-2", 24, 26)
    await site.work(70)
    assert await verdicts(site) == {"C-1": "met", "C-2": "met"}
    assert await live(site) == []
    alert = await site.row("SELECT class, state, resolved_by FROM alert")
    assert alert == {"class": "withdrawn", "state": "resolved", "resolved_by": "system"}
    assert await history(site) == [
        ("opened", ""),
        ("withdrawn", "H-03's fixes came 45 min late and show the visit at 08:25"),
    ]
    notices = await site.rows("SELECT payload->>'event' AS event FROM outbox WHERE channel = 'notice' ORDER BY id")
    assert [row["event"] for row in notices] == ["opened", "withdrawn"]


async def test_late_fixes_elsewhere_turn_doubt_into_missed_on_the_same_alert(site: Site) -> None:
    await site.work(0)
    await site.stay("H-03", 0, 20, 0, 0)
    await site.stay("H-03", 30, SETTLED, 0, 0)
    await site.work(SETTLED)
    # They lie far from C-2, so no mark wakes the duty: it looks again by itself.
    await site.stay("H-03", 20.5, 29.5, -100, 0, received=68)
    await site.work(SETTLED + 30)
    assert await verdicts(site) == {"C-1": "met", "C-2": "missed"}
    assert await live(site) == [("missed_checkpoint/day/U-1/R-1/2026-11-21/1/C-2", "missed", "warning")]
    assert [event for event, _ in await history(site)] == ["opened", "changed"]


async def test_a_round_without_any_proof_is_one_alert(site: Site) -> None:
    await site.work(0)
    await site.stay("H-03", 0, SETTLED, 0, 300)
    await site.work(SETTLED)
    assert await verdicts(site) == {"C-1": "missed", "C-2": "missed"}
    assert await live(site) == [("round:day/U-1/R-1/2026-11-21/1", "missed", "warning")]

    await site.fix("H-03", 30.1, 0, 0, received=90)
    await site.mark("checkpoint", "C-1", 30, 31)
    await site.work(90)
    assert await verdicts(site) == {"C-1": "met", "C-2": "missed"}
    assert await live(site) == [("missed_checkpoint/day/U-1/R-1/2026-11-21/1/C-2", "missed", "warning")]


async def test_planning_is_idempotent_and_leaves_out_what_ended_before_the_first_plan(site: Site) -> None:
    await site.work(90)
    planned = await site.rows("SELECT key FROM duty ORDER BY key")
    assert planned
    assert await verdicts(site) == {}
    site.restart()
    await site.work(91)
    assert await site.rows("SELECT key FROM duty ORDER BY key") == planned


async def test_a_changed_shift_plans_anew_what_has_not_begun(site: Site) -> None:
    await site.work(0)
    await site.do("UPDATE shift SET ends = '10:00'")
    await site.work(1)
    rows = await site.rows("SELECT DISTINCT opens_at, due_at, state = 'superseded' AS gone FROM duty ORDER BY 1, 2")
    assert [tuple(row.values()) for row in rows] == [
        (at(0), at(60), True),
        (at(0), at(120), False),
        (at(DAY), at(DAY + 120), False),
    ]
    await site.do("UPDATE shift SET valid_to = %s", at(10))
    await site.work(11)
    assert [row["opens_at"] for row in await site.rows("SELECT DISTINCT opens_at FROM duty")] == [at(0)]
    assert len(await site.rows("SELECT id FROM round WHERE superseded_at IS NULL")) == 1


async def test_what_cannot_be_judged_is_tried_again_and_stops_no_other(
    site: Site, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    await site.work(0)
    await site.stay("H-03", 0, SETTLED, 0, 0)
    whole = MissedCheckpoint.judge

    def broken(self: MissedCheckpoint, case: Case, *, now: datetime) -> Judgement:
        if case.duty.subject == "C-1":
            raise ZeroDivisionError
        return whole(self, case, now=now)

    with monkeypatch.context() as patch:
        patch.setattr(MissedCheckpoint, "judge", broken)
        await site.work(SETTLED)
    assert await verdicts(site) == {"C-1": None, "C-2": "missed"}
    assert "missed_checkpoint/day/U-1/R-1/2026-11-21/1/C-1; it is tried again" in caplog.text
    await site.work(SETTLED + 0.05)
    assert (await verdicts(site))["C-1"] is None
    await site.work(SETTLED + 0.1)
    assert await verdicts(site) == {"C-1": "met", "C-2": "missed"}


async def test_a_round_under_way_at_the_first_plan_counts(site: Site) -> None:
    await site.work(30)
    assert set(await verdicts(site)) == {"C-1", "C-2"}


async def test_rounds_that_ended_while_the_worker_was_down_are_judged(site: Site) -> None:
    await site.do("UPDATE shift SET starts = '02:00', ends = '03:00'")
    await site.work(0)
    await site.do("DELETE FROM duty")
    await site.do("DELETE FROM round")
    await site.stay("H-03", 24 * 60 - 365, 24 * 60 - 295, 0, 2000)
    site.restart()
    await site.work(24 * 60)
    rows = await site.rows("SELECT verdict, opens_at FROM duty WHERE opens_at < %s", at(24 * 60))
    assert [(row["verdict"], row["opens_at"]) for row in rows] == [("missed", at(18 * 60))] * 2


async def test_restarts_in_between_give_the_same(site: Site) -> None:
    for minute in range(0, SETTLED + 1, 5):
        await site.stay("H-03", minute, minute + 4.5, 300 + minute, 0)
        site.restart()
        await site.work(minute)
    await site.work(SETTLED)
    judged: list[dict[str, Any]] = await site.rows(
        "SELECT subject, verdict, reasons, met_at, state FROM duty WHERE opens_at = %s ORDER BY subject", at(0)
    )
    await site.do("UPDATE duty SET verdict = NULL, state = 'planned', judge_at = opens_at, met_at = NULL, reasons='[]'")
    site.restart()
    await site.work(SETTLED)
    again = await site.rows(
        "SELECT subject, verdict, reasons, met_at, state FROM duty WHERE opens_at = %s ORDER BY subject", at(0)
    )
    assert again == judged
    assert len(await site.rows("SELECT id FROM alert")) == 1


async def test_an_officers_word_is_not_overruled_by_the_same_verdict(site: Site) -> None:
    await site.work(0)
    await site.stay("H-03", 0, SETTLED, 0, 200)
    await site.fix("H-03", 30.1, 0, 0)
    await site.work(SETTLED)
    alert = await site.row("SELECT id FROM alert WHERE state = 'open'")
    async with site.connection.transaction():
        await resolve_alert(site.connection, alert["id"], actor="chen", note="gate was locked", at=at(SETTLED))
    await site.mark("checkpoint", "C-2", 30, 31)
    await site.work(SETTLED + 5)
    assert await live(site) == []


async def test_final_after_the_backfill_horizon(site: Site) -> None:
    await site.work(0)
    await site.stay("H-03", 0, SETTLED, 0, 0)
    await site.work(SETTLED)
    await site.work(60 + 72 * 60)
    rows = await site.rows("SELECT DISTINCT state, judge_at FROM duty WHERE opens_at = %s", at(0))
    assert [(row["state"], row["judge_at"]) for row in rows] == [("final", None)]
