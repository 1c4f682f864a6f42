"""Whatever is killed between or within transactions: one live alert per duty, and nobody is told a thing twice."""

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from typing_extensions import override

from ingest.database import Connection
from rules import actions, fairness
from rules.desk import Desk
from rules.duty_lane import DutyLane
from rules.errors import NotNow
from rules.options import Options
from rules.signal_lane import SignalLane
from rules.store.waivers import Terms
from rules.worker import work_off
from tests.integration.rules_site import Site, at, site_at

WAY = ((10, 100), (11, 200), (12, 300), (13, 400), (14, 490), (15, 400), (16, 250), (17, 100))
POINTS = ("C-1", "C-2", "C-3")
DUTIES = (
    "SELECT id, verdict, waived_at, subject FROM duty "
    "WHERE opens_at = %s AND state <> 'superseded' AND rule = 'missed_checkpoint'"
)

LIVE = "SELECT id, duty, class FROM alert WHERE state <> 'resolved' AND rule = 'missed_checkpoint'"


class Killed(BaseException):
    """The process is gone; nothing that it had not committed happened."""


class MortalDesk(Desk):
    """A desk whose worker dies now and then: just before a commit, or just after."""

    fate: random.Random
    risk: float

    @asynccontextmanager
    @override
    async def transaction(self) -> AsyncIterator[Connection]:
        async with super().transaction() as connection:
            yield connection
            if self.fate.random() < self.risk:
                raise Killed
        if self.fate.random() < self.risk:
            raise Killed


async def until_done(site: Site, fate: random.Random) -> None:
    """Work until a worker comes to an end; each starts anew with nothing but the database, and the last one lives."""
    for deaths in range(5):
        desk = MortalDesk(site.pool, options=Options(), clock=lambda: site.now)
        desk.fate, desk.risk = fate, 0.15 if deaths < 4 else 0.0
        try:
            await work_off(desk, duties=DutyLane(desk), signals=SignalLane(desk))
        except Killed:
            continue
        return
    raise AssertionError("no worker lived for long enough")


async def act(site: Site, fate: random.Random, minute: float) -> None:
    """Something happens: late data, a waiver, its end, an acknowledgement, an objection, an answer."""
    duties = await site.rows(f"{DUTIES} ORDER BY id", at(0))
    duty = fate.choice(duties)
    connection = site.connection
    kind = fate.choice(["late", "waive", "unwaive", "round", "ack", "resolve", "object", "answer"])
    try:
        async with connection.transaction():
            match kind:
                case "late":
                    start, east = fate.choice(WAY)
                    await site.fix("H-03", start + fate.choice((0, 0.25, 0.5)), east, 0, received=minute)
                    await site.mark("checkpoint", duty["subject"], 10, 17)
                case "waive":
                    await fairness.waive_duty(connection, duty["id"], actor="wang", why="storm", at=site.now)
                case "unwaive":
                    await fairness.unwaive_duty(connection, duty["id"], actor="wang", at=site.now)
                case "round":
                    terms = Terms(round="day/U-1/R-1/2026-11-21/1")
                    await fairness.waive(connection, terms, actor="wang", why="flood", at=site.now)
                case "ack" | "resolve":
                    live = await site.rows(f"{LIVE} ORDER BY id")
                    for row in live[:1]:
                        if kind == "ack":
                            await actions.acknowledge_alert(connection, row["id"], actor="wang", at=site.now)
                        else:
                            await actions.resolve_alert(connection, row["id"], actor="wang", note="seen", at=site.now)
                case "object":
                    await fairness.object_to(connection, duty["id"], actor="zhang", unit="U-1", text="No.", at=site.now)
                case "answer":
                    for row in await site.rows("SELECT id FROM objection WHERE state = 'open'"):
                        await fairness.answer_objection(
                            connection,
                            row["id"],
                            actor="wang",
                            upheld=fate.random() < 0.5,
                            remedy="waived",
                            answer="So it is.",
                            at=site.now,
                            voice=Options().voice,
                        )
    except NotNow:
        return  # what cannot be done now is refused, and that is all


async def check(site: Site) -> None:
    """What must hold whenever nobody is at work."""
    duties = {row["id"]: row for row in await site.rows(DUTIES, at(0))}
    live = await site.rows(f"{LIVE} ORDER BY id")
    covered = [it["duty"] for it in live if it["duty"] is not None]
    assert len(covered) == len(set(covered)), "two live alerts about one duty"
    whole = [it for it in live if it["duty"] is None]
    assert len(whole) <= 1
    assert not (whole and covered), "a round's alert beside those of its points"
    for it in live:
        if it["duty"] is not None:
            assert duties[it["duty"]]["verdict"] == {"missed": "missed", "unproven": "in_doubt"}[it["class"]]
    for row in duties.values():
        if row["waived_at"] is not None and row["verdict"] is not None:
            assert row["verdict"] in ("waived", "met")
        if row["waived_at"] is None:
            assert row["verdict"] != "waived"
    twice = await site.rows(
        "SELECT target, payload->>'alert' AS alert, payload->>'event' AS event, created_at, count(*) AS n "
        "FROM outbox WHERE channel = 'notice' AND payload ? 'alert' GROUP BY 1, 2, 3, 4 HAVING count(*) > 1"
    )
    assert twice == [], "somebody was told the same thing twice"
    untold = await site.rows(
        "SELECT h.id FROM alert_history h JOIN told t ON t.alert = h.alert AND t.kind = 'device' AND t.history < h.id "
        "WHERE h.event IN ('withdrawn', 'waived', 'changed', 'reopened') AND NOT EXISTS "
        "(SELECT 1 FROM told n WHERE n.history = h.id AND n.kind = 'device' AND n.who = t.who)"
    )
    assert untold == [], "whoever was told was not told again"


@pytest.mark.parametrize("seed", range(4))
async def test_one_live_alert_per_duty_whatever_is_killed(database_url: str, seed: int) -> None:
    fate = random.Random(seed)  # noqa: S311  a story, not a secret
    async with site_at(database_url) as site:
        await site.grid("G-1", grade=3)
        await site.unit()
        await site.device("H-03")
        for number, code in enumerate(POINTS):
            await site.checkpoint(code, 500 * number, 0, grid="G-1")
        await site.shift(*POINTS)
        site.now = at(0)
        await until_done(site, fate)
        await site.stay("H-03", 0, 9, 0, 2000)
        await site.stay("H-03", 18, 66.5, *((0, 0) if fate.random() < 0.5 else (0, 2000)))
        site.now = at(66.5)
        await until_done(site, fate)
        await check(site)
        minute = 67.0
        for _ in range(10):
            await act(site, fate, minute)
            minute += fate.choice((0.1, 1, 30))
            site.now = at(minute)
            await until_done(site, fate)
            await check(site)
