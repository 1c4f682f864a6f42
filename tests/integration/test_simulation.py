"""A simulated night, from the plan's readings through ingest and rules to alerts, under a clock turned by hand."""

import json
import re
from datetime import UTC, datetime, timedelta

import pytest

from gateway.simulation import Plan, Said, load_scenario, scenario_text
from ingest.database import connect, make_pool
from ingest.migrate import migrate
from ops.simulation import Incidents, town_now
from ops.town import read_town
from ops.town.importer import import_town
from ops.town.shipped import sample_dir
from rules.desk import Desk
from rules.duty_lane import DutyLane
from rules.options import Options
from rules.signal_lane import SignalLane
from rules.worker import work_off
from tests.integration.bench import Bench, bench_on

START = datetime(2026, 11, 20, 13, 0, tzinfo=UTC)  # 21:00 in Shanghai
ENDS = START + timedelta(hours=2)
TWO_HOURS = """
    DELETE FROM shift WHERE code = 'day';
    UPDATE shift SET starts = '21:00', ends = '23:00', rounds = 1
"""
ROW = re.compile(r"^#   (\w+)  +(\S.*?)  +(missed|unproven|silent|sos)  ")


def stated_table() -> set[tuple[str, str, str]]:
    """What the scenario's own comment says: rule, subject, class."""
    rows = [ROW.match(line) for line in scenario_text("one-night").splitlines()]
    names = {
        "night/F-09/R-16/DATE/1": "night/F-09/R-16/2026-11-20/1",
        "the second incident's number": "I-20261120-0002",
    }
    return {(row[1], names.get(row[2], row[2]), row[3]) for row in rows if row}


class Night:
    """One night on a database of its own."""

    def __init__(self, bench: Bench, plan: Plan, incidents: Incidents) -> None:
        self._bench = bench
        self._plan = plan
        self._incidents = incidents
        self.now = START
        self._desk = Desk(bench.pool, options=Options(), clock=lambda: self.now)
        self._lanes = DutyLane(self._desk), SignalLane(self._desk)
        for place in bench.worker._places.values():
            place.up_since = START - timedelta(hours=1)

    async def live(self) -> None:
        """Go through it step by step."""
        await self._work()
        await self._take(self._plan.opening())
        end = START + timedelta(seconds=(self._plan.end_s or 0) - self._plan.start_s)
        while self.now < end:
            # Two minutes at once while everybody walks; towards the end answers follow reports within seconds.
            before, self.now = self.now, self.now + timedelta(seconds=120 if self.now < ENDS else 10)
            await self._take(self._plan.said(before.timestamp(), self.now.timestamp()))
            await self._work()

    async def _work(self) -> None:
        await self._bench.worker.beat()
        await work_off(self._desk, duties=self._lanes[0], signals=self._lanes[1])
        await self._bench.worker.refresh()

    async def _take(self, said: list[Said]) -> None:
        for lane in ("up", "urgent"):
            deliveries = [
                self._bench.delivery(
                    await self._reading(it),
                    device=it.device,
                    topic=f"gengfu/v1/{it.device}/{lane}",
                    received_at=datetime.fromtimestamp(it.send_s, UTC) + timedelta(milliseconds=200),
                )
                for it in said
                if it.lane == lane
            ]
            if deliveries:
                await self._bench.worker.pipelines[lane].process(deliveries)

    async def _reading(self, said: Said) -> dict[str, object]:
        reading = dict(said.reading)
        if said.incident:
            reading["incident"] = await self._incidents.number(*said.incident)
            assert reading["incident"], said
        return reading

    async def alerts(self) -> list[dict[str, object]]:
        """All of them but the town's own fire extinguishers, in the order in which they came."""
        return await self._bench.rows(
            "SELECT rule, subject, class, state, title, reasons, opened_at - '2026-11-20 13:00Z' AS after,"
            " (SELECT array_agg(event || ': ' || note ORDER BY id) FROM alert_history h WHERE h.alert = a.id) AS history,"
            " (SELECT array_agg(DISTINCT replace(event, 'opened', a.class)) FROM alert_history h WHERE h.alert = a.id)"
            " AS events FROM alert a WHERE rule <> 'equipment_expiry' ORDER BY opened_at, rule, subject"
        )


async def lived(url: str, *, seed: int) -> tuple[list[dict[str, object]], Bench]:
    await migrate(url)
    async with await connect(url, name="test") as connection:
        town, _ = read_town(sample_dir())
        await import_town(connection, town, folder=sample_dir())
        await connection.execute(TWO_HOURS.encode())
    plan = Plan(await town_now(url, zone="Asia/Shanghai"), load_scenario("one-night"), seed=seed, start=START)
    async with bench_on(url, retention_days=0) as bench, make_pool(url, name="look", size=1) as pool:
        night = Night(bench, plan, Incidents(pool))
        await night.live()
        return await night.alerts(), bench


@pytest.mark.timeout(300)
async def test_one_night_raises_what_its_table_says(database_url: str) -> None:
    alerts, _ = await lived(database_url, seed=1)
    for a in alerts:
        print(a["rule"], a["subject"], a["class"], a["state"], a["after"], a["history"])
    raise AssertionError
