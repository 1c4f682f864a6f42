"""Outboxes on disk with a broker, ingest and a database: processes and brokers that are killed, live before history."""

import asyncio
import json
import os
import stat
import sys
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from gateway import Credentials, Session
from gateway.client import DeviceClient
from gateway.device_outbox import DeviceOutbox, Limits, OutboxFile, Waits, outboxes_in
from gateway.errors import OutboxInUse
from ingest.database import connect
from ops.settings import as_environment
from tests.integration.gateway_place import Place, made_place
from tests.integration.nats_server import NatsServer, eventually, running_nats, secret_of
from tests.integration.test_gateway_client import FIX, Sink
from tests.integration.test_replay import stored, tracks


@pytest.fixture
async def place(tmp_path: Path, database_url: str) -> AsyncIterator[Place]:
    async with made_place(tmp_path, database_url) as made:
        yield made


@pytest.fixture
async def nats(tmp_path: Path) -> AsyncIterator[NatsServer]:
    async with running_nats(tmp_path, ack_wait_s=1) as server:
        await server.let_in("H-01")
        yield server


def waiting_in(folder: Path) -> int:
    return sum(store.entries for _, store in outboxes_in(folder)) if list(folder.glob("*.outbox")) else 0


async def ledger(place: Place) -> dict[str, int]:
    async with await connect(place.database_url, name="test") as connection:
        rows = await connection.execute(
            "SELECT name, sum(value)::int AS n FROM ingest_counter WHERE worker = '1' GROUP BY name"
            " HAVING sum(value) <> 0"
        )
        return {row["name"]: row["n"] for row in await rows.fetchall()}


async def has_stored(place: Place, number: int) -> bool:
    return await stored(place) >= number


@pytest.mark.parametrize("victim", ["the device", "the device and the broker"])
async def test_what_a_killed_process_had_said_is_stored_once(place: Place, victim: str) -> None:
    """A replay is killed on the way; the next one, with another file, first sees to what the first had said."""
    rows, state = 20_000, place.folder / "state"
    file, other = tracks(place.folder / "tracks", rows=rows, users=1), place.folder / "other.csv"
    other.write_text("user,time,lat,lon\n000,2009-01-01T00:00:00Z,39.98,116.3184\n")
    words = ["replay", "--register", "--state", str(state), "--json"]
    async with place.gateway(), place.ingest():
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "ops.cli", *words, str(file),
            env=os.environ | as_environment(place.settings), cwd=place.folder, stdin=DEVNULL, stdout=PIPE, stderr=PIPE,
        )  # fmt: skip
        try:
            await eventually(partial(has_stored, place, 500), within_s=60)
        finally:
            process.kill()
            await process.communicate()
        left = waiting_in(state)
        assert left
        if victim != "the device":
            place.nats.stop()
            await place.nats.start()
        status, out, err = await place.gengfu(*words, str(other))
        assert status == 0, err
        line = json.loads(out)
        assert line["carried"] == line["carried_receipted"] == left
        assert (line["sent"], line["receipted"], line["parked"]) == (1, 1, 0)
        assert waiting_in(state) == 0
        said = await stored(place) - 1
        async with await connect(place.database_url, name="test") as connection:
            # Every reading that the first had numbered is there: its seqs have no hole.
            row = await (
                await connection.execute(
                    "SELECT count(*)::int AS n, count(DISTINCT seq)::int AS seqs, max(seq) AS last"
                    " FROM position WHERE time < '2009-01-01'"
                )
            ).fetchone()
        assert row == {"n": said, "seqs": said, "last": said}
        counted = await ledger(place)
        assert counted["received"] == counted["stored"] + counted.get("repeated", 0)
        assert counted["stored"] == said + 1
        status, _, err = await place.gengfu(*words, str(file))
        assert status == 0, err
        assert await stored(place) == rows + 1


