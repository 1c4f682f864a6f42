"""Who may do what at a real mosquitto, by what arrives and not by what the broker says."""

import asyncio
import contextlib
import signal
import stat
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from gateway.accounts import GATEWAY, Lane, credentials_of
from gateway.errors import AccountsNotTaken, BrokerRefused, BrokerUnavailable, ProvisioningError
from gateway.provisioning import MosquittoProvisioner
from gateway.provisioning.files import tell_to_reload, write_if_changed
from gateway.session import Session
from tests.integration.mosquitto_server import MosquittoServer, mosquitto
from tests.integration.nats_server import BROKER_SECRET, eventually, in_vain

if TYPE_CHECKING:
    from ingest.delivery import Delivery


@pytest.fixture
async def broker(tmp_path: Path) -> AsyncIterator[MosquittoServer]:
    async with mosquitto(tmp_path, workers=["1", "2"]) as server:
        await server.let_in("H-01", "H-02")
        yield server


async def forge(session: Session, topic: str) -> None:
    """Publish in vain: some versions confirm what they drop, and 2.0.11 hangs up as well."""
    async with session:
        await session.wait_up(timeout_s=10)
        with contextlib.suppress(BrokerUnavailable):
            await session.publish(topic, b"foreign")


async def test_a_device_publishes_under_its_own_name_only(broker: MosquittoServer) -> None:
    got: list[Delivery] = []
    async with broker.ingest(on_delivery=got.append) as ingest:
        await ingest.wait_up(timeout_s=10)
        for topic in ("gengfu/v1/H-02/up", "gengfu/v1/H-01/down", "gengfu/v1/H-02/down", "gengfu/v1/up"):
            await forge(broker.device("H-01"), topic)
        async with broker.device("H-01") as device:
            await device.wait_up(timeout_s=10)
            await device.publish("gengfu/v1/H-01/up", b"own")
        await eventually(lambda: bool(got))
        assert [(delivery.topic, delivery.payload) for delivery in got] == [("gengfu/v1/H-01/up", b"own")]


@pytest.mark.parametrize(
    "name", ["#", "gengfu/#", "gengfu/v1/+/down", "gengfu/v1/+/up", "gengfu/v1/H-02/down", "$SYS/#"]
)
async def test_a_device_reads_its_own_topic_only(broker: MosquittoServer, name: str) -> None:
    """The broker grants every filter; what counts is what it delivers."""
    got: list[Delivery] = []
    gateway = Session(broker.url, credentials=credentials_of(GATEWAY, secret=BROKER_SECRET), name="gateway")
    wanted = [name, "gengfu/v1/H-01/down"]
    async with gateway, broker.device("H-02") as other:
        async with broker.device("H-01", filters=wanted, on_delivery=got.append, take_retained=True) as device:
            for session in (gateway, other, device):
                await session.wait_up(timeout_s=10)
            await gateway.publish("gengfu/v1/H-02/down", b"for another")
            await other.publish("gengfu/v1/H-02/up", b"of another")
            await gateway.publish("gengfu/v1/H-01/down", b"its own")
            await eventually(lambda: bool(got))
        assert {(delivery.topic, delivery.payload) for delivery in got} == {("gengfu/v1/H-01/down", b"its own")}


@pytest.mark.parametrize(("account", "topic"), [
    ("up", "gengfu/v1/H-01/urgent"),
    ("up", "gengfu/v1/H-01/up"),
    ("up", "gengfu/v1/gengfu-ingest-1-up/up"),
    ("urgent", "gengfu/v1/gengfu-ingest-1-urgent/urgent"),
])  # fmt: skip
async def test_ingest_cannot_speak_as_a_device(broker: MosquittoServer, account: Lane, topic: str) -> None:
    got: list[Delivery] = []
    async with (
        broker.ingest("urgent", worker="2", on_delivery=got.append) as urgent,
        broker.ingest("up", worker="2", on_delivery=got.append) as up,
        broker.device("H-01") as device,
    ):
        for session in (urgent, up, device):
            await session.wait_up(timeout_s=10)
        await forge(broker.ingest(account, filters=[]), topic)
        for lane in ("up", "urgent"):
            await device.publish(f"gengfu/v1/H-01/{lane}", b"true")
        await eventually(lambda: len(got) >= 2)
        assert [delivery.payload for delivery in got] == [b"true", b"true"]


