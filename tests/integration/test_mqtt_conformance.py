"""Our session, real brokers, and clients of other makes at the other end."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path

import pytest

from gateway.address import Address, Credentials
from gateway.errors import BrokerUnavailable
from gateway.mqtt.connection import Connection
from gateway.mqtt.packets import Version, Will
from gateway.mqtt.publisher import Publisher
from ingest.delivery import Delivery, settle_all
from tests.integration.nats_server import eventually
from tests.integration.open_broker import OpenBroker, open_broker
from tests.integration.other_clients import Library, OtherClient, other_client

UP = "conformance/H-01/up"


@pytest.fixture(params=[("nats", 4), ("mosquitto", 4), ("mosquitto", 5)], ids=lambda pair: f"{pair[0]}-{pair[1]}")
async def broker(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[OpenBroker]:
    kind, version = request.param
    async with open_broker(kind, tmp_path, version=version) as running:
        yield running


@pytest.fixture(params=["paho", "aiomqtt"])
def library(request: pytest.FixtureRequest) -> Library:
    chosen: Library = request.param
    return chosen


async def test_messages_both_ways(broker: OpenBroker, library: Library) -> None:
    contents = [
        (UP, b"plain"),
        (UP, b""),
        ("conformance/七号巡逻车/up", "到达".encode()),
        (UP, bytes(range(256)) * 1024),
        *((UP, b"%d" % number) for number in range(100)),
    ]
    got: list[Delivery] = []
    async with (
        other_client(library, broker.port) as other,
        broker.session(
            filters=["conformance/+/up"],
            on_delivery=got.append,
            clean_session=True,
        ) as session,
    ):
        await session.wait_ready(timeout_s=10)
        await other.subscribe("conformance/+/down")
        for topic, payload in contents:
            await other.publish(topic, payload)
        await eventually(lambda: len(got) == len(contents))
        assert [(one.topic, one.payload, one.dup) for one in got] == [(*pair, False) for pair in contents]
        settle_all(got)
        assert session.pending == 0
        down = [(topic.replace("/up", "/down"), payload) for topic, payload in contents]
        await asyncio.gather(*(session.send(topic, payload) for topic, payload in down))
        await eventually(lambda: len(other.heard) == len(down))
        assert [(one.topic, one.payload, one.qos) for one in other.heard] == [(*pair, 1) for pair in down]
        await session.publish(down[0][0], b"at most once", qos=0)
        await eventually(lambda: other.heard[-1].payload == b"at most once")
        assert other.heard[-1].qos == 0
        await other.publish(UP, b"at most once", qos=0)
        await eventually(lambda: got[-1].payload == b"at most once")
        assert got[-1].token == 0


async def test_what_queued_while_away_comes_in_order(broker: OpenBroker, library: Library) -> None:
    async with broker.session(filters=[UP]) as session:
        await session.wait_ready(timeout_s=10)
    payloads = [b"%d" % number for number in range(200)]
    async with other_client(library, broker.port) as other:
        await other.publish_many(UP, payloads)
    got: list[Delivery] = []
    async with broker.session(filters=[UP], on_delivery=got.append) as session:
        await eventually(lambda: len(got) == len(payloads))
        assert [one.payload for one in got] == payloads
        settle_all(got)
    async with broker.session(filters=[UP], on_delivery=got.append) as session:
        await session.wait_ready(timeout_s=10)
        async with other_client(library, broker.port) as other:
            await other.publish(UP, b"last")
        await eventually(lambda: got[-1].payload == b"last")
        assert len(got) == len(payloads) + 1
        got[-1].settle()


async def test_a_session_that_is_taken_over_comes_back(broker: OpenBroker, library: Library) -> None:
    got: list[Delivery] = []
    async with broker.session(filters=[UP], on_delivery=got.append) as session:
        await session.wait_ready(timeout_s=10)
        thief = Connection(
            Address.parse(broker.url), credentials=Credentials("test", "test", "the-session"), clean_session=True
        )
        await thief.open()
        await eventually(lambda: session.counts.connects == 2 and session.connected, within_s=20)
        async with asyncio.timeout(10):
            assert await thief.wait_ended()
        with pytest.raises(BrokerUnavailable):
            await thief.publish(UP, b"too late")
        await thief.close()
        async with other_client(library, broker.port) as other:
            await other.publish(UP, b"for the owner")  # the thief wiped the session, so it subscribed again
        await eventually(lambda: [one.payload for one in got] == [b"for the owner"])


async def test_retained_messages(broker: OpenBroker, library: Library) -> None:
    async with other_client(library, broker.port) as other:
        await other.publish(UP, b"stale", retain=True)
        got: list[Delivery] = []
        async with broker.session(filters=[UP], on_delivery=got.append) as session:
            await session.wait_ready(timeout_s=10)
            if broker.version == 4:  # MQTT 5 lets us say that we do not want them
                await eventually(lambda: session.counts.retained_ignored == 1)
            await other.publish(UP, b"fresh")
            await eventually(lambda: [one.payload for one in got] == [b"fresh"])
            settle_all(got)
            assert session.pending == 0
        taken: list[Delivery] = []
        async with broker.session("curious", filters=[UP], take_retained=True, on_delivery=taken.append):
            await eventually(lambda: [one.payload for one in taken] == [b"stale"])
            settle_all(taken)
        async with broker.session("author") as session:
            await session.wait_ready(timeout_s=10)
            await session.publish(UP, b"kept by us", retain=True)
        await eventually(partial(_finds, other, b"kept by us"))


async def _finds(other: OtherClient, payload: bytes) -> bool:
    """Whether who subscribes now is given this as retained; nats-server keeps it a moment after it has confirmed it."""
    other.heard.clear()
    await other.subscribe(UP)
    await eventually(lambda: bool(other.heard))
    return [(one.payload, one.retain) for one in other.heard] == [(payload, True)]


async def test_the_will_is_published_when_we_vanish_and_only_then(broker: OpenBroker, library: Library) -> None:
    state = "conformance/H-01/state"
    async with other_client(library, broker.port) as other:
        await other.subscribe(state)
        other.heard.clear()
        will = Will(state, b"lost", retain=False)
        async with broker.session("polite", will=will) as session:
            await session.wait_ready(timeout_s=10)
            await session.publish(state, b"online")
        async with broker.session("rude", will=will) as session:
            await session.wait_ready(timeout_s=10)
            link = session._connection
            assert link is not None
            assert link._transport is not None
            link._transport.abort()
            await eventually(lambda: len(other.heard) >= 2)
            assert [one.payload for one in other.heard] == [b"online", will.payload]
            await eventually(lambda: session.connected)


async def test_ten_thousand_under_way_and_acknowledged_in_order(broker: OpenBroker) -> None:
    number = 10_000
    got: list[Delivery] = []
    confirmed: list[int] = []
    async with broker.session(filters=[UP], on_deliveries=got.extend) as session:
        await session.wait_ready(timeout_s=10)
        publisher = Publisher(
            broker.url,
            credentials=Credentials("test", "test", "load"),
            on_confirmed=confirmed.append,
        )
        await publisher.open()
        await publisher.publish_all((UP, b"%d" % one) for one in range(number))
        await publisher.wait_confirmed()
        assert sum(confirmed) == publisher.published == number
        await publisher.close()
        fresh: list[int] = []

        def all_there() -> bool:
            fresh[:] = [int(one.payload) for one in got]
            return len(set(fresh)) == number

        await eventually(all_there, within_s=40)
        assert fresh == list(range(number))
        assert session.pending == number
        settle_all(got)
        assert (session.counts.settled, session.pending) == (number, 0)
    again: list[Delivery] = []
    async with broker.session(filters=[UP], on_deliveries=again.extend) as session:
        await session.wait_ready(timeout_s=10)
        await session.publish(UP, b"the end")
        await eventually(lambda: bool(again))
        assert [one.payload for one in again] == [b"the end"]
        settle_all(again)


async def test_what_was_not_acknowledged_comes_again(broker: OpenBroker, library: Library) -> None:
    got: list[Delivery] = []
    async with (
        other_client(library, broker.port) as other,
        broker.session(filters=[UP], on_delivery=got.append) as session,
    ):
        await session.wait_ready(timeout_s=10)
        await other.publish_many(UP, [b"%d" % number for number in range(20)])
        await eventually(lambda: len(got) == 20)
        settle_all(got[:10])
        await eventually(lambda: session.pending == 10)
        link = session._connection
        assert link is not None
        assert link._transport is not None
        link._acks.flush()
        await session.publish(UP, b"behind the acknowledgements")  # so that the broker has read them
        await eventually(lambda: len(got) == 21)
        got[20].settle()
        await session.publish("conformance/elsewhere", b"")
        link._transport.abort()
        await eventually(lambda: len(got) == 31, within_s=20)
        assert [one.payload for one in got[21:]] == [b"%d" % number for number in range(10, 20)]
        if broker.kind == "mosquitto":
            assert all(one.dup for one in got[21:])
        settle_all(got[10:20])  # late
        assert session.pending == 10
        assert session.counts.settled_late == 10
        settle_all(got[21:])
        assert session.pending == 0


async def test_an_overlong_message_does_not_come_for_ever(broker: OpenBroker, library: Library) -> None:
    got: list[Delivery] = []
    async with (
        other_client(library, broker.port) as other,
        broker.session(filters=[UP], most_bytes=100_000, on_delivery=got.append) as session,
    ):
        await session.wait_ready(timeout_s=10)
        await other.publish(UP, b"x" * 900_000)
        await other.publish(UP, b"next")
        await eventually(lambda: len(got) == 2)
        assert 99_000 < len(got[0].payload) < 100_000
        assert got[1].payload == b"next"
        settle_all(got)
        assert (session.pending, session.counts.connects) == (0, 1)


async def test_a_broker_that_restarts(broker: OpenBroker) -> None:
    got: list[Delivery] = []
    async with broker.session(filters=[UP], on_delivery=got.append) as session:
        await session.wait_ready(timeout_s=10)
        broker.stop()
        await eventually(lambda: not session.connected)
        await broker.start()
        await session.wait_ready(timeout_s=20)
        await session.publish(UP, b"hello again")
        await eventually(lambda: bool(got) and got[-1].payload == b"hello again")


@pytest.mark.parametrize("version", [4, 5])
async def test_members_of_a_group_share(version: Version, library: Library, tmp_path: Path) -> None:
    number = 200
    async with open_broker("mosquitto", tmp_path, version=version) as broker, AsyncExitStack() as stack:
        got: dict[str, list[Delivery]] = {"one": [], "two": [], "three": []}
        for name, mine in got.items():
            session = broker.session(name, filters=["$share/gengfu/conformance/+/up"], on_deliveries=mine.extend)
            await stack.enter_async_context(session)
            await session.wait_ready(timeout_s=10)
        async with other_client(library, broker.port) as other:
            await other.publish_many(UP, [b"%d" % one for one in range(number)])
        await eventually(lambda: sum(map(len, got.values())) >= number)
        assert all(len(mine) >= number / 10 for mine in got.values())
        counts = Counter(one.payload for mine in got.values() for one in mine)
        assert counts == Counter(b"%d" % one for one in range(number))
        for mine in got.values():
            settle_all(mine)
