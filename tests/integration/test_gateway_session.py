"""What a session promises, with a real nats-server."""

import asyncio
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from gateway.errors import BrokerRefused, BrokerUnavailable
from gateway.session import Session
from tests.integration.nats_server import NatsServer, eventually, in_vain, running_nats

if TYPE_CHECKING:
    from ingest.delivery import Delivery

UP = "gengfu/v1/H-01/up"


@pytest.fixture
async def nats(tmp_path: Path) -> AsyncIterator[NatsServer]:
    async with running_nats(tmp_path, ack_wait_s=1) as server:
        await server.let_in("H-01", "H-02")
        yield server


async def test_messages_come_in_order_and_what_is_settled_does_not_come_again(nats: NatsServer) -> None:
    got: list[Delivery] = []
    async with nats.ingest(on_delivery=got.append) as ingest, nats.device("H-01") as device:
        await ingest.wait_ready(timeout_s=10)
        await device.wait_ready(timeout_s=10)
        await asyncio.gather(*(device.send(UP, str(number).encode()) for number in range(500)))
        await eventually(lambda: len(got) == 500)
        assert [int(delivery.payload) for delivery in got] == list(range(500))
        assert not any(delivery.dup for delivery in got)
        for delivery in got:
            delivery.settle()
            delivery.settle()
        assert (ingest.counts.settled, ingest.pending) == (500, 0)
    again: list[Delivery] = []
    async with nats.ingest(on_delivery=again.append) as ingest, nats.device("H-01") as device:
        await ingest.wait_ready(timeout_s=10)
        await device.wait_ready(timeout_s=10)
        await device.publish(UP, b"last")
        await eventually(lambda: bool(again))
        assert [delivery.payload for delivery in again] == [b"last"]


async def test_what_was_not_settled_comes_again_to_the_next_connection(nats: NatsServer) -> None:
    got: list[Delivery] = []
    async with nats.ingest(on_delivery=got.append) as ingest, nats.device("H-01") as device:
        await ingest.wait_ready(timeout_s=10)
        await device.wait_ready(timeout_s=10)
        for number in range(4):
            await device.publish(UP, str(number).encode())
        await eventually(lambda: len(got) == 4)
        got[0].settle()
        got[2].settle()
    again: list[Delivery] = []
    async with nats.ingest(on_delivery=again.append) as ingest:
        await eventually(lambda: len(again) == 2)
        assert sorted(delivery.payload for delivery in again) == [b"1", b"3"]
        for delivery in got:  # of the connection before; packet ids may be the same
            delivery.settle()
        assert ingest.pending == 2


async def test_a_late_settle_reaches_no_message_of_the_next_connection(nats: NatsServer) -> None:
    got: list[Delivery] = []
    async with nats.ingest(on_delivery=got.append) as ingest, nats.device("H-01") as device:
        await ingest.wait_ready(timeout_s=10)
        await device.wait_ready(timeout_s=10)
        await device.publish(UP, b"before")
        await eventually(lambda: len(got) == 1)
        late = got[0]
        nats.stop()
        await eventually(lambda: not ingest.connected and not device.connected)
        await nats.start()  # packet ids begin at 1 again
        await ingest.wait_ready(timeout_s=20)
        await eventually(lambda: len(got) >= 2, within_s=20)
        late.settle()
        assert (ingest.counts.settled, ingest.counts.settled_late) == (0, 1)
        # Had the late one been sent, the broker would not say this again after its ack_wait.
        await eventually(lambda: ingest.counts.redelivered_pending >= 1)
        assert [delivery.payload for delivery in got] == [b"before", b"before"]
        got[1].settle()
        assert ingest.counts.settled == 1


