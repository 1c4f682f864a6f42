"""The sample town with every handset taken home switched on: of a whole day only duty is kept, to the reading."""

from datetime import UTC, datetime, timedelta

import pytest

from gateway.simulation import Plan, Said, load_scenario
from ingest.database import connect
from ingest.migrate import migrate
from ops.simulation import town_now
from ops.town import read_town
from ops.town.importer import import_town
from ops.town.shipped import sample_dir
from rules.desk import Desk
from rules.options import Options
from rules.store.service import sums
from rules.tracking import TrackingLane
from tests.integration.bench import Bench, bench_on

STARTS = datetime.now(UTC).replace(hour=11, minute=0, second=0, microsecond=0) - timedelta(days=1)  # 19:00 in Shanghai
HOURS = 2  # the day shift ends and the night shift begins in the middle
MARGIN = timedelta(minutes=15)
OFF_DUTY = """
    SELECT count(*) FILTER (WHERE p.time > %s AND u.code <= 'F-06' OR p.time < %s AND u.code > 'F-06')::int AS n
      FROM position p JOIN device d ON d.number = p.device AND d.kind = 'handset'
      JOIN custody c ON c.device = d.number JOIN post o ON o.code = c.holder JOIN unit u ON u.code = o.unit
"""


async def take(bench: Bench, said: list[Said]) -> None:
    for first in range(0, len(said), 500):
        some = said[first : first + 500]
        await bench.pipeline.process([bench.delivery(dict(it.reading), device=it.device) for it in some])


@pytest.mark.timeout(180)
async def test_what_a_handset_says_at_home_is_seen_by_nobody(database_url: str) -> None:
    await migrate(database_url)
    async with await connect(database_url, name="test") as connection:
        town, _ = read_town(sample_dir())
        await import_town(connection, town, folder=sample_dir())
    plan = Plan(await town_now(database_url, zone="Asia/Shanghai"), load_scenario("taken-home"), seed=1, start=STARTS)
    said = [it for it in plan.said(plan.start_s, plan.start_s + HOURS * 3600) if it.reading["type"] == "position"]
    async with bench_on(database_url, secret="of the site") as bench:  # noqa: S106  made up
        await TrackingLane(Desk(bench.pool, options=Options())).step()
        await bench.worker.refresh()
        await take(bench, said)

        turn = STARTS + timedelta(hours=1)
        async with bench.pool.connection() as connection:
            values = [turn + MARGIN, turn - MARGIN]
            (row,) = await (await connection.execute(OFF_DUTY.encode(), values)).fetchall()
            assert row["n"] == 0
            assert all(sheet.difference == 0 for sheet in await sums(connection))
        counters = await bench.counters()
        handsets = {it.device for it in said if it.device.startswith("HS")}
        assert len(handsets) == 24
        # Half of them are off duty at any time, less the margin: a fix each half minute for 45 minutes.
        assert counters["withheld", ""] == pytest.approx(24 * 45 * 2, rel=0.01)
        assert counters["received", ""] == len(said) == counters["stored", ""] + counters["withheld", ""]
        last = await bench.rows(
            "SELECT max(l.time) AS at FROM last_known l JOIN device d ON number = device WHERE name = 'HS-01'"
        )
        assert turn < last[0]["at"] < turn + MARGIN, "where the last shift ended is all that is known of it"

        await take(bench, said[::7])  # the broker gives some of it again
        again = await bench.counters()
        assert again["withheld", ""] == counters["withheld", ""]
        assert again["stored", ""] == counters["stored", ""]
