"""Accounts of people: made, changed and closed by whoever runs the service; a change ends their sessions."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from psycopg.rows import DictRow

from ingest.database import Connection
from ingest.queries import load_queries
from ops.errors import OpsError
from ops.http.database import row, rows
from ops.http.passwords import MAX_LENGTH, MIN_LENGTH, hash_password
from ops.http.permissions import ROLES

_SQL = load_queries("ops", "accounts.sql")
_NAME = re.compile(r"[^\x00-\x20\x7f]{1,64}")


class AccountError(OpsError):
    """An account cannot be made, changed or found as asked; the message says what to do."""


class Keep:
    """Stands for a field that a change leaves as it is."""


KEEP: Final = Keep()


@dataclass(frozen=True, kw_only=True)
class AccountLine:
    """One account as `gengfu user list` shows it. `scope` is a grid code, None is the whole site."""

    name: str
    role: str
    scope: str | None
    unit: str | None
    created_at: datetime
    closed_at: datetime | None
    sessions: int


async def add_account(
    connection: Connection,
    *,
    name: str,
    role: str,
    password: str,
    scope: str | None = None,
    unit: str | None = None,
) -> None:
    """Make an account.

    Args:
        connection: in a transaction.
        name: what the person signs in with, 1 to 64 characters without spaces.
        role: one of the six.
        password: at least 8 characters; only its hash is kept.
        scope: code of the grid that bounds what the account sees; None is the whole site.
        unit: code of the person's unit; a patrol sees nothing but this unit's.

    Raises:
        AccountError: something about these is not right, or the name is taken.
    """
    if not _NAME.fullmatch(name):
        raise AccountError(f"user name {name!r} cannot be used; take 1 to 64 characters without spaces")
    _check_role(role)
    await _check_places(connection, role=role, scope=scope, unit=unit)
    values = {"name": name, "password": hash_password(_fit(password)), "role": role, "scope": scope, "unit": unit}
    if await row(connection, _SQL["add"], values) is None:
        raise AccountError(f"there is a user {name} already; take another name, or change that one")


async def list_accounts(connection: Connection) -> list[AccountLine]:
    """All accounts, closed ones too, by name."""
    return [AccountLine(**one) for one in await rows(connection, _SQL["list"], {})]


async def close_account(connection: Connection, name: str, *, at: datetime) -> None:
    """Close an account for good and end its sessions; harmless to repeat.

    Raises:
        AccountError: there is no such user.
    """
    account = await _lock(connection, name)
    await connection.execute(_SQL["close"], {"id": account["id"], "at": at})
    await connection.execute(_SQL["end_sessions"], {"id": account["id"]})


async def set_password(connection: Connection, name: str, *, password: str) -> None:
    """Give an account a new password and end its sessions.

    Raises:
        AccountError: there is no such user, it is closed, or the password is too short.
    """
    account = await _lock(connection, name, in_use=True)
    await connection.execute(_SQL["set_password"], {"id": account["id"], "password": hash_password(_fit(password))})
    await connection.execute(_SQL["end_sessions"], {"id": account["id"]})


async def change_account(
    connection: Connection,
    name: str,
    *,
    role: str | Keep = KEEP,
    scope: str | Keep | None = KEEP,
    unit: str | Keep | None = KEEP,
) -> None:
    """Give an account another role, territory or unit, and end its sessions.

    Raises:
        AccountError: there is no such user, it is closed, or the new values are not right.
    """
    account = await _lock(connection, name, in_use=True)
    given = {"role": role, "scope": scope, "unit": unit}
    after: dict[str, Any] = {key: account[key] if isinstance(value, Keep) else value for key, value in given.items()}
    _check_role(after["role"])
    await _check_places(connection, role=after["role"], scope=after["scope"], unit=after["unit"])
    await connection.execute(_SQL["change"], {"id": account["id"], **after})
    await connection.execute(_SQL["end_sessions"], {"id": account["id"]})


async def _lock(connection: Connection, name: str, *, in_use: bool = False) -> DictRow:
    account = await row(connection, _SQL["lock"], {"name": name})
    if account is None:
        known = ", ".join(one["name"] for one in await rows(connection, _SQL["names"], {}))
        raise AccountError(
            f"there is no user {name}; there are: {known}" if known else f"there is no user {name}, nor any other"
        )
    if in_use and account["closed_at"] is not None:
        raise AccountError(f"user {name} was closed at {account['closed_at']:%Y-%m-%d %H:%M:%SZ}; add another one")
    return account


def _check_role(role: str) -> None:
    if role not in ROLES:
        raise AccountError(f"there is no role {role!r}; take one of {', '.join(ROLES)}")


def _fit(password: str) -> str:
    if not MIN_LENGTH <= len(password) <= MAX_LENGTH:
        raise AccountError(f"the password has {len(password)} characters; take {MIN_LENGTH} to {MAX_LENGTH}")
    return password


async def _check_places(connection: Connection, *, role: str, scope: str | None, unit: str | None) -> None:
    if role == "patrol" and unit is None:
        raise AccountError("a patrol sees its own unit only; say which with --unit")
    for kind, code in (("grid", scope), ("unit", unit)):
        if code is not None and await row(connection, _SQL[kind], {"code": code}) is None:
            known = [one["code"] for one in await rows(connection, _SQL[f"some_{kind}s"], {})]
            hint = f"there are such as {', '.join(known)}" if known else "import the town first: gengfu town import DIR"
            raise AccountError(f"there is no {kind} {code!r}; {hint}")
