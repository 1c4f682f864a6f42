"""An ordinary day of the sample town: nothing that lasts is said of anybody; and what the scenarios say of whom."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from devices.plausibility import Flag
from devices.times import parse_time
from gateway.simulation import Plan, Said, Scenario, Town, load_scenario
from ingest.columns import microseconds
from ingest.database import connect
from ingest.match import locate
from ingest.migrate import migrate
from ingest.world import World as IngestWorld
from ingest.world import load_world
from ops.simulation import town_now
from ops.town import read_town
from ops.town.importer import import_town
from ops.town.shipped import sample_dir
from rules.catalog import catalog
from rules.core.fixes import Span
from rules.facts import Sample, SignalReading, TrackCase
from rules.replies import Episode
from rules.store.samples import grid_codes
from rules.store.world import Snapshot, snapshot
from rules.track_rule import TrackRule

START = datetime(2026, 11, 21, 0, 0, tzinfo=UTC)  # 08:00 in Shanghai, when the day shift begins
NIGHT = datetime(2026, 11, 21, 14, 20, tzinfo=UTC)  # 22:20, and whoever rides alone has begun
HOURS = 24
SHOWN = (
    ("left-area", START, {("left_area", "outside")}),
    ("standing-still", START, {("standing_still", "standing")}),
    ("over-speed", START, {("over_speed", "speeding")}),
    ("position-suspect", START, {("position_suspect", it) for it in ("teleport", "mock", "frozen")}),
    ("lone-worker", NIGHT, {("lone_worker", "no_answer")}),
    ("app-asleep", START, {("app_asleep", "asleep")}),
    ("app-asleep", NIGHT, {("app_asleep", "asleep")}),
)


@dataclass(frozen=True)
class Place:
    """The sample town as the rules know it, as ingest knows it, and as it is played."""

    known: Snapshot
    ingest: IngestWorld
    grids: dict[int, str]
    town: Town

    def raised(self, plan: Plan, *, until: datetime, only: str = "") -> list[Episode]:
        """What the rules that follow tracks say of all that is said in a plan, or of one device."""
        said: dict[str, list[Said]] = {}
        for it in plan.opening() + plan.said(plan.start_s, until.timestamp()):
            said.setdefault(it.device, []).append(it)
        rules = [rule for rule in catalog().values() if isinstance(rule, TrackRule)]
        devices = [it for it in self.known.world.devices if it.name == only or not only]
        cases = [self._case(device, said.get(device.name, []), until) for device in devices]
        return [episode for case in cases for rule in rules for episode in rule.episodes(case)]

    def _case(self, device: Any, said: list[Said], until: datetime) -> TrackCase:
        its = [it.reading for it in said if it.reading["type"] == "position"]
        where = np.array([[it["lat"] * 1e7, it["lon"] * 1e7] for it in its], np.int64).reshape(-1, 2)
        times = np.array([microseconds(parse_time(it["t"])) for it in its], np.int64)
        codes = [self.grids.get(grid) for grid in locate(self.ingest, where[:, 0], where[:, 1], times).tolist()]
        samples = [sample(it, grid) for it, grid in zip(its, codes, strict=True)]
        readings = [
            SignalReading(
                device=device,
                time=parse_time(it.reading["t"]),
                digest=1,
                received_at=START,
                flags=0,
                body=it.reading,
                type=it.reading["type"],
            )
            for it in said
            if it.reading["type"] != "position"
        ]
        return TrackCase(
            device=device,
            span=Span(min((it.time for it in samples), default=START), until),
            samples=sorted(samples, key=lambda it: (it.time, it.digest)),
            readings=sorted(readings, key=lambda it: it.time),
            world=self.known.world,
            settings=self.known.settings,
        )


@pytest.fixture
async def place(database_url: str) -> Place:
    await migrate(database_url)
    async with await connect(database_url, name="calm") as connection:
        await import_town(connection, read_town(sample_dir())[0], folder=sample_dir(), at=START - timedelta(days=9))
        return Place(
            await snapshot(connection, zone="Asia/Shanghai"),
            await load_world(connection),
            await grid_codes(connection),
            await town_now(database_url, zone="Asia/Shanghai"),
        )


async def test_a_calm_day_is_calm(place: Place) -> None:
    plan = Plan(place.town, load_scenario("calm"), seed=1, start=START)
    found = place.raised(plan, until=START + timedelta(hours=HOURS, minutes=-1))
    assert found == [], "\n".join(f"{it.raised.title} {it.key} {it.began_at} {it.ended_at}" for it in found)


async def test_who_rides_alone_keeps_moving_however_the_lot_falls(place: Place) -> None:
    alone = replace(place.town, devices=tuple(it for it in place.town.devices if it.name == "RD-06"))
    for day in range(-6, 1):
        start = NIGHT.replace(hour=13, minute=50) + timedelta(days=day)
        plan = Plan(alone, Scenario(), seed=day, start=start)
        found = place.raised(plan, until=start + timedelta(hours=6, minutes=20), only="RD-06")
        assert [it.raised.title for it in found] == [], start


async def test_each_shipped_scenario_shows_its_rule_and_no_other(place: Place) -> None:
    for name, start, wanted in SHOWN:
        plan = Plan(place.town, load_scenario(name), seed=1, start=start)
        found = place.raised(plan, until=start + timedelta(minutes=75))
        assert {(it.raised.rule, it.raised.class_) for it in found} == wanted, name


def sample(reading: Mapping[str, Any], grid: str | None) -> Sample:
    return Sample(
        time=parse_time(reading["t"]),
        digest=0,
        lat=reading["lat"],
        lon=reading["lon"],
        accuracy_m=reading.get("accuracy_m"),
        speed_mps=reading.get("speed_mps"),
        battery_pct=reading.get("battery_pct"),
        flags=int(Flag.MOCK) if reading.get("mock") else 0,
        grid=grid,
    )
