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

START = datetime(2026, 11, 24, 22, 0, tzinfo=UTC)  # Wednesday, 06:00 in Shanghai: in the middle of a night's round
HOURS = 26.5  # over a midnight, to the end of the next night shift, and until that is settled
EVENTS = ("skips", "silences", "sos", "incidents", "pressure", "knocks")
ALERTS = "SELECT rule, subject, class, title, reasons FROM alert WHERE rule <> 'equipment_expiry' ORDER BY id"
DUTIES = """
    SELECT rule, split_part(key, '/', 2) AS plan, verdict, count(*)::int AS duties, min(key) AS one FROM duty
     WHERE state NOT IN ('superseded') AND settles_at < %s GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
"""


@pytest.mark.timeout(600)
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
        await day.live(stride_s=600)
        alerts = await bench.rows(ALERTS)
        for it in alerts: print(it)
        for it in await bench.rows(DUTIES.replace("%s", f"'{day.now.isoformat()}'")): print(it)
        print(await bench.counters())
        assert alerts == []