async def test_a_probe_belongs_to_its_worker_and_lane(broker: MosquittoServer) -> None:
    got: list[Delivery] = []
    async with broker.ingest(filters=["gengfu/probe/+/+"], on_delivery=got.append) as ingest:
        await ingest.wait_up(timeout_s=10)
        await forge(broker.ingest(worker="2", filters=[]), "gengfu/probe/1/up")
        await forge(broker.device("H-01"), "gengfu/probe/1/up")
        async with broker.ingest(worker="2", filters=[]) as colleague:
            await colleague.wait_up(timeout_s=10)
            await colleague.publish("gengfu/probe/2/up", b"its own")
        await ingest.publish("gengfu/probe/1/up", b"mine")
        await eventually(lambda: bool(got))
        assert [delivery.payload for delivery in got] == [b"mine"]


async def test_a_device_cannot_join_the_workers_and_swallow_their_share(broker: MosquittoServer) -> None:
    """The broker deals a message to any member of a group, and drops it when that member may not read it."""
    got: list[Delivery] = []
    guesses = [f"$share/{group}/gengfu/v1/+/up" for group in ("gengfu", "ingest", "share")]
    async with (
        broker.ingest(on_delivery=got.append) as ingest,
        broker.device("H-02", filters=guesses) as thief,
        broker.device("H-01") as device,
    ):
        for session in (ingest, thief, device):
            await session.wait_up(timeout_s=10)
        for number in range(20):
            await device.publish("gengfu/v1/H-01/up", str(number).encode())
        await eventually(lambda: len(got) >= 20)
    assert [delivery.payload for delivery in got] == [str(number).encode() for number in range(20)]


async def test_a_revoked_device_is_cut_off_and_stays_out_and_others_stay(broker: MosquittoServer) -> None:
    async with broker.device("H-01") as revoked, broker.device("H-02") as other:
        await revoked.wait_up(timeout_s=10)
        await other.wait_up(timeout_s=10)
        await broker.let_in("H-02")
        await eventually(lambda: not revoked.connected)
        with pytest.raises(BrokerRefused):
            await in_vain(revoked, BrokerRefused)
        assert other.connected
        assert other.counts.connects == 1
        await broker.let_in("H-01", "H-02")
        await revoked.wait_up(timeout_s=20)


async def test_an_unknown_user_is_not_let_in(broker: MosquittoServer) -> None:
    for name in ("H-03", "nobody", "gengfu-marker"):
        async with broker.device(name) as stranger:
            with pytest.raises(BrokerRefused):
                await in_vain(stranger, BrokerRefused)


async def test_a_client_id_that_is_known_gets_nobody_elses_session(broker: MosquittoServer) -> None:
    got: list[Delivery] = []
    async with broker.ingest(on_delivery=got.append) as ingest, broker.device("H-01") as device:
        await ingest.wait_up(timeout_s=10)
        await device.wait_up(timeout_s=10)
        for known in ("gengfu-ingest-1-up", ingest._credentials.client_id):
            async with broker.device("H-02", client_id=known, clean_session=True) as thief:
                await thief.wait_up(timeout_s=10)
        await device.publish("gengfu/v1/H-01/up", b"still here")
        await eventually(lambda: bool(got))
        assert ingest.counts.connects == 1


async def test_the_files_are_private_and_written_only_when_they_change(broker: MosquittoServer) -> None:
    provisioner = broker.provisioner()
    devices = [broker.accounts["H-01"]]
    assert await provisioner.apply(devices)
    files = (broker.broker.password_file, broker.broker.acl_file)
    before = [file.stat() for file in files]
    assert [stat.S_IMODE(about.st_mode) for about in before] == [0o600, 0o600]
    assert not await provisioner.apply(devices)
    assert [file.stat().st_mtime_ns for file in files] == [about.st_mtime_ns for about in before]
    files[1].unlink()
    assert await provisioner.apply(devices)  # as the gateway does every few seconds
    assert files[1].exists()
    assert not [file for file in broker.broker.folder.iterdir() if file.name.startswith(".")]


