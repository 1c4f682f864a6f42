"""The devices that a replay plays: their secrets, kept in a file, and their registration when they are missing."""

import csv
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import bcrypt

from gateway import register
from gateway.errors import RegisterError, TrackError
from ingest.database import Connection, connect
from ingest.queries import load_queries

_SQL = load_queries("gateway", "register.sql")
KIND = "recorder"
_COLUMNS = ("device", "kind", "secret")


@dataclass
class Registered:
    """Secrets of the devices, which of them were made or given a new secret, and the register's revision then."""

    secrets: dict[str, str]
    changed: list[str] = field(default_factory=list)
    revision: int = 0


def read_secrets(file: Path) -> dict[str, str]:
    """Secrets by device out of a CSV `device,kind,secret`.

    Raises:
        TrackError: it cannot be read or has other columns.
    """
    try:
        with file.open(encoding="utf-8-sig", newline="") as text:
            reader = csv.DictReader(text)
            names = set(reader.fieldnames or ())
            if not {"device", "secret"} <= names:
                raise TrackError(f"{file}:1: the first line must name the columns device,kind,secret")
            return {row["device"]: row["secret"] for row in reader if row["device"] and row["secret"]}
    except OSError as error:
        raise TrackError(f"cannot read device secrets from {file}: {error.strerror}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise TrackError(f"{file} is no CSV device,kind,secret: {error}") from error


def keep_secrets(file: Path, secrets: Mapping[str, str]) -> None:
    """Write the secrets of replay devices, for their owner alone.

    Raises:
        TrackError: the file cannot be written.
    """
    temporary = file.with_name(f".{file.name}.new")
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as text:
            writer = csv.writer(text)
            writer.writerow(_COLUMNS)
            writer.writerows((device, KIND, secret) for device, secret in sorted(secrets.items()))
        temporary.replace(file)
    except OSError as error:
        raise TrackError(f"cannot keep the secrets of the replay devices in {file}: {error.strerror}") from error


async def register_missing(conninfo: str, *, devices: Iterable[str], known: Mapping[str, str]) -> Registered:
    """See to it that every device is registered and that its secret is known.

    A missing one is registered as a recorder without a carrier. One whose secret is not known gets a new secret, but
    only if it is a recorder: a real device would be cut off by that.

    Args:
        conninfo: of the database.
        devices: names.
        known: secrets that may still be in force.

    Raises:
        RegisterError: a device is of another kind and its secret is not known, or it was revoked.
        DatabaseUnavailable: the database does not answer.
    """
    async with await connect(conninfo, name="replay", autocommit=False) as connection:
        done = Registered({})
        for device in devices:
            secret = await _in_force(connection, device, known.get(device))
            if secret is None:
                secret = await _issued(connection, device)
                done.changed.append(device)
            done.secrets[device] = secret
        done.revision = (await register.revision(connection)).revision
        await connection.commit()
    return done


async def _in_force(connection: Connection, device: str, secret: str | None) -> str | None:
    row = await (await connection.execute(_SQL["verifiers"], {"name": device})).fetchone()
    if row is None or secret is None:
        return None
    return secret if bcrypt.checkpw(secret.encode(), str(row["verifiers"].get("nats", "")).encode()) else None


async def _issued(connection: Connection, device: str) -> str:
    row = await (await connection.execute(_SQL["device_named"], {"name": device})).fetchone()
    if row is None:
        return (await register.add_device(connection, name=device, kind=KIND)).secret
    if row["kind"] != KIND:
        raise RegisterError(
            f"device {device} is registered as a {row['kind']} and its secret is not known here; "
            "give it with --device-secrets, or play under other names with --as"
        )
    return (await register.issue_secret(connection, name=device)).secret
