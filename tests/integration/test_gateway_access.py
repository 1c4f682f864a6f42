"""Who may do what at a real nats-server, by what arrives and not by what the broker says."""

import asyncio
import stat
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from gateway.errors import AccountsNotTaken, BrokerRefused, BrokerUnavailable
from gateway.provisioning import DeviceAccount, NatsProvisioner
from gateway.provisioning.files import tell_to_reload
from gateway.session import Session
from tests.integration.nats_server import BROKER_SECRET, NatsServer, eventually, in_vain, running_nats

if TYPE_CHECKING:
    from ingest.delivery import Delivery


@pytest.fixture
async def nats(tmp_path: Path) -> AsyncIterator[NatsServer]:
    async with running_nats(tmp_path, ack_wait_s=1) as server:
        await server.let_in("H-01", "H-02")
        yield server


async def test_a_device_publishes_under_its_own_name_only(nats: NatsServer) -> None:
    got: list[Delivery] = []
    async with nats.ingest(on_delivery=got.append) as ingest, nats.device("H-01") as device:
        await ingest.wait_ready(timeout_s=10)
        await device.wait_ready(timeout_s=10)
        for topic in ("gengfu/v1/H-02/up", "gengfu/v1/H-01/down", "gengfu/v1/H-02/down", "$MQTT/sub/x", "gengfu/v1/up"):
            await device.publish(topic, b"foreign")  # the broker confirms it all the same
        await device.publish("gengfu/v1/H-01/up", b"own")
        await eventually(lambda: bool(got))
        assert [(delivery.topic, delivery.payload) for delivery in got] == [("gengfu/v1/H-01/up", b"own")]


@pytest.mark.parametrize(
    "name",
    ["#", "gengfu/#", "gengfu/v1/+/down", "gengfu/v1/+/up", "gengfu/v1/H-02/down", "$SYS/#", "$MQTT/sub/#", "$JS/#"],
)
async def test_a_device_reads_its_own_topic_only(nats: NatsServer, name: str) -> None:
    async with nats.device("H-01", filters=[name]) as device:
        await eventually(lambda: device.counts.filters_refused == 1)


@pytest.mark.parametrize("name", ["gengfu/v1/+/urgent", "#", "gengfu/v1/+/down"])
async def test_a_lane_of_ingest_reads_its_lane_only(nats: NatsServer, name: str) -> None:
    own = nats.ingest()
    async with Session(nats.url, credentials=own._credentials, filters=[name], name="test") as ingest:
        await eventually(lambda: ingest.counts.filters_refused == 1)


async def test_ingest_cannot_speak_as_a_device(nats: NatsServer) -> None:
    got: list[Delivery] = []
    async with (
        nats.ingest("urgent", on_delivery=got.append) as urgent,
        nats.ingest() as up,
        nats.device("H-01") as device,
    ):
        for session in (urgent, up, device):
            await session.wait_ready(timeout_s=10)
        await up.publish("gengfu/v1/H-01/urgent", b"forged")
        await device.publish("gengfu/v1/H-01/urgent", b"true")
        await eventually(lambda: bool(got))
        assert [delivery.payload for delivery in got] == [b"true"]


async def test_a_revoked_device_is_cut_off_and_stays_out_and_others_stay(nats: NatsServer) -> None:
    async with nats.device("H-01") as revoked, nats.device("H-02") as other:
        await revoked.wait_ready(timeout_s=10)
        await other.wait_ready(timeout_s=10)
        await nats.let_in("H-02")
        await eventually(lambda: not revoked.connected)
        with pytest.raises(BrokerRefused):
            await in_vain(revoked, BrokerRefused)
        assert other.connected
        assert other.counts.connects == 1
        await nats.let_in("H-01", "H-02")
        await revoked.wait_up(timeout_s=20)


async def test_an_unknown_user_is_not_let_in(nats: NatsServer) -> None:
    async with nats.device("H-03") as stranger:
        with pytest.raises(BrokerRefused):
            await in_vain(stranger, BrokerRefused)


async def test_another_device_cannot_wipe_a_session_without_its_client_id(nats: NatsServer) -> None:
    """The broker binds no client id to a user, so all rests on their being secret; a guess gets nothing."""
    got: list[Delivery] = []
    async with nats.ingest(on_delivery=got.append) as ingest, nats.device("H-01") as device:
        await ingest.wait_ready(timeout_s=10)
        await device.wait_ready(timeout_s=10)
        guess = nats.device("H-02", client_id="gengfu-ingest-1-up", clean_session=True)
        async with guess:
            await guess.wait_ready(timeout_s=10)
        await device.publish("gengfu/v1/H-01/up", b"still here")
        await eventually(lambda: bool(got))
        assert ingest.counts.connects == 1


async def test_the_file_is_private_and_written_only_when_it_changes(nats: NatsServer) -> None:
    provisioner = nats.provisioner()
    devices = [nats.accounts["H-01"]]
    assert await provisioner.apply(devices)
    before = nats.accounts_file.stat()
    assert stat.S_IMODE(before.st_mode) == 0o600
    assert not await provisioner.apply(devices)
    assert nats.accounts_file.stat().st_mtime_ns == before.st_mtime_ns
    assert list(nats.folder.glob(".accounts*")) == []


async def test_a_broker_that_does_not_act_on_the_file_is_noticed(
    nats: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(NatsProvisioner, "reload_s", 0.3)
    deaf = NatsProvisioner(nats.accounts_file, pid_file=None, url=nats.url, secret=BROKER_SECRET, workers=["1"])
    with pytest.raises(AccountsNotTaken, match=r"accounts\.conf"):
        await deaf.apply([nats.accounts["H-01"]])


async def test_accounts_written_while_the_broker_is_away_hold_when_it_is_back(nats: NatsServer) -> None:
    nats.stop()
    account: DeviceAccount = nats.accounts["H-01"]
    with pytest.raises(BrokerUnavailable):
        await nats.provisioner().apply([account])
    await nats.start()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(_comes_in(nats, "H-01"))
    async with nats.device("H-02") as out:
        with pytest.raises(BrokerRefused):
            await in_vain(out, BrokerRefused)


async def test_a_stale_pid_file_harms_nobody(tmp_path: Path) -> None:
    mistaken = tmp_path / "mistaken.pid"
    async with asyncio.timeout(10):
        bystander = await asyncio.create_subprocess_exec("sleep", "60")
        mistaken.write_text(str(bystander.pid))
        tell_to_reload(mistaken, program="nats-server", file=tmp_path / "other.conf")
        assert bystander.returncode is None
        bystander.terminate()
        assert await bystander.wait() == -15


async def _comes_in(nats: NatsServer, name: str) -> None:
    async with nats.device(name) as device:
        await device.wait_up(timeout_s=10)
