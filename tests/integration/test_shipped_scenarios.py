"""What the scenarios raise whose rules look at more than tracks: a line left out, no charge, both on leave."""

from datetime import UTC, datetime, timedelta

import pytest

from gateway.simulation import Plan, load_scenario
from ingest.database import connect, make_pool
from ingest.migrate import migrate
from ops.simulation import Incidents, record_leaves, town_now
from ops.town import read_town
from ops.town.importer import import_town
from ops.town.shipped import sample_dir
from tests.integration.bench import bench_on
from tests.integration.simulated import Simulated

START = datetime(2026, 11, 18, 10, 20, tzinfo=UTC)  # 18:20 in Shanghai, ten minutes before ELE-1's evening shift
HOURS = 3.5
FEW = "DELETE FROM shift WHERE code <> 'winter' AND unit <> 'F-12'"  # and those of whom both are away
ALERTS = """
    SELECT rule, subject, class FROM alert WHERE rule <> 'equipment_expiry' ORDER BY rule, subject
"""


@pytest.mark.timeout(300)
async def test_what_a_day_of_three_scenarios_raises(database_url: str) -> None:
    await migrate(database_url)
    async with await connect(database_url, name="test") as connection:
        town, _ = read_town(sample_dir())
        await import_town(connection, town, folder=sample_dir(), at=START - timedelta(days=9))
        await connection.execute(FEW.encode())
    told = [load_scenario(it) for it in ("missed-line", "low-charge", "both-away")]
    story = told[0].model_copy(
        update={"flats": told[1].flats, "leaves": told[2].leaves, "length": HOURS * 3600, "title": "Three"}
    )
    assert await record_leaves(database_url, story, start=START, actor="test") == 2
    assert await record_leaves(database_url, story, start=START, actor="test") == 0
    plan = Plan(await town_now(database_url, zone="Asia/Shanghai"), story, seed=1, start=START)
    async with (
        bench_on(database_url, retention_days=0, secret="of the evening") as bench,  # noqa: S106  made up
        make_pool(database_url, name="look", size=1) as pool,
    ):
        await Simulated(bench, plan, Incidents(pool)).live(stride_s=300)
        alerts = await bench.rows(ALERTS)
        audited = await bench.rows("SELECT subject, actor FROM audit WHERE action = 'leave.add' ORDER BY subject")
    assert {(it["rule"], it["subject"], it["class"]) for it in alerts} == {
        ("both_away", "P-17", "now"),
        ("both_away", "P-23", "now"),
        ("low_charge", "ELE-1", "low_charge"),
        ("missed_line", "L-02", "missed"),
    }
    assert [(it["subject"], it["actor"]) for it in audited] == [("P-17", "test"), ("P-23", "test")]