async def test_lost_receipts_cost_a_repetition_and_nothing_else(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    async with place.gateway(), place.ingest():
        status, out, err = await place.gengfu("device", "add", "H-01", "--kind", "handset", "--json")
        assert status == 0, err
        options: dict[str, Any] = {"secret": json.loads(out)["secret"], "waits": Waits(receipt_s=3)}
        async with DeviceClient(place.nats.url, device="H-01", **options) as device:
            await device.wait_ready(timeout_s=10)
            outbox = device._running()
            heard, deaf = outbox.receipted, iter([True])

            def receipted(boot: int, ranges: Sequence[Sequence[int]]) -> int:
                return 0 if next(deaf, False) else heard(boot, ranges)

            monkeypatch.setattr(outbox, "receipted", receipted)  # the first one is lost
            await device.send([FIX] * 5)
            assert await device.drain(stall_s=30)
            assert device.counts.receipted == 5
            assert device.counts.resent == 5
        await eventually(partial(has_counted, place, {"received": 10, "stored": 1, "repeated": 9}))


async def test_a_phone_with_owntracks_reports_with_the_settings_that_were_written_for_it(place: Place) -> None:
    file = place.folder / "H-01.otrc"
    async with place.gateway(), place.ingest():
        status, _, err = await place.gengfu("device", "add", "H-01", "--kind", "handset", "--owntracks", str(file))
        assert status == 0, err
        assert f"settings for OwnTracks, with the secret in them: {file}" in err
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        given = json.loads(file.read_text())
        assert (given["_type"], given["host"], given["port"], given["tls"]) == (
            "configuration", "127.0.0.1", place.nats.port, False,
        )  # fmt: skip
        phone = Session(
            place.nats.url,
            credentials=Credentials(given["username"], given["password"], given["clientId"]),
            name="phone",
        )
        moment = int(datetime.now(UTC).timestamp())
        location = {"_type": "location", "lat": 30.69, "lon": 111.28, "tst": moment, "acc": 8, "vel": 18, "bs": 2}
        async with phone:
            await phone.wait_ready(timeout_s=10)
            await phone.publish(given["pubTopicBase"], json.dumps(location).encode())
            await phone.publish(given["pubTopicBase"], json.dumps(location | {"t": "p", "tst": moment + 1}).encode())
            await phone.publish("owntracks/H-02/phone", json.dumps(location).encode())  # somebody else's
            transition = {"_type": "transition", "lat": 30.69, "lon": 111.28, "tst": moment - 9, "acc": 8}
            await phone.publish(given["pubTopicBase"] + "/event", json.dumps(transition).encode())
            await eventually(partial(has_stored, place, 2))
            async with await connect(place.database_url, name="test") as connection:
                rows = await (await connection.execute("SELECT speed FROM position ORDER BY time")).fetchall()
                assert [row["speed"] for row in rows] == [None, 500]  # centimetres per second
                await eventually(partial(has_counted, place, {"received": 4, "stored": 4}))
        status, _, err = await place.gengfu("device", "rotate", "H-01", "--owntracks", str(file / "no"))
        assert status == 1
        assert "say `gengfu device rotate H-01 --owntracks` with another file" in err


async def has_counted(place: Place, wanted: dict[str, int]) -> bool:
    return await ledger(place) == wanted


async def test_what_is_said_now_does_not_wait_behind_a_backlog(nats: NatsServer, tmp_path: Path) -> None:
    state, backlog = tmp_path / "state", 20_000
    with OutboxFile(state, device="H-01", fsync=False) as store:
        earlier = DeviceOutbox(store, device="H-01", boot=1)
        for _ in range(backlog // 1000):
            earlier.put([FIX] * 1000, lane="up", live=False)
    sink = Sink()
    options = {"state": state, "fsync": False, "limits": Limits(ahead=2000)}
    device = DeviceClient(nats.url, device="H-01", secret=secret_of("H-01"), **options)  # type: ignore[arg-type]
    async with nats.ingest(on_delivery=sink.take) as sink.session:
        await sink.session.wait_ready(timeout_s=10)
        async with device:
            await device.wait_ready(timeout_s=10)
            for _ in range(10):
                before = len(sink.readings)
                await device.send([FIX])
                said = (device.boot, device.counts.sent)
                await eventually(partial(has_heard, sink, said, since=before), within_s=10)
            assert device.counts.carried == backlog
            assert await device.drain(stall_s=20)
    boots = [reading["boot"] for reading in sink.readings]
    live = [place for place, boot in enumerate(boots) if boot != 1]
    assert live[0] < backlog / 2
    assert live == sorted(live)
    seqs = [reading["seq"] for reading in sink.readings if reading["boot"] == 1]
    assert set(seqs) == set(range(1, backlog + 1))
    assert seqs[0] > backlog - 1000
    assert sum(seqs[: backlog // 10]) > 9 * sum(seqs[-backlog // 10 :])


def has_heard(sink: Sink, key: tuple[int, int], *, since: int) -> bool:
    return any((one["boot"], one["seq"]) == key for one in sink.readings[since:])


async def test_two_processes_do_not_play_one_device(nats: NatsServer, tmp_path: Path) -> None:
    options: dict[str, Any] = {"device": "H-01", "secret": secret_of("H-01"), "state": tmp_path / "state"}
    async with DeviceClient(nats.url, **options):
        with pytest.raises(OutboxInUse, match="end it, or use another folder"):
            async with DeviceClient(nats.url, **options):
                pass
