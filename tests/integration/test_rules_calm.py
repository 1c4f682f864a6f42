"""An ordinary day of the sample town: nobody does anything wrong, and nothing that lasts is said of anybody."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from devices.times import parse_time
from gateway.simulation import Plan, Said, load_scenario
from ingest.columns import microseconds
from ingest.database import connect
from ingest.match import locate
from ingest.migrate import migrate
from ingest.world import load_world
from ops.simulation import town_now
from ops.town import read_town
from ops.town.importer import import_town
from ops.town.shipped import sample_dir
from rules.catalog import catalog
from rules.core.fixes import Span
from rules.facts import Sample, SignalReading, TrackCase
from rules.store.samples import grid_codes
from rules.store.world import snapshot
from rules.track_rule import TrackRule

START = datetime(2026, 11, 21, 0, 0, tzinfo=UTC)  # 08:00 in Shanghai, when the day shift begins
HOURS = 12


async def test_a_calm_day_is_calm(database_url: str) -> None:
    await migrate(database_url)
    async with await connect(database_url, name="calm") as connection:
        await import_town(connection, read_town(sample_dir())[0], folder=sample_dir(), at=START - timedelta(days=9))
        known = await snapshot(connection, zone="Asia/Shanghai")
        ingest = await load_world(connection)
        grids = await grid_codes(connection)
    plan = Plan(await town_now(database_url, zone="Asia/Shanghai"), load_scenario("calm"), seed=1, start=START)
    said: dict[str, list[Said]] = {}
    for it in plan.opening() + plan.said(START.timestamp(), START.timestamp() + HOURS * 3600):
        said.setdefault(it.device, []).append(it)
    rules = [rule for rule in catalog().values() if isinstance(rule, TrackRule)]
    until = START + timedelta(hours=HOURS, minutes=-1)
    found = []
    for device in known.world.devices:
        its = [it.reading for it in said.get(device.name, ()) if it.reading["type"] == "position"]
        where = np.array([[it["lat"] * 1e7, it["lon"] * 1e7] for it in its], np.int64).reshape(-1, 2)
        times = np.array([microseconds(parse_time(it["t"])) for it in its], np.int64)
        codes = [grids.get(grid) for grid in locate(ingest, where[:, 0], where[:, 1], times).tolist()]
        case = TrackCase(
            device=device,
            span=Span(START - timedelta(hours=1), until),
            samples=sorted(
                (sample(it, grid) for it, grid in zip(its, codes, strict=True)), key=lambda it: (it.time, it.digest)
            ),
            readings=sorted(
                (
                    SignalReading(
                        device=device,
                        time=parse_time(it.reading["t"]),
                        digest=1,
                        received_at=START,
                        flags=0,
                        body=it.reading,
                        type=it.reading["type"],
                    )
                    for it in said.get(device.name, ())
                    if it.reading["type"] != "position"
                ),
                key=lambda it: it.time,
            ),
            world=known.world,
            settings=known.settings,
        )
        for rule in rules:
            found += [(it.raised.title, it.key, it.began_at, it.ended_at) for it in rule.episodes(case)]
    assert sum(len(it) for it in said.values()) > 10_000
    assert found == [], "\n".join(map(str, found))


def sample(reading: Mapping[str, Any], grid: str | None) -> Sample:
    return Sample(
        time=parse_time(reading["t"]),
        digest=0,
        lat=reading["lat"],
        lon=reading["lon"],
        accuracy_m=reading.get("accuracy_m"),
        speed_mps=reading.get("speed_mps"),
        battery_pct=reading.get("battery_pct"),
        grid=grid,
    )
