"""A simulated night, from the plan's readings through ingest and rules to alerts, under a clock turned by hand."""

import asyncio
import json
import os
import re
import secrets as chance
import signal
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import pytest

from gateway.replay_devices import read_secrets
from gateway.simulation import Plan, Simulation, load_scenario, scenario_text
from ingest.database import connect, make_pool
from ingest.migrate import migrate
from ops.settings import as_environment
from ops.simulation import Incidents, town_now
from ops.town import read_town
from ops.town.importer import import_town
from ops.town.shipped import sample_dir
from tests.acceptance.running import demo_in
from tests.acceptance.running import eventually as eventually_true
from tests.conftest import Services, processes_of
from tests.integration.bench import bench_on
from tests.integration.gateway_place import Place, made_place
from tests.integration.nats_server import eventually
from tests.integration.simulated import Simulated

START = datetime(2026, 11, 20, 13, 0, tzinfo=UTC)  # 21:00 in Shanghai
ENDS = START + timedelta(hours=2)
ALERTS = """
    SELECT rule, subject, class, state, title, reasons, opened_at,
           (SELECT CASE class WHEN 'late' THEN 'missed' WHEN 'withdrawn' THEN 'unproven' ELSE class END) AS opened_as,
           (SELECT array_agg(event || ': ' || note ORDER BY id) FROM alert_history h WHERE h.alert = a.id) AS history
      FROM alert a WHERE rule <> 'equipment_expiry' ORDER BY opened_at, rule, subject
"""
ROUNDS = """
    SELECT count(DISTINCT round) FILTER (WHERE opens_at = '2026-11-20 13:00Z') AS rounds,
           count(*) FILTER (WHERE verdict = 'met') AS met, count(*) FILTER (WHERE verdict = 'missed') AS missed,
           count(*) FILTER (WHERE verdict NOT IN ('met', 'missed')) AS others
      FROM duty WHERE rule = 'missed_checkpoint' AND opens_at = '2026-11-20 13:00Z'
"""
TAGS = """
    SELECT c.holder AS code, min((r.body->>'pressure_kpa')::float) AS pressure,
           max((r.body->>'tilt_deg')::float) AS tilt, bool_or((r.body->>'tamper')::bool) AS tamper
      FROM reading r JOIN custody c ON c.device = r.device
     WHERE r.type = 'equipment' AND c.holder IN ('HY-004', 'HY-010') GROUP BY 1 ORDER BY 1
"""
UNSEEN = """
    SELECT count(*) FROM round r WHERE r.starts_at < now() - interval '1 minute' AND now() < r.ends_at
       AND NOT EXISTS (SELECT FROM custody c JOIN position f ON f.device = c.device AND f.time <= r.starts_at
                         LEFT JOIN post p ON c.holder = p.code WHERE r.unit IN (c.holder, p.unit))
"""
LONGEST_HOLE_S = """
    SELECT max(gap) FROM (SELECT extract(epoch FROM time - lag(time) OVER (PARTITION BY device ORDER BY time)) AS gap
                            FROM position JOIN device ON number = device WHERE kind = 'handset') AS it
"""
TWO_HOURS = """
    DELETE FROM shift WHERE code <> 'night';
    UPDATE shift SET starts = '21:00', ends = '23:00', rounds = 1;
    UPDATE grade_policy SET rounds = 1
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


@dataclass
class Lived:
    """What a night has left: rows as dictionaries."""

    alerts: list[dict[str, Any]]
    rounds: list[dict[str, Any]]
    incidents: list[dict[str, Any]]
    tags: list[dict[str, Any]]
    counters: dict[tuple[str, str], int]


@pytest.fixture
def other_database_url(services: Services) -> Iterator[str]:
    """A second fresh database."""
    name = f"test_{chance.token_hex(6)}"
    with psycopg.connect(services.database_url, autocommit=True) as connection:
        connection.execute(f'create database "{name}"'.encode())
        yield services.database_url.rpartition("/")[0] + "/" + name
        connection.execute(f'drop database "{name}" with (force)'.encode())


async def lived(url: str, *, seed: int = 1, stride_s: float = 120) -> Lived:
    await migrate(url)
    async with await connect(url, name="test") as connection:
        town, _ = read_town(sample_dir())
        await import_town(connection, town, folder=sample_dir())
        await connection.execute(TWO_HOURS.encode())
    plan = Plan(await town_now(url, zone="Asia/Shanghai"), load_scenario("one-night"), seed=seed, start=START)
    async with (
        bench_on(url, retention_days=0, secret=f"of seed {seed}") as bench,
        make_pool(url, name="look", size=1) as pool,
    ):
        # In strides while everybody walks; towards the end answers follow reports within seconds.
        await Simulated(bench, plan, Incidents(pool)).live(stride_s, slow_from=ENDS)
        return Lived(
            await bench.rows(ALERTS),
            await bench.rows(ROUNDS),
            await bench.rows("SELECT number, accepted_at, arrived_at, occurred_at FROM incident ORDER BY number"),
            await bench.rows(TAGS),
            await bench.counters(),
        )


@pytest.mark.timeout(300)
async def test_one_night_raises_what_its_table_says(database_url: str) -> None:
    night = await lived(database_url)
    assert {(it["rule"], it["subject"], it["opened_as"]) for it in night.alerts} == stated_table()
    assert len(night.alerts) == len(stated_table())
    now = {it["subject"]: (it["class"], it["state"]) for it in night.alerts}
    assert now["night/F-09/R-16/2026-11-20/1"] == ("withdrawn", "resolved")
    assert now["I-20261120-0002"] == ("late", "resolved")
    assert now["HS-17"] == ("silent", "resolved")
    assert {now[it] for it in ("K-003", "K-024")} == {("missed", "open")}
    assert now["HS-19"] == ("sos", "open")

    (round_points,) = night.rounds
    assert round_points == {"rounds": 18, "met": 118, "missed": 2, "others": 0}
    first, second = night.incidents
    for incident, after_s in ((first, 40), (second, 420)):
        assert incident["accepted_at"] is not None
        assert abs((incident["arrived_at"] - incident["occurred_at"]).total_seconds() - after_s) < 20
    lowest, tilted = night.tags
    assert lowest["code"] == "HY-004"
    assert lowest["pressure"] < 45
    assert tilted["code"] == "HY-010"
    assert tilted["tilt"] > 30
    assert tilted["tamper"]
    assert not [name for name, _ in night.counters if name == "quarantined" and night.counters[name, _]]


@pytest.mark.timeout(300)
async def test_the_same_seed_gives_the_same_alerts(database_url: str, other_database_url: str) -> None:
    one, two = [await lived(url, seed=7, stride_s=600) for url in (database_url, other_database_url)]
    assert one.alerts == two.alerts
    assert one.rounds == two.rounds
    assert one.incidents == two.incidents


# -- over a broker ------------------------------------------------------------------------------------------------


@pytest.fixture
async def place(tmp_path: Path, database_url: str) -> AsyncIterator[Place]:
    """A broker and the sample town, in which the night shift runs all day."""
    async with made_place(tmp_path, database_url) as made:
        async with await connect(database_url, name="test") as connection:
            town, _ = read_town(sample_dir())
            await import_town(connection, town, folder=sample_dir(), secrets=tmp_path / "devices.csv")
            await connection.execute(b"UPDATE shift SET starts = '00:00', ends = '23:59' WHERE code = 'night'")
        yield made


async def stored(place: Place) -> int:
    async with await connect(place.database_url, name="test") as connection:
        row = await (
            await connection.execute("SELECT (SELECT count(*) FROM position) + (SELECT count(*) FROM reading) AS it")
        ).fetchone()
        return int(row["it"]) if row else -1


FEW = """
title = "Few"
back_fill = "5m"
[shifts]
only = ["night"]
[[sos]]
at = "1m"
[[incidents]]
at = "2m"
after = "40s"
"""


async def test_a_quarter_of_an_hour_at_a_hundred_times_is_stored_whole(place: Place) -> None:
    file = place.folder / "few.toml"
    file.write_text(FEW)
    words = ["simulate", str(file), "--devices", str(place.folder / "devices.csv"), "--json"]
    async with place.gateway(), place.ingest():
        status, out, err = await place.gengfu(*words, "--hours", "0.25", "--speed", "100")
        assert status == 0, err
        line = json.loads(out)
        assert line["readings"] == line["acknowledged"] == line["receipted"] > 1000
        assert line["devices"] > 20
        assert line["parked"] == 0
        assert line["unanswered"] == 3  # no rules run here, so the report has become no incident
        assert await stored(place) == line["readings"]
        async with await connect(place.database_url, name="test") as connection:
            ahead = await connection.execute("SELECT max(time) - now() AS it FROM position")
            assert (await ahead.fetchone() or {})["it"] < timedelta(0)
            quarantined = await connection.execute("SELECT count(*) AS it FROM quarantine")
            assert (await quarantined.fetchone() or {})["it"] == 0


async def test_a_broker_that_dies_on_the_way_costs_nothing(place: Place) -> None:
    file = place.folder / "few.toml"
    file.write_text(FEW)
    scenario = load_scenario(str(file)).model_copy(update={"length": 600.0})
    secrets = read_secrets(place.folder / "devices.csv")
    town = await town_now(place.database_url, zone="Asia/Shanghai")
    plan = Plan(town, scenario, seed=3, start=datetime.now(UTC) - timedelta(minutes=10))
    simulation = Simulation(plan, url=place.nats.url, secrets=secrets, speed=60)
    async with place.gateway(), place.ingest(), asyncio.TaskGroup() as tasks:
        playing = tasks.create_task(simulation.run())
        await eventually(lambda: simulation.counts.receipted > 300, within_s=40)
        place.nats.stop()
        await place.nats.start()
        counts = await asyncio.wait_for(playing, 90)
        assert counts.readings == counts.receipted > 800
        assert await stored(place) == counts.readings


async def test_it_ends_quickly_when_told_to(place: Place) -> None:
    words = ["simulate", "--devices", str(place.folder / "devices.csv"), "--json"]
    async with place.gateway(), place.ingest():
        environment = os.environ | as_environment(place.settings)
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "ops.cli", *words, env=environment, stdout=PIPE, stderr=PIPE
        )
        await eventually(partial(has_stored, place, 500), within_s=60)
        process.send_signal(signal.SIGINT)
        async with asyncio.timeout(8):
            out, err = await process.communicate()
        assert process.returncode == 0, err
        assert json.loads(out)["connected"] >= 0


async def has_stored(place: Place, enough: int) -> bool:
    return await stored(place) >= enough


async def test_what_is_missing_is_said(place: Place) -> None:
    secrets = str(place.folder / "devices.csv")
    for words, said, wanted in (
        (["--devices", secrets, "--from", "2099-01-01T00:00:00Z"], "lies in the future", 2),
        (["--devices", secrets, "--speed", "10"], "say since when with --from or --hours", 2),
        (["wild", "--devices", secrets], "there is no scenario 'wild'; there are app-asleep, both-away", 1),
        ([], "give their CSV with --devices", 1),
        (["--devices", "none.csv"], "none.csv: No such file", 1),
    ):
        status, _, err = await place.gengfu("simulate", *words)
        assert status == wanted
        assert said in " ".join(err.replace("│", " ").split())
    status, out, _ = await place.gengfu("simulate", "one-night", "--show")
    assert (status, out) == (0, scenario_text("one-night"))


def test_a_demo_lives_from_the_beginning(tmp_path: Path) -> None:
    with demo_in(tmp_path / "data", "--simulation") as demo:
        # Those on duty: twelve handsets, five vehicles and their radios; leaders and tags come besides.
        fresh = "SELECT (count(*) >= 19)::int FROM last_known WHERE time > now() - interval '2 minutes'"
        eventually_true(lambda: demo.count(fresh), within_s=60)
        assert demo.count(UNSEEN) == 0
        assert demo.count(LONGEST_HOLE_S) <= 60
        assert demo.count("SELECT count(*) FROM quarantine") == 0
        assert not demo.call("GET", "/api/alerts?rule=missed_checkpoint")["items"]
        where = next(it["position"] for it in demo.call("GET", "/api/units")["items"] if it["code"] == "CAR-2")
        body = {"kind": "smoke", "unit": "CAR-2", "lat": where["lat"] + 0.001, "lon": where["lon"], "text": ""}
        number = demo.call("POST", "/api/incidents", body)["id"]
        eventually_true(lambda: demo.call("GET", f"/api/incidents/{number}")["accepted_at"], within_s=40)
        (pid,) = demo.pids_of("--devices", str(demo.folder / "devices.csv"))
        os.kill(pid, signal.SIGKILL)
        since = demo.count("SELECT count(*) FROM position")
        eventually_true(lambda: demo.count("SELECT count(*) FROM position") > since, within_s=60)
        assert demo.stop() < 10
    assert processes_of(tmp_path / "data") == []
