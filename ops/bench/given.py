"""A broker that somebody else runs: the accounts it must have, and its sessions, which are left empty."""

import csv
import secrets
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from gateway import LANES, Credentials, Session, credentials_of, ingest_account
from ops.bench.cpu import Clock
from ops.bench.errors import BenchError

Kind = Literal["mosquitto", "nats", "emqx"]

LEAST_ACCOUNTS = 2  # one for fixes, the last one for urgent readings
UP_S = 20.0


@dataclass(frozen=True, kw_only=True)
class GivenBroker:
    """Where it is and who may connect.

    Attributes:
        url: its address.
        kind: `mosquitto`, `emqx` or `nats`.
        secret: from which its accounts of gengfu's own are derived.
        load: accounts that may publish for every device; one connection each, the last for urgent readings.
        cpu: CPU seconds of the broker, None when they cannot be seen from here.
    """

    url: str
    kind: Kind
    secret: str
    load: tuple[Credentials, ...]
    cpu: Clock | None

    async def clear(self, workers: Sequence[str]) -> None:
        """End the sessions of these workers at the broker, with all that waits in them."""
        async with AsyncExitStack() as stack:
            for account in (ingest_account(worker, lane) for worker in workers for lane in LANES):
                session = Session(
                    self.url,
                    credentials=credentials_of(account, secret=self.secret),
                    name=account,
                    clean_session=True,
                )
                await stack.enter_async_context(session)
                await session.wait_up(timeout_s=UP_S)


def read_accounts(file: Path) -> tuple[Credentials, ...]:
    """Accounts from a CSV with the columns `user` and `password`; each connects under a random client id.

    Raises:
        BenchError: it cannot be read, or names too few.
    """
    try:
        with file.open(newline="", encoding="utf-8") as stream:
            found = [(row["user"], row["password"]) for row in csv.DictReader(stream)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise BenchError(f"cannot read the accounts of the load from {file}: {error}") from error
    except KeyError as error:
        raise BenchError(f"{file} has no column {error}; its first line must be: user,password") from error
    if len(found) < LEAST_ACCOUNTS:
        raise BenchError(
            f"{file} names {len(found)} account(s); at least {LEAST_ACCOUNTS} are needed, the last for urgent readings"
        )
    return tuple(Credentials(user, password, secrets.token_urlsafe(16)) for user, password in found)
