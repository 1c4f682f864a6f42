"""`gengfu replay` with a broker, the gateway, ingest and a database."""

import asyncio
import csv
import gzip
import json
import stat
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway import register
from gateway.replay import Plan, Replay
from ingest.database import connect
from tests.integration.gateway_place import Place, made_place
from tests.integration.nats_server import NatsServer, eventually, running_nats, secret_of

BEGAN = datetime(2008, 10, 23, 2, 53, 4, tzinfo=UTC)


@pytest.fixture
async def place(tmp_path: Path, database_url: str) -> AsyncIterator[Place]:
    async with made_place(tmp_path, database_url) as made:
        yield made


def tracks(file: Path, *, rows: int, users: int = 2) -> Path:
    lines = ["user,time,lat,lon,alt_ft"]
    for number in range(rows):
        at = BEGAN + timedelta(seconds=number)
        lines.append(f"{number % users:03},{at:%Y-%m-%dT%H:%M:%SZ},{39.98 + number / 1e5:.6f},116.3184,492")
    file.write_bytes(gzip.compress("\n".join(lines).encode()))
    return file


async def stored(place: Place) -> int:
    async with await connect(place.database_url, name="test") as connection:
        row = await (await connection.execute("SELECT count(*)::int AS it FROM position")).fetchone()
        return int(row["it"]) if row else -1


async def test_tracks_are_stored_once_however_often_they_are_played(place: Place) -> None:
    file = tracks(place.folder / "tracks", rows=700)
    async with place.gateway(), place.ingest():
        status, out, err = await place.gengfu("replay", str(file), "--register", "--json")
        assert status == 0, err
        assert "registered or renewed 2 devices: the broker acts on it" in err
        line = json.loads(out)
        assert {key: line[key] for key in ("rows", "sent", "acknowledged", "receipted", "unreadable", "devices")} == {
            "rows": 700, "sent": 700, "acknowledged": 700, "receipted": 700, "unreadable": 0, "devices": 2,
        }  # fmt: skip
        assert await stored(place) == 700
        kept = place.folder / "replay-devices.csv"
        assert stat.S_IMODE(kept.stat().st_mode) == 0o600
        before = kept.read_bytes()
        status, out, err = await place.gengfu("replay", str(file), "--register")
        assert (status, err) == (0, "")
        assert out.startswith("700 of 700 readings of 2 devices sent, 700 acknowledged by the broker, 700 confirmed")
        assert kept.read_bytes() == before
        assert await stored(place) == 700
        async with await connect(place.database_url, name="test") as connection:
            assert {device.kind for device in await register.list_devices(connection)} == {"recorder"}


async def test_a_lost_secret_is_renewed_but_only_of_a_recorder(place: Place) -> None:
    file = tracks(place.folder / "tracks.gz", rows=4)
    async with place.gateway(), place.ingest():
        status, _, err = await place.gengfu("replay", str(file), "--register")
        assert status == 0, err
        (place.folder / "replay-devices.csv").unlink()
        status, _, err = await place.gengfu("replay", str(file), "--register")
        assert status == 0, err
        async with await connect(place.database_url, name="test") as connection:
            issued = await register.add_device(connection, name="H-000", kind="handset")
        status, _, err = await place.gengfu("replay", str(file), "--register", "--as", "H-")
        assert status == 1
        assert "H-000 is registered as a handset and its secret is not known here" in err
        secrets = place.folder / "devices.csv"
        with secrets.open("w", newline="") as text:
            csv.writer(text).writerows([["device", "kind", "secret"], ["H-000", "handset", issued.secret]])
        words = ["replay", str(file), "--register", "--as", "H-", "--device-secrets", str(secrets)]
        status, _out, err = await place.gengfu(*words)
        assert status == 0, err


async def test_rows_that_cannot_be_read_are_named_and_the_rest_is_sent(place: Place) -> None:
    file = place.folder / "tracks.csv"
    file.write_text(
        "user,time,lat,lon\n1,2008-10-23T02:53:04Z,39,116\n1,yesterday,39,116\n1,2008-10-23T02:53:05Z,39,116\n"
    )
    async with place.gateway(), place.ingest():
        status, out, err = await place.gengfu("replay", str(file), "--register")
        assert status == 1
        assert f"{file}:3: time" in err
        assert out.startswith("2 of 2 readings of 1 devices sent")
        assert "1 lines could not be read" in out
        assert await stored(place) == 2


