"""The gateway role and the device commands, with a real database, on each broker."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from psycopg.types.json import Jsonb

from gateway import register
from gateway.errors import BrokerRefused
from ingest.database import Connection, connect
from tests.integration.gateway_place import Place, made_place
from tests.integration.nats_server import eventually, in_vain


@pytest.fixture(params=["nats", "mosquitto"])
async def place(tmp_path: Path, database_url: str, request: pytest.FixtureRequest) -> AsyncIterator[Place]:
    async with made_place(tmp_path, database_url, kind=request.param) as made:
        yield made


async def test_a_device_added_is_let_in_at_once_and_a_revoked_one_is_out(place: Place) -> None:
    async with place.gateway():
        status, out, err = await place.gengfu("device", "add", "H-01", "--kind", "handset", "--label", "大门", "--json")
        assert (status, err) == (0, "")
        added = json.loads(out)
        assert added["in_force"] is True
        assert added["publish"][:2] == ["gengfu/v1/H-01/up", "gengfu/v1/H-01/urgent"]
        async with place.session(added) as device:
            await device.wait_up(timeout_s=20)
            status, out, _ = await place.gengfu("device", "rotate", "H-01", "--json")
            rotated = json.loads(out)
            await eventually(lambda: not device.connected)
            with pytest.raises(BrokerRefused):
                await in_vain(device, BrokerRefused)
        async with place.session(rotated) as device:
            await device.wait_up(timeout_s=20)
            status, out, _ = await place.gengfu("device", "revoke", "H-01", "--yes")
            assert (status, out) == (0, "H-01 is revoked: the broker acts on it\n")
            await eventually(lambda: not device.connected)
            with pytest.raises(BrokerRefused):
                await in_vain(device, BrokerRefused)
        status, out, _ = await place.gengfu("device", "list", "--json")
        assert json.loads(out) == []
        status, out, _ = await place.gengfu("device", "list", "--all")
        assert "revoked" in out


async def test_without_a_gateway_it_is_said(place: Place) -> None:
    status, out, _ = await place.gengfu("device", "add", "H-01", "--kind", "handset")
    assert status == 0
    assert "learns of it when `gengfu run gateway` runs" in out.splitlines()[0]
    assert "mosquitto_pub -h 127.0.0.1" in out
    async with place.gateway(), await connect(place.database_url, name="test") as connection:
        await eventually(lambda: _applied(connection), within_s=20)


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["add", "a/b", "--kind", "handset"], 1, "cannot be a device name"),
        (["add", "gengfu-x", "--kind", "handset"], 1, "begins with 'gengfu-'"),
        (["add", "H-01", "--kind", "drone"], 1, "handset, radio, vehicle, tag, recorder"),
        (["add", "H-01"], 2, "--kind"),
        (["revoke", "H-77", "--yes"], 1, "there is no device 'H-77'"),
        (["revoke", "H-77"], 2, "say --yes"),
        (["rotate", "H-77"], 1, "gengfu device list"),
        (["list", "--dir", "nowhere"], 1, "nowhere/demo.json"),
    ],
)
async def test_a_wrong_command_says_what_to_do(place: Place, words: list[str], status: int, said: str) -> None:
    got, _, err = await place.gengfu("device", *words)
    assert got == status
    assert said in " ".join(err.replace("│", " ").split())


async def test_messages_of_the_outbox_reach_the_device_once(place: Place) -> None:
    async with await connect(place.database_url, name="test") as connection:
        issued = await register.add_device(connection, name="H-01", kind="handset")
        await _put(connection, "first", "H-01", {"type": "notice", "text": "收队"})
        await _put(connection, "wrong", "no/such", {"type": "notice"})
        device = {"device": "H-01", "secret": issued.secret, "subscribe": ["gengfu/v1/H-01/down"]}
        async with place.session(device) as session, place.gateway():
            await session.wait_ready(timeout_s=20)
            await _put(connection, "second", "H-01", {"type": "notice", "text": "2"})
            await connection.execute("NOTIFY gengfu_outbox")
            async with asyncio.timeout(20):
                got = []
                async for delivery in session:
                    delivery.settle()
                    got.append(json.loads(delivery.payload)["text"])
                    if got[-1] == "2":
                        break
                await eventually(lambda: _open_rows(connection, 1), within_s=20)
        assert got in (["收队", "2"], ["2"])  # the first may have gone before the device had ever subscribed
        (wrong,) = await _open(connection)
        assert wrong["key"] == "wrong"
        assert "cannot be a device name" in wrong["last_error"]


async def test_notices_go_after_dispatches_and_not_at_all_when_they_have_run_out(place: Place) -> None:
    soon, past = (datetime.now(UTC) + timedelta(hours=hours) for hours in (1, -1))
    async with await connect(place.database_url, name="test") as connection:
        issued = await register.add_device(connection, name="H-01", kind="handset")
        device = {"device": "H-01", "secret": issued.secret, "subscribe": ["gengfu/v1/H-01/down"]}
        async with place.session(device) as session:
            async with place.gateway():
                await session.wait_ready(timeout_s=20)
            for key, channel, ends in (("old", "notice", past), ("news", "notice", soon), ("order", "down", None)):
                payload = {"type": channel, "text": key} | ({"expires_at": ends.isoformat()} if ends else {})
                await _put(connection, key, "H-01", payload, channel=channel)
            async with place.gateway(), asyncio.timeout(20):
                got: list[str] = []
                async for delivery in session:
                    delivery.settle()
                    got.append(json.loads(delivery.payload)["text"])
                    if len(got) == 2:
                        break
                await eventually(lambda: _open_rows(connection, 1), within_s=20)
        assert got == ["order", "news"]
        (never,) = await _open(connection)
        assert never == {"key": "old", "last_error": "it was not sent in time"}


async def test_an_outage_of_the_broker_only_delays(place: Place) -> None:
    async with place.gateway(), await connect(place.database_url, name="test") as connection:
        place.broker.stop()
        issued = await register.add_device(connection, name="H-01", kind="handset")
        await _put(connection, "late", "H-01", {"type": "notice", "text": "late"})
        await connection.execute("NOTIFY gengfu_outbox")
        await place.broker.start()
        device = {"device": "H-01", "secret": issued.secret, "subscribe": ["gengfu/v1/H-01/down"]}
        async with place.session(device) as session:
            await session.wait_up(timeout_s=20)
        await eventually(lambda: _open_rows(connection, 0), within_s=30)


async def _applied(connection: Connection) -> bool:
    now = await register.revision(connection)
    return now.applied >= now.revision


async def _open_rows(connection: Connection, number: int) -> bool:
    return len(await _open(connection)) == number


async def _put(
    connection: Connection, key: str, target: str, payload: dict[str, Any], *, channel: str = "down"
) -> None:
    await connection.execute(
        "INSERT INTO outbox (channel, key, target, payload) VALUES (%s, %s, %s, %s)",
        [channel, key, target, Jsonb(payload)],
    )


async def _open(connection: Connection) -> list[dict[str, Any]]:
    found = await connection.execute("SELECT key, last_error FROM outbox WHERE sent_at IS NULL")
    return await found.fetchall()
