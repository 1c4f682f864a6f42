"""The register of devices: who they are, and the secrets in force; each function works in the caller's transaction."""

from dataclasses import dataclass
from datetime import datetime

from psycopg.types.json import Jsonb

from devices.identity import KINDS, check_device_name, new_secret
from devices.readings import DATUMS
from gateway.accounts import RESERVED
from gateway.errors import DeviceExists, DeviceRevoked, RegisterError, ReservedName, UnknownDevice, UnknownKind
from gateway.provisioning import DeviceAccount
from gateway.verifiers import verifiers_for
from ingest.database import Connection
from ingest.queries import load_queries

_SQL = load_queries("gateway", "register.sql")


@dataclass(frozen=True)
class Issued:
    """A secret that was just made; it is stored nowhere and cannot be shown again."""

    device: str
    kind: str
    secret: str


@dataclass(frozen=True)
class Device:
    """A row of the register; times are aware UTC, `secret_at` is when the secret in force was issued."""

    name: str
    kind: str
    label: str | None
    datum: str
    registered_at: datetime
    revoked_at: datetime | None
    secret_at: datetime | None
    heard_at: datetime | None


@dataclass(frozen=True)
class Revision:
    """The register's running number, how much of it the broker acts on, and whether a gateway sees to that."""

    revision: int
    applied: int
    live: bool


async def add_device(
    connection: Connection, *, name: str, kind: str, label: str | None = None, datum: str = "wgs84"
) -> Issued:
    """Register a device and issue its secret.

    Raises:
        BadDeviceName: the name cannot be a topic level.
        ReservedName: the name begins with `gengfu-`.
        UnknownKind: names the kinds.
        DeviceExists: the name is taken, perhaps by a revoked device.
    """
    check_new_device(name, kind=kind, datum=datum)
    values = {"name": name, "kind": kind, "label": label, "datum": datum}
    row = await (await connection.execute(_SQL["add_device"], values)).fetchone()
    if row is None:
        raise DeviceExists(f"device {name} exists already; `gengfu device rotate {name}` gives it a new secret")
    return Issued(name, kind, await _new_secret(connection, row["number"]))


async def issue_secret(connection: Connection, *, name: str) -> Issued:
    """Give a device a new secret; the one before ends.

    Raises:
        UnknownDevice: no device of that name.
        DeviceRevoked: it may not come back.
    """
    number, kind = await _standing(connection, name)
    await connection.execute(_SQL["end_secrets"], {"device": number})
    return Issued(name, kind, await _new_secret(connection, number))


async def revoke_device(connection: Connection, *, name: str) -> None:
    """End a device's access for good; its name and readings stay.

    Raises:
        UnknownDevice: no device of that name.
        DeviceRevoked: it is revoked already.
    """
    number, _ = await _standing(connection, name)
    await connection.execute(_SQL["end_secrets"], {"device": number})
    await connection.execute(_SQL["revoke_device"], {"device": number})


async def list_devices(connection: Connection) -> list[Device]:
    """All devices, revoked ones too, by name."""
    return [Device(**row) for row in await (await connection.execute(_SQL["list_devices"])).fetchall()]


async def accounts(connection: Connection) -> tuple[int, list[DeviceAccount]]:
    """The register's running number and the devices that may connect, as one snapshot."""
    rows = await (await connection.execute(_SQL["accounts"])).fetchall()
    found = [DeviceAccount(row["name"], row["verifiers"]) for row in rows if row["name"] is not None]
    return (rows[0]["revision"] if rows else 0), found


async def revision(connection: Connection) -> Revision:
    """The running numbers."""
    row = await (await connection.execute(_SQL["revision"])).fetchone()
    return Revision(**row) if row else Revision(0, 0, live=False)


async def note_applied(connection: Connection, *, number: int) -> None:
    """Write down that the broker acts on this revision."""
    await connection.execute(_SQL["note_applied"], {"revision": number})


async def beat(connection: Connection) -> None:
    """Write down that a gateway is there."""
    await connection.execute(_SQL["beat"])


def check_new_device(name: str, *, kind: str, datum: str) -> None:
    """Say what is wrong with a device that is to be added; needs no database.

    Raises:
        BadDeviceName: the name cannot be a topic level.
        ReservedName: the name begins with `gengfu-`.
        UnknownKind: names the kinds.
        RegisterError: names the datums.
    """
    check_new_name(name)
    if kind not in KINDS:
        raise UnknownKind(f"there is no kind of device {kind!r}; there is: {', '.join(KINDS)}")
    if datum not in DATUMS:
        raise RegisterError(f"there is no datum {datum!r}; there is: {', '.join(DATUMS)}")


def check_new_name(name: str) -> str:
    """Return a name that a new device may have.

    Raises:
        BadDeviceName: it cannot be a topic level.
        ReservedName: it begins with `gengfu-`.
    """
    check_device_name(name)
    if name.startswith(RESERVED):
        raise ReservedName(f"{name!r} begins with {RESERVED!r}, as gengfu's own accounts do; choose another name")
    return name


async def _standing(connection: Connection, name: str) -> tuple[int, str]:
    row = await (await connection.execute(_SQL["device_named"], {"name": name})).fetchone()
    if row is None:
        raise UnknownDevice(f"there is no device {name!r}; `gengfu device list` shows those there are")
    if row["revoked_at"] is not None:
        raise DeviceRevoked(
            f"device {name} was revoked at {row['revoked_at']:%Y-%m-%d %H:%M} UTC; register a new name instead"
        )
    number: int = row["number"]
    kind: str = row["kind"]
    return number, kind


async def _new_secret(connection: Connection, number: int) -> str:
    secret = new_secret()
    await connection.execute(_SQL["add_secret"], {"device": number, "verifiers": Jsonb(verifiers_for(secret))})
    return secret