async def test_what_is_missing_is_said(place: Place) -> None:
    file = tracks(place.folder / "tracks.gz", rows=4)
    status, _, err = await place.gengfu("replay", str(file))
    assert status == 1
    assert "track-000, track-001" in err
    assert "--register" in err
    status, _, err = await place.gengfu("replay", str(place.folder / "none.csv"))
    assert status == 1
    assert "none.csv: No such file" in err
    status, _, err = await place.gengfu("replay", str(file), "--register", "--shift-to", "tomorrow")
    assert status == 2
    assert "or say now" in " ".join(err.replace("│", " ").split())
    place.nats.stop()
    status, _, err = await place.gengfu("replay", str(file), "--register", "--broker-url", "http://x")
    assert status == 1
    assert "mqtt://" in err


@pytest.fixture
async def nats(tmp_path: Path) -> AsyncIterator[NatsServer]:
    async with running_nats(tmp_path, ack_wait_s=1) as server:
        await server.let_in("track-000", "track-001", "H-01")
        yield server


class Heard:
    """The readings that arrive on a lane, with the device that the topic names."""

    def __init__(self) -> None:
        self.readings: list[tuple[str, dict[str, Any]]] = []

    def take(self, delivery: Any) -> None:
        content = json.loads(delivery.payload)
        device = delivery.topic.split("/")[2]
        self.readings += [(device, one) for one in (content if isinstance(content, list) else [content])]
        delivery.settle()

    def __len__(self) -> int:
        return len(self.readings)


def plan(nats: NatsServer, file: Path, **options: Any) -> Plan:
    secrets = {name: secret_of(name) for name in nats.accounts}
    return Plan(file=file, url=nats.url, secrets=secrets, receipts=False, **options)


async def test_each_users_order_and_times_are_kept(nats: NatsServer, tmp_path: Path) -> None:
    heard = Heard()
    async with nats.ingest(on_delivery=heard.take) as ingest:
        await ingest.wait_ready(timeout_s=10)
        totals = await Replay(plan(nats, tracks(tmp_path / "t", rows=101), batch=7)).run()
        await eventually(lambda: len(heard) == 101)
    assert (totals.sent, totals.acknowledged, totals.open) == (101, 101, 0)
    of_first = [one["t"] for device, one in heard.readings if device == "track-000"]
    assert of_first == [f"{BEGAN + timedelta(seconds=number):%Y-%m-%dT%H:%M:%SZ}" for number in range(0, 101, 2)]


async def test_times_can_be_shifted_and_urgent_readings_take_their_lane(nats: NatsServer, tmp_path: Path) -> None:
    file = tmp_path / "readings"
    file.write_text(
        '{"device":"H-01","type":"status","t":"2008-10-23T02:53:04Z","battery_pct":50}\n'
        '{"device":"H-01","type":"button","t":1224730385000,"button":"sos","pressed":true}\n'
    )
    up, urgent = Heard(), Heard()
    async with nats.ingest(on_delivery=up.take) as one, nats.ingest("urgent", on_delivery=urgent.take) as other:
        await one.wait_ready(timeout_s=10)
        await other.wait_ready(timeout_s=10)
        await Replay(plan(nats, file, shift=timedelta(days=1))).run()
        await eventually(lambda: len(up) == len(urgent) == 1)
    assert up.readings[0][1]["t"] == "2008-10-24T02:53:04Z"
    assert urgent.readings[0][1]["t"] == "2008-10-24T02:53:05Z"


async def test_speed_paces_by_the_recorded_times(nats: NatsServer, tmp_path: Path) -> None:
    heard = Heard()
    loop = asyncio.get_running_loop()
    async with nats.ingest(on_delivery=heard.take) as ingest:
        await ingest.wait_ready(timeout_s=10)
        began = loop.time()
        await Replay(plan(nats, tracks(tmp_path / "t", rows=101), speed=50)).run()
        assert loop.time() - began >= 1.5  # 100 s of track, fifty times as fast, less a grain of pacing
        await eventually(lambda: len(heard) == 101)


async def test_a_broker_that_is_killed_on_the_way_costs_nothing(nats: NatsServer, tmp_path: Path) -> None:
    heard = Heard()
    async with nats.ingest(on_delivery=heard.take) as ingest:
        await ingest.wait_ready(timeout_s=10)
        replay = Replay(plan(nats, tracks(tmp_path / "t", rows=4000), batch=1))
        async with asyncio.TaskGroup() as tasks:
            playing = tasks.create_task(replay.run())
            await eventually(lambda: replay.totals.acknowledged > 1000, within_s=30)
            nats.stop()
            await nats.start()
        assert playing.result().acknowledged == 4000
        wanted = {f"{BEGAN + timedelta(seconds=number):%Y-%m-%dT%H:%M:%SZ}" for number in range(4000)}
        await eventually(lambda: {one["t"] for _, one in heard.readings} == wanted, within_s=30)
