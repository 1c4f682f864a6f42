"""Waivers, objections and telling again, in a real database with a worker that is restarted at will."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from rules import actions, fairness
from rules.core.notices import Voice
from rules.errors import NotNow, NotThere
from rules.store.waivers import Terms, reach
from tests.integration.rules_site import Site, at, site_at

SETTLED = 66.5  # the window of an hour, five minutes of late limit, two reports of a handset
VOICE = Voice(language="en")


@pytest.fixture
async def site(database_url: str) -> AsyncIterator[Site]:
    """Two points 500 m apart, walked by U-1 with H-03 from eight to nine."""
    async with site_at(database_url) as found:
        await found.grid("G-1", grade=3)
        await found.unit()
        await found.device("H-03")
        await found.checkpoint("C-1", 0, 0, grid="G-1")
        await found.checkpoint("C-2", 500, 0, grid="G-1")
        await found.shift("C-1", "C-2")
        yield found


async def duty(site: Site, point: str) -> dict[str, Any]:
    return await site.row(
        "SELECT * FROM duty WHERE subject = %s AND opens_at = %s AND rule = 'missed_checkpoint'"
        " AND state <> 'superseded'",
        point,
        at(0),
    )


async def waive(site: Site, point: str, why: str = "road closed") -> int:
    found = await duty(site, point)
    async with site.connection.transaction():
        await fairness.waive_duty(site.connection, found["id"], actor="wang", why=why, at=site.now)
    return int(found["id"])


async def history(site: Site) -> list[tuple[str, str, str]]:
    """Of the first alert about a checkpoint."""
    rows = await site.rows(
        "SELECT event, actor, note FROM alert_history WHERE alert = "
        "(SELECT min(id) FROM alert WHERE rule = 'missed_checkpoint') ORDER BY id"
    )
    return [(row["event"], row["actor"], row["note"]) for row in rows]


async def notices(site: Site) -> list[tuple[str, str, str]]:
    """About checkpoints."""
    rows = await site.rows(
        "SELECT o.target, o.payload FROM outbox o JOIN alert a ON a.id = (o.payload->>'alert')::bigint "
        "WHERE o.channel = 'notice' AND a.rule = 'missed_checkpoint' ORDER BY o.id"
    )
    return [(row["target"], row["payload"]["event"], row["payload"]["class"]) for row in rows]


async def missed_c2(site: Site) -> None:
    """In sight all the time at C-1, and never at C-2."""
    await site.work(0)
    await site.stay("H-03", 0, SETTLED, 0, 0)
    await site.work(SETTLED)
    assert (await duty(site, "C-2"))["verdict"] == "missed"


async def test_a_waiver_resolves_the_alert_and_survives_judging_again(site: Site) -> None:
    await missed_c2(site)
    await waive(site, "C-2")
    await site.work(SETTLED + 1)
    found = await duty(site, "C-2")
    assert found["verdict"] == "waived"
    assert [it["reason"] for it in found["reasons"]] == ["waived", "nearest_fix"]
    assert found["reasons"][0]["by"] == "wang"
    alert = await site.row("SELECT class, state, resolved_by, resolution FROM alert WHERE rule = 'missed_checkpoint'")
    assert alert == {"class": "waived", "state": "resolved", "resolved_by": "wang", "resolution": "road closed"}
    assert (await history(site))[-1] == ("waived", "wang", "road closed")

    site.restart()
    await site.fix("H-03", 30.2, -50, 0, received=100)
    await site.mark("checkpoint", "C-2", 30, 31)
    await site.work(100)
    await site.work(SETTLED + 73 * 60)
    assert (await duty(site, "C-2"))["verdict"] == "waived"
    assert (await duty(site, "C-2"))["state"] == "final"
    assert len(await history(site)) == 2


async def test_late_proof_wins_over_a_waiver_and_both_are_kept(site: Site) -> None:
    await site.work(0)
    await site.stay("H-03", 0, 20, 0, 0)
    await site.stay("H-03", 30, SETTLED, 0, 0)
    await site.work(SETTLED)
    await waive(site, "C-2")
    await site.work(SETTLED + 1)
    for minute, east in ((21, 100), (22, 200), (23, 300), (24, 400), (25, 490), (26, 400), (27, 250), (28, 100)):
        await site.fix("H-03", minute, east, 0, received=80)
    await site.mark("checkpoint", "C-2", 24, 26)
    await site.work(80)
    found = await duty(site, "C-2")
    assert (found["verdict"], found["waived_by"]) == ("met", "wang")
    assert [event for event, _, _ in await history(site)] == ["opened", "waived", "withdrawn"]
    assert await notices(site) == [
        ("H-03", "opened", "unproven"),
        ("H-03", "waived", "waived"),
        ("H-03", "withdrawn", "withdrawn"),
    ]


async def test_taken_back_the_duty_is_judged_again_and_the_old_alert_reopens(site: Site) -> None:
    await missed_c2(site)
    number = await waive(site, "C-2")
    await site.work(SETTLED + 1)
    async with site.connection.transaction():
        await fairness.unwaive_duty(site.connection, number, actor="li", at=site.now)
        await fairness.unwaive_duty(site.connection, number, actor="li", at=site.now)
    await site.work(SETTLED + 2)
    assert (await duty(site, "C-2"))["verdict"] == "missed"
    assert [event for event, _, _ in await history(site)] == ["opened", "waived", "reopened"]
    assert await site.row("SELECT ended_by FROM waiver") == {"ended_by": "li"}
    assert await site.row("SELECT reopened, state, class FROM alert WHERE rule = 'missed_checkpoint'") == {
        "reopened": 1,
        "state": "open",
        "class": "missed",
    }


async def test_a_duty_waived_ahead_raises_nothing_and_may_still_be_planned_anew(site: Site) -> None:
    await site.work(-60)
    await waive(site, "C-2", why="gate locked by order")
    await site.work(-59)
    assert (await duty(site, "C-2"))["verdict"] is None
    await site.do("UPDATE shift SET ends = '09:30'")  # the plan changes, so the duty is made anew
    await site.work(-50)
    found = await duty(site, "C-2")
    assert (found["due_at"], found["waived_why"]) == (at(90), "gate locked by order")
    await site.stay("H-03", 0, 100, 0, 0)
    await site.work(100)
    assert (await duty(site, "C-2"))["verdict"] == "waived"
    assert await site.rows("SELECT * FROM alert WHERE rule = 'missed_checkpoint'") == []


async def test_the_others_of_a_round_are_judged_without_the_waived_one(site: Site) -> None:
    await site.checkpoint("C-3", 900, 0, grid="G-1")
    await site.do("UPDATE route SET checkpoints = '{C-1,C-2,C-3}'")
    await site.work(0)
    await site.stay("H-03", 0, SETTLED, 0, 2000)
    await site.work(SETTLED)
    assert await site.rows("SELECT subject FROM alert WHERE rule = 'missed_checkpoint'") == [
        {"subject": "day/U-1/R-1/2026-11-21/1"}
    ]
    await waive(site, "C-3")
    await site.work(SETTLED + 1)
    live = await site.row("SELECT subject, reasons FROM alert WHERE state <> 'resolved' AND rule = 'missed_checkpoint'")
    assert live["subject"] == "day/U-1/R-1/2026-11-21/1"
    assert live["reasons"][0]["points"] == 2
    async with site.connection.transaction():
        key = Terms(round="day/U-1/R-1/2026-11-21/1")
        assert (await fairness.waive(site.connection, key, actor="wang", why="storm", at=site.now))[1] == 2
    await site.work(SETTLED + 2)
    assert await site.rows("SELECT * FROM alert WHERE state <> 'resolved' AND rule = 'missed_checkpoint'") == []
    verdicts = await site.rows("SELECT DISTINCT verdict FROM duty WHERE opens_at = %s AND round IS NOT NULL", at(0))
    assert verdicts == [{"verdict": "waived"}]
    ended = await site.row("SELECT class, resolution FROM alert WHERE fingerprint LIKE 'missed_checkpoint:round:%%'")
    assert ended == {"class": "waived", "resolution": "storm"}


async def test_a_span_covers_what_lies_within_it_also_what_is_planned_later(site: Site) -> None:
    await site.do("UPDATE shift SET ends = '10:00', rounds = 2")
    await site.work(-600)
    span = Terms(unit="U-1", rules=("missed_checkpoint",), since=at(0), until=at(24 * 60 * 3))
    async with site.connection.transaction():
        half = Terms(unit="U-1", rules=("missed_checkpoint",), since=at(30), until=at(120))
        assert (await reach(site.connection, half)).beyond == 2
        before = await reach(site.connection, span)
        waiver, number = await fairness.waive(site.connection, span, actor="wang", why="ill", at=site.now)
    assert before.duties == {"missed_checkpoint": number} == {"missed_checkpoint": 8}  # the horizon is 36 hours
    await site.work(60 * 24)
    waived = await site.rows("SELECT opens_at FROM duty WHERE waiver = %s ORDER BY opens_at", waiver)
    assert len(waived) == 12
    assert (await site.row("SELECT count(*) AS n FROM alert WHERE rule = 'missed_checkpoint'"))["n"] == 0
    async with site.connection.transaction():
        assert await fairness.end_waiver(site.connection, waiver, actor="wang", at=site.now) == 12
        assert await fairness.end_waiver(site.connection, waiver, actor="wang", at=site.now) == 0
    await site.work(60 * 24 + 1)
    past = await site.rows("SELECT DISTINCT verdict FROM duty WHERE opens_at < %s AND round IS NOT NULL", at(100))
    assert past == [{"verdict": "in_doubt"}]


async def test_what_cannot_be_waived_is_said(site: Site) -> None:
    await missed_c2(site)
    found = await duty(site, "C-2")
    async with site.connection.transaction():
        with pytest.raises(NotThere, match="there is no duty 999"):
            await fairness.waive_duty(site.connection, 999, actor="wang", why="x", at=site.now)
        with pytest.raises(NotNow, match="without a word why"):
            await fairness.waive_duty(site.connection, found["id"], actor="wang", why="  ", at=site.now)
        with pytest.raises(NotThere, match="there is no waiver 7"):
            await fairness.end_waiver(site.connection, 7, actor="wang", at=site.now)


async def test_an_upheld_objection_waives_and_tells_the_device(site: Site) -> None:
    await missed_c2(site)
    number = (await duty(site, "C-2"))["id"]
    async with site.connection.transaction():
        made = await fairness.object_to(
            site.connection, number, actor="zhang", unit="U-1", text="The gate was shut.", at=site.now
        )
        with pytest.raises(NotNow, match="open already"):
            await fairness.object_to(site.connection, number, actor="li", unit="U-1", text="Me too.", at=site.now)
        with pytest.raises(NotThere, match="not one of unit U-2"):
            await fairness.object_to(site.connection, number, actor="li", unit="U-2", text="Me too.", at=site.now)
    async with site.connection.transaction():
        with pytest.raises(NotNow, match="by what mends it"):
            await fairness.answer_objection(
                site.connection,
                made.id,
                actor="wang",
                upheld=True,
                remedy=None,
                answer="Yes.",
                at=site.now,
                voice=VOICE,
            )
        answered = await fairness.answer_objection(
            site.connection,
            made.id,
            actor="wang",
            upheld=True,
            remedy="waived",
            answer="The gate was shut by order.",
            at=site.now,
            voice=VOICE,
        )
    assert (answered.state, answered.remedy) == ("upheld", "waived")
    await site.work(SETTLED + 1)
    assert (await duty(site, "C-2"))["waived_why"] == "The gate was shut by order."
    assert (await duty(site, "C-2"))["verdict"] == "waived"
    told = await site.row("SELECT payload FROM outbox WHERE key = 'objection:1:H-03'")
    assert told["payload"]["text"].endswith("your objection is upheld. Answer: The gate was shut by order.")


async def test_one_may_object_only_for_some_days_after_the_final_verdict(site: Site) -> None:
    await missed_c2(site)
    found = await duty(site, "C-2")
    async with site.connection.transaction():
        met = (await duty(site, "C-1"))["id"]
        with pytest.raises(NotNow, match="is met"):
            await fairness.object_to(site.connection, met, actor="zhang", unit="U-1", text="No.", at=site.now)
        late = found["final_at"] + timedelta(days=7, minutes=1)
        with pytest.raises(NotNow, match="ended 7 days later"):
            await fairness.object_to(site.connection, found["id"], actor="zhang", unit="U-1", text="No.", at=late)
        just = found["final_at"] + timedelta(days=6)
        await fairness.object_to(site.connection, found["id"], actor="zhang", unit="U-1", text="No.", at=just)


async def test_an_objection_that_nobody_answers_raises_an_alert(site: Site) -> None:
    await missed_c2(site)
    number = (await duty(site, "C-2"))["id"]
    async with site.connection.transaction():
        made = await fairness.object_to(site.connection, number, actor="zhang", unit="U-1", text="No.", at=site.now)
    await site.work(SETTLED + 3 * 1440 - 1)
    assert await site.rows("SELECT * FROM alert WHERE rule = 'objection_unanswered'") == []
    await site.work(SETTLED + 3 * 1440 + 2)
    alert = await site.row("SELECT * FROM alert WHERE rule = 'objection_unanswered'")
    assert (alert["state"], alert["severity"], alert["grid"]) == ("open", "warning", "G-1")
    async with site.connection.transaction():
        await fairness.withdraw_objection(site.connection, made.id, actor="zhang", at=site.now)
    await site.work(SETTLED + 3 * 1440 + 4)
    state = await site.row("SELECT state FROM alert WHERE rule = 'objection_unanswered'")
    assert state == {"state": "resolved"}


async def test_a_device_that_has_changed_hands_is_not_told_of_what_was_before(site: Site) -> None:
    await site.work(0)
    await site.stay("H-03", 0, SETTLED, 0, 0)
    await site.do("UPDATE custody SET valid_to = %s", at(60))
    await site.do(
        "INSERT INTO custody (device, holder_kind, holder, valid_from) VALUES (%s, 'unit', 'U-2', %s)",
        site.numbers["H-03"],
        at(60),
    )
    await site.work(SETTLED)
    assert (await site.row("SELECT class FROM alert WHERE rule = 'missed_checkpoint'"))["class"] == "missed"
    assert await notices(site) == []


async def test_whoever_acknowledged_is_known_and_each_notice_is_sent_once(site: Site) -> None:
    await missed_c2(site)
    alert = (await site.row("SELECT id FROM alert WHERE rule = 'missed_checkpoint'"))["id"]
    async with site.connection.transaction():
        await actions.acknowledge_alert(site.connection, alert, actor="wang", at=site.now)
        await actions.acknowledge_alert(site.connection, alert, actor="wang", at=site.now)
    site.restart()
    await site.work(SETTLED + 5)
    told = await site.rows("SELECT kind, who, channel, class FROM told WHERE alert = %s ORDER BY id", alert)
    assert told == [
        {"kind": "device", "who": "H-03", "channel": "notice", "class": "missed"},
        {"kind": "account", "who": "wang", "channel": "console", "class": "missed"},
    ]
    (sent,) = await site.rows(
        "SELECT payload FROM outbox WHERE channel = 'notice' AND payload->>'alert' = %s", str(alert)
    )
    assert sent["payload"]["text"].startswith("U-1 2026-11-21 08:00-09:00 到位点“Point C-2”：判为漏检。")


async def test_a_waiver_of_a_final_duty_is_no_correction_of_the_plan(site: Site) -> None:
    await missed_c2(site)
    await site.work(SETTLED + 73 * 60)
    before = await duty(site, "C-2")
    assert before["state"] == "final"
    await waive(site, "C-2")
    await site.work(SETTLED + 73 * 60 + 1)
    found = await duty(site, "C-2")
    assert (found["id"], found["state"], found["verdict"]) == (before["id"], "final", "waived")
    async with site.connection.transaction():
        await fairness.unwaive_duty(site.connection, found["id"], actor="wang", at=site.now)
    await site.work(SETTLED + 73 * 60 + 2)
    assert ((await duty(site, "C-2"))["id"], (await duty(site, "C-2"))["verdict"]) == (before["id"], "missed")
