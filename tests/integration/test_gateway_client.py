"""The device client against a real nats-server; a session of ingest's account stands at the other end."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from gateway.client import DeviceClient
from gateway.device_outbox import Limits, Waits, outboxes_in
from gateway.errors import BrokerRefused
from ingest.receipts import ranges_of
from tests.integration.nats_server import NatsServer, eventually, in_vain, running_nats, secret_of

if TYPE_CHECKING:
    from gateway.session import Session
    from ingest.delivery import Delivery

FIX = {"type": "position", "t": "2026-11-21T08:00:00Z", "lat": 30.69, "lon": 111.28}
DOWN = "gengfu/v1/H-01/down"


class Sink:
    """Takes what devices say, settles it and gives receipts."""

    def __init__(self, *, silent: int = 0, deaf_to: int | None = None) -> None:
        self.readings: list[dict[str, Any]] = []
        self.session: Session | None = None
        self.silent = silent  # so many messages get no receipt
        self.deaf_to = deaf_to  # nor does this seq

    def take(self, delivery: "Delivery") -> None:
        content = json.loads(delivery.payload)
        readings = content if isinstance(content, list) else [content]
        self.readings += readings
        delivery.settle()
        if self.silent:
            self.silent -= 1
            return
        if self.session is not None and "seq" in readings[0]:
            ranges = ranges_of(one["seq"] for one in readings if one["seq"] != self.deaf_to)
            receipt = {"type": "receipt", "boot": readings[0]["boot"], "seq": ranges}
            self.session.send(DOWN, json.dumps(receipt).encode())


@pytest.fixture
async def nats(tmp_path: Path) -> AsyncIterator[NatsServer]:
    async with running_nats(tmp_path, ack_wait_s=1) as server:
        await server.let_in("H-01")
        yield server


def client(nats: NatsServer, **options: Any) -> DeviceClient:
    return DeviceClient(nats.url, device="H-01", secret=secret_of("H-01"), **options)


async def test_readings_are_numbered_confirmed_and_receipted(nats: NatsServer) -> None:
    sink = Sink()
    async with nats.ingest(on_delivery=sink.take) as sink.session, client(nats) as device:
        await sink.session.wait_ready(timeout_s=10)
        await device.wait_ready(timeout_s=10)
        for _ in range(20):
            await device.send([FIX] * 10)
        await device.send([FIX])
        assert await device.drain(stall_s=10)
    assert (device.counts.sent, device.counts.acknowledged, device.counts.receipted) == (201, 201, 201)
    assert [reading["seq"] for reading in sink.readings] == list(range(1, 202))
    assert {reading["boot"] for reading in sink.readings} == {device.boot}


async def test_a_large_array_is_split(nats: NatsServer) -> None:
    sink = Sink()
    async with nats.ingest(on_delivery=sink.take) as sink.session, client(nats) as device:
        await sink.session.wait_ready(timeout_s=10)
        await device.wait_ready(timeout_s=10)
        await device.send([FIX | {"note": "x" * 1000}] * 1000)
        assert await device.drain(stall_s=10)
    assert [reading["seq"] for reading in sink.readings] == list(range(1, 1001))


async def test_an_urgent_reading_goes_by_its_own_session(nats: NatsServer) -> None:
    sink = Sink()
    async with nats.ingest("urgent", on_delivery=sink.take) as sink.session, client(nats) as device:
        await sink.session.wait_ready(timeout_s=10)
        await device.send([{"type": "button", "button": "sos", "pressed": True, "t": FIX["t"]}], lane="urgent")
        assert await device.drain(stall_s=10)
    assert [reading["button"] for reading in sink.readings] == ["sos"]


async def test_nothing_is_lost_when_the_broker_is_killed(nats: NatsServer) -> None:
    sink = Sink()
    options = {"limits": Limits(window=8), "patient": True, "waits": Waits(reconnect_s=0.5)}
    async with nats.ingest(on_delivery=sink.take) as sink.session, client(nats, **options) as device:
        await sink.session.wait_ready(timeout_s=10)
        await device.wait_ready(timeout_s=10)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(_send_many(device, 3000))
            for at in (500, 1500):
                await eventually(lambda at=at: device.counts.acknowledged >= at, within_s=30)  # type: ignore[misc]
                nats.stop()
                await nats.start()
        assert await device.drain(stall_s=30)
        await eventually(lambda: {reading["seq"] for reading in sink.readings} == set(range(1, 3001)), within_s=30)
    assert device.counts.acknowledged == device.counts.sent == 3000
    assert device.counts.resent > 0


async def test_what_lacks_a_receipt_is_sent_again(nats: NatsServer) -> None:
    sink = Sink(silent=1)
    async with nats.ingest(on_delivery=sink.take) as sink.session, client(nats, waits=Waits(receipt_s=0.2)) as device:
        await sink.session.wait_ready(timeout_s=10)
        await device.wait_ready(timeout_s=10)
        await device.send([FIX] * 3)
        assert await device.drain(stall_s=20)
    assert [reading["seq"] for reading in sink.readings] == [1, 2, 3, 1, 2, 3]
    assert device.counts.receipted == 3


async def test_what_never_gets_a_receipt_though_others_do_is_parked_and_kept(nats: NatsServer, tmp_path: Path) -> None:
    sink = Sink(deaf_to=2)
    options = {"state": tmp_path / "state", "waits": Waits(receipt_s=0.1, tries=2)}
    async with nats.ingest(on_delivery=sink.take) as sink.session, client(nats, **options) as device:
        await sink.session.wait_ready(timeout_s=10)
        await device.wait_ready(timeout_s=10)
        for _ in range(3):
            await device.send([FIX])
        async with asyncio.timeout(20):
            while not device.counts.parked:
                await device.send([FIX])  # receipts for what is said later are what makes its own one missing
                await asyncio.sleep(0.1)
        assert not await device.drain(stall_s=20)
    assert device.counts.parked == 1
    assert [reading["seq"] for reading in sink.readings].count(2) == 2
    for name, store in outboxes_in(tmp_path / "state"):
        assert (name, [json.loads(one.reading)["seq"] for one in store.put_aside()]) == ("H-01", [2])
        assert store.entries == 1


async def test_without_receipts_the_brokers_word_is_enough(nats: NatsServer) -> None:
    async with client(nats, receipts=False) as device:
        await device.send([FIX])
        assert await device.drain(stall_s=10)
    assert device.counts.receipted == 0


async def test_a_kept_state_gets_what_was_said_while_it_was_away(nats: NatsServer, tmp_path: Path) -> None:
    heard: list[Any] = []
    state = tmp_path / "state"
    async with client(nats, state=state) as device:
        await device.wait_ready(timeout_s=10)
        boot = device.boot
    async with nats.ingest() as ingest:
        await ingest.wait_ready(timeout_s=10)
        await ingest.publish(DOWN, b'{"type":"dispatch","incident":"I-1"}')
        await ingest.publish(DOWN, b"not JSON")
    async with client(nats, state=state, on_message=heard.append) as device:
        await eventually(lambda: bool(heard))
        assert device.boot == boot + 1
    assert heard == [{"type": "dispatch", "incident": "I-1"}]


async def test_a_device_that_may_not_connect_is_told(nats: NatsServer) -> None:
    async with DeviceClient(nats.url, device="H-09", secret=secret_of("H-09")) as device:
        with pytest.raises(BrokerRefused, match="H-09"):
            await in_vain(device._connection(), BrokerRefused)


async def _send_many(device: DeviceClient, number: int) -> None:
    for _ in range(number):
        await device.send([FIX])
