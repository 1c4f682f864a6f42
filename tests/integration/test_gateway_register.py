"""The register in a real database."""

from typing import TYPE_CHECKING

import bcrypt
import pytest

from devices.errors import BadDeviceName
from gateway import register
from gateway.errors import DeviceExists, DeviceRevoked, RegisterError, ReservedName, UnknownDevice, UnknownKind
from ingest.database import connect
from ingest.migrate import migrate

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from ingest.database import Connection


@pytest.fixture
async def connection(database_url: str) -> "AsyncIterator[Connection]":
    await migrate(database_url)
    async with await connect(database_url, name="test") as opened:
        yield opened


async def test_a_device_has_one_secret_in_force_and_only_its_verifiers_are_kept(connection: "Connection") -> None:
    first = await register.add_device(connection, name="H-01", kind="handset", label="大门", datum="gcj02")
    second = await register.issue_secret(connection, name="H-01")
    assert first.secret != second.secret
    number, accounts = await register.accounts(connection)
    assert [account.name for account in accounts] == ["H-01"]
    verifier = accounts[0].verifiers["nats"].encode()
    assert bcrypt.checkpw(second.secret.encode(), verifier)
    assert not bcrypt.checkpw(first.secret.encode(), verifier)
    rows = await (await connection.execute("SELECT verifiers::text AS it FROM device_secret")).fetchall()
    assert len(rows) == 2
    assert not any(secret in row["it"] for row in rows for secret in (first.secret, second.secret))
    assert number == (await register.revision(connection)).revision
    (device,) = await register.list_devices(connection)
    assert (device.name, device.kind, device.label, device.datum) == ("H-01", "handset", "大门", "gcj02")
    assert device.heard_at is None


async def test_a_revoked_device_is_no_account_and_stays_in_the_list(connection: "Connection") -> None:
    await register.add_device(connection, name="H-01", kind="handset")
    await register.revoke_device(connection, name="H-01")
    assert (await register.accounts(connection))[1] == []
    (device,) = await register.list_devices(connection)
    assert device.revoked_at is not None
    assert device.secret_at is None
    for again in (register.revoke_device, register.issue_secret):
        with pytest.raises(DeviceRevoked, match="register a new name"):
            await again(connection, name="H-01")
    with pytest.raises(DeviceExists):
        await register.add_device(connection, name="H-01", kind="handset")


async def test_every_change_counts_up_and_is_told(connection: "Connection") -> None:
    await connection.execute("LISTEN gengfu_devices")
    seen = [(await register.revision(connection)).revision]
    await register.add_device(connection, name="H-01", kind="handset")
    seen.append((await register.revision(connection)).revision)
    await connection.execute("UPDATE device SET label = 'by hand'")
    seen.append((await register.revision(connection)).revision)
    await register.revoke_device(connection, name="H-01")
    seen.append((await register.revision(connection)).revision)
    assert seen == sorted(set(seen))
    notes = [note.channel async for note in connection.notifies(timeout=5, stop_after=1)]
    assert set(notes) == {"gengfu_devices"}


@pytest.mark.parametrize(
    ("name", "kind", "datum", "error", "words"),
    [
        ("a/b", "handset", "wgs84", BadDeviceName, "1 to 64"),
        ("gengfu-gateway", "handset", "wgs84", ReservedName, "choose another name"),
        ("H-02", "drone", "wgs84", UnknownKind, "handset, radio, vehicle, tag, recorder"),
        ("H-02", "handset", "mars", RegisterError, "wgs84, gcj02, bd09"),
        ("H-01", "handset", "wgs84", DeviceExists, "gengfu device rotate H-01"),
    ],
)
async def test_what_cannot_be_added_says_what_can(
    connection: "Connection", name: str, kind: str, datum: str, error: type[Exception], words: str
) -> None:
    await register.add_device(connection, name="H-01", kind="handset")
    with pytest.raises(error, match=words):
        await register.add_device(connection, name=name, kind=kind, datum=datum)


async def test_an_unknown_device_is_named(connection: "Connection") -> None:
    with pytest.raises(UnknownDevice, match="'H-09'"):
        await register.revoke_device(connection, name="H-09")