def test_a_folder_of_a_group_lets_that_group_read(tmp_path: Path) -> None:
    tmp_path.chmod(0o2770)
    write_if_changed(tmp_path / "passwords", "x", setting="a setting")
    assert stat.S_IMODE((tmp_path / "passwords").stat().st_mode) == 0o640


def test_a_folder_that_is_missing_is_said(tmp_path: Path) -> None:
    with pytest.raises(ProvisioningError, match=r"see broker\.mosquitto_acl_file"):
        write_if_changed(tmp_path / "no" / "acl", "x", setting="broker.mosquitto_acl_file")


async def test_a_broker_that_does_not_act_on_the_files_is_noticed(
    broker: MosquittoServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(MosquittoProvisioner, "reload_s", 0.3)
    files = broker.broker
    deaf = MosquittoProvisioner(
        files.password_file, acl_file=files.acl_file, pid_file=None, url=broker.url, secret=BROKER_SECRET, workers=["1"]
    )
    with pytest.raises(AccountsNotTaken, match="newest passwords"):
        await deaf.apply([broker.accounts["H-01"]])


async def test_a_list_that_is_not_read_is_noticed_because_then_everything_is_allowed(
    broker: MosquittoServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(MosquittoProvisioner, "reload_s", 0.3)
    files = broker.broker
    files.acl_file.unlink()
    elsewhere = MosquittoProvisioner(
        files.password_file,
        acl_file=tmp_path / "elsewhere",
        pid_file=files.pid_file,
        url=broker.url,
        secret=BROKER_SECRET,
        workers=["1"],
    )
    with pytest.raises(AccountsNotTaken, match="everybody may publish and read everything"):
        await elsewhere.apply([broker.accounts["H-01"]])


async def test_a_reload_that_comes_too_early_is_waited_out(broker: MosquittoServer) -> None:
    """As when the service manager, and not the gateway, tells the broker."""
    files = broker.broker
    provisioner = MosquittoProvisioner(
        files.password_file, acl_file=files.acl_file, pid_file=None, url=broker.url, secret=BROKER_SECRET, workers=["1"]
    )
    before = files.password_file.read_text()

    async def tell() -> None:
        await eventually(lambda: files.password_file.read_text() != before)
        tell_to_reload(files.pid_file, program="mosquitto", file=files.password_file)

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(tell())
        assert await provisioner.apply([broker.accounts["H-01"]])


async def test_accounts_written_while_the_broker_is_away_hold_when_it_is_back(broker: MosquittoServer) -> None:
    broker.stop()
    with pytest.raises(BrokerUnavailable):
        await broker.provisioner().apply([broker.accounts["H-01"]])
    await broker.start()
    async with broker.device("H-01") as known, broker.device("H-02") as out:
        await known.wait_up(timeout_s=10)
        with pytest.raises(BrokerRefused):
            await in_vain(out, BrokerRefused)


async def test_what_waits_outlives_a_restart_of_the_broker(broker: MosquittoServer) -> None:
    """More than the thousand that mosquitto keeps by default."""
    got: list[Delivery] = []
    async with broker.ingest() as ingest:
        await ingest.wait_up(timeout_s=10)
    async with broker.device("H-01") as device:
        await device.wait_up(timeout_s=10)
        await asyncio.gather(*(device.send("gengfu/v1/H-01/up", str(number).encode()) for number in range(3000)))
    broker.stop(signal.SIGTERM)
    await broker.start()
    async with broker.ingest(on_delivery=got.append):
        await eventually(lambda: len(got) >= 3000)
    assert [int(delivery.payload) for delivery in got] == list(range(3000))
