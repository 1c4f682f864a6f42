"""A day and a night of the whole sample town in which nobody does anything wrong: every duty is met, nobody is told."""

from datetime import UTC, datetime, timedelta

import pytest

from gateway.simulation import Plan, load_scenario
from ingest.database import connect, make_pool
from ingest.migrate import migrate
from ops.simulation import Incidents, town_now
from ops.town import read_town
from ops.town.importer import import_town
from ops.town.shipped import sample_dir
from tests.integration.bench import bench_on
from tests.integration.simulated import Simulated

START = datetime(2026, 11, 17, 22, 0, tzinfo=UTC)  # Wednesday, 06:00 in Shanghai: in the middle of a night's round
HOURS = 26.5  # over a midnight, to the end of the next night shift, and until that is settled
EVENTS = ("skips", "silences", "sos", "incidents", "pressure", "knocks")
SHIFTS = {"day", "night", "fire", "winter", "campaign", "lot"}  # constant, for a season, for some dates, by lot
ALERTS = "SELECT rule, subject, class, title, reasons FROM alert WHERE rule <> 'equipment_expiry' ORDER BY id"
DUTIES = """
    SELECT d.rule, d.verdict, coalesce(r.shift, CASE d.rule WHEN 'static_post' THEN d.subject END) AS plan,
           count(*)::int AS duties FROM duty d LEFT JOIN round r ON r.id = d.round
     WHERE d.rule <> 'equipment_expiry' AND d.settles_at < '2026-11-19T00:20:00Z' GROUP BY 1, 2, 3
"""
CHARGE = "SELECT min(charge)::int AS least, max(charge)::int AS most FROM last_known"


@pytest.mark.timeout(900)
async def test_whoever_does_every_duty_is_reproached_nothing(database_url: str) -> None:
    await migrate(database_url)
    async with await connect(database_url, name="test") as connection:
        town, _ = read_town(sample_dir())
        await import_town(connection, town, folder=sample_dir(), at=START - timedelta(days=9))
    ordinary = load_scenario("calm").model_copy(update={it: [] for it in EVENTS} | {"length": HOURS * 3600})
    plan = Plan(await town_now(database_url, zone="Asia/Shanghai"), ordinary, seed=1, start=START)
    async with (
        bench_on(database_url, retention_days=0, secret="of the day") as bench,  # noqa: S106  made up
        make_pool(database_url, name="look", size=1) as pool,
    ):
        day = Simulated(bench, plan, Incidents(pool))
        await day.live(stride_s=1200)
        assert await bench.rows(ALERTS) == []
        duties = await bench.rows(DUTIES)
        charge = await bench.rows(CHARGE)
    assert {it["verdict"] for it in duties} == {"met"}
    its = {(it["rule"], it["plan"]) for it in duties}
    assert {plan for rule, plan in its if rule == "missed_checkpoint"} == SHIFTS
    assert {plan for rule, plan in its if rule == "static_post"} == {"SP-01", "SP-02", "SP-03"}
    assert {rule for rule, _ in its} == {"missed_checkpoint", "missed_line", "first_patrol", "static_post"}
    assert sum(it["duties"] for it in duties) > 650
    assert charge == [{"least": 96, "most": 96}]  # ELE-1's, who was charged by night