async def test_a_redelivery_of_what_is_under_way_is_not_handed_on_twice(nats: NatsServer) -> None:
    got: list[Delivery] = []
    async with nats.ingest(on_delivery=got.append) as ingest, nats.device("H-01") as device:
        await ingest.wait_ready(timeout_s=10)
        await device.wait_ready(timeout_s=10)
        await device.publish(UP, b"slow")
        await eventually(lambda: ingest.counts.redelivered_pending >= 2)
        assert len(got) == 1
        got[0].settle()
        seen = ingest.counts.redelivered_pending
        await device.publish(UP, b"next")
        await eventually(lambda: ingest.counts.redelivered_pending > seen)  # of the second alone
        assert [delivery.payload for delivery in got] == [b"slow", b"next"]


async def test_retained_messages_are_acknowledged_and_ignored(nats: NatsServer) -> None:
    async with nats.device("H-01") as device:
        await device.wait_ready(timeout_s=10)
        await device.publish(UP, b"stale", retain=True)
    got: list[Delivery] = []
    async with nats.ingest(on_delivery=got.append) as ingest:
        await eventually(lambda: ingest.counts.retained_ignored == 1)
        assert got == []
        assert ingest.pending == 0


async def test_a_session_can_be_iterated_and_publishes(nats: NatsServer) -> None:
    down = "gengfu/v1/H-01/down"
    async with nats.ingest() as ingest, nats.device("H-01", filters=[down]) as device:
        await ingest.wait_ready(timeout_s=10)
        await device.wait_ready(timeout_s=10)
        await ingest.publish(down, b"receipt")
        async with asyncio.timeout(10):
            delivery = await anext(aiter(device))
        assert (delivery.topic, delivery.payload) == (down, b"receipt")


async def test_a_refused_filter_is_loud_and_asked_for_again(
    nats: NatsServer, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.session.RESUBSCRIBE_S", 0.05)
    with caplog.at_level(logging.ERROR, "gateway.session"):
        async with nats.device("H-01", filters=["gengfu/v1/+/down"]) as device:
            await eventually(lambda: device.counts.filters_refused >= 2)
            assert not device.connected
    assert "did not grant gengfu/v1/+/down to H-01" in caplog.text


async def test_an_outage_is_said_once_and_so_is_its_end(nats: NatsServer, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "gateway.session"):
        async with nats.ingest() as ingest:
            await ingest.wait_ready(timeout_s=10)
            nats.stop()
            await eventually(lambda: not ingest.connected)
            with pytest.raises(BrokerUnavailable):
                await ingest.publish("gengfu/v1/H-01/down", b"x")
            with pytest.raises(BrokerUnavailable, match="Connection refused"):
                await in_vain(ingest, BrokerUnavailable)
            await nats.start()
            await ingest.wait_ready(timeout_s=20)
            assert ingest.counts.connects == 2
    assert len([record for record in caplog.records if record.levelno == logging.WARNING]) == 2


async def test_a_wrong_secret_says_so(nats: NatsServer) -> None:
    await nats.let_in("H-02")
    async with nats.device("H-01") as device:
        with pytest.raises(BrokerRefused, match="does not let H-01 in"):
            await in_vain(device, BrokerRefused)


async def test_an_error_of_the_body_is_not_wrapped(nats: NatsServer) -> None:
    with pytest.raises(ValueError, match="mine"):
        async with nats.ingest():
            raise ValueError("mine")


async def test_many_can_connect_at_once(nats: NatsServer) -> None:
    names = [f"D-{number}" for number in range(20)]
    await nats.let_in(*names)
    sessions: list[Session] = [nats.device(name) for name in names]
    got: list[Delivery] = []
    async with nats.ingest(on_delivery=got.append) as ingest, asyncio.TaskGroup() as tasks:
        await ingest.wait_ready(timeout_s=10)
        for name, session in zip(names, sessions, strict=True):
            tasks.create_task(_say_hello(session, name))
    assert {delivery.topic for delivery in got} <= {f"gengfu/v1/{name}/up" for name in names}


async def _say_hello(session: Session, name: str) -> None:
    async with session:
        await session.wait_ready(timeout_s=20)
        await session.publish(f"gengfu/v1/{name}/up", b"hello")
