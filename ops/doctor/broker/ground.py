"""Where probes take place: accounts of the doctor's own, topics that only they have, and sessions cleared again."""

import contextlib
import secrets
import ssl
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import replace
from typing import Any

from gateway.accounts import DOCTORS, credentials_of
from gateway.address import Address
from ops.doctor.broker.client import Client
from ops.doctor.broker.errors import ProbeFailed
from ops.doctor.finding import Finding, Grade

PART = "broker"
QUIET_S = 1.5  # without any message for so long, none is coming


class Ground:
    """What a probe may use.

    Attributes:
        own: the account that receives.
        helper: another one with the same topic, which sends.
        stranger: one that has no right to that topic.
        topic: the topic of the first two.
        kind: which broker it is, from the settings.
        batch_readings: ingest's setting.
    """

    own, helper, stranger = DOCTORS
    topic = DOCTORS[own]

    def __init__(
        self, address: Address, *, secret: str, kind: str, batch_readings: int, tls: ssl.SSLContext | None
    ) -> None:
        self.kind = kind
        self.batch_readings = batch_readings
        self._address = address
        self._secret = secret
        self._tls = tls
        self._run = secrets.token_urlsafe(16)
        self._kept: set[tuple[str, str]] = set()

    @contextlib.asynccontextmanager
    async def client(
        self, account: str, *, session: str | None = None, clean: bool = True, acknowledge: bool = True
    ) -> AsyncIterator[Client]:
        """A connection of an account.

        Args:
            account: `own`, `helper` or `stranger`.
            session: which of its sessions; without one, a new one.
            clean: begin and leave nothing.
            acknowledge: at once; otherwise when `acknowledge_all` is called.
        """
        session = session or secrets.token_hex(4)
        if not clean:
            self._kept.add((account, session))
        async with self._client(account, session, clean=clean, acknowledge=acknowledge) as client:
            yield client

    def _client(self, account: str, session: str, *, clean: bool, acknowledge: bool) -> Client:
        credentials = replace(credentials_of(account, secret=self._secret), client_id=f"doctor-{self._run}-{session}")
        return Client(self._address, credentials=credentials, clean=clean, acknowledge=acknowledge, tls=self._tls)

    async def clear(self) -> None:
        """Leave no session behind."""
        for account, session in self._kept:
            with contextlib.suppress(ProbeFailed):
                async with self._client(account, session, clean=True, acknowledge=True):
                    pass
        self._kept.clear()


def said(check: str, grade: Grade, seen: str, why: str = "", change: str = "") -> Finding:
    """A finding about the broker."""
    return Finding(PART, check, grade, seen, why, change)


Look = Callable[[Ground], Coroutine[Any, Any, list[Finding]]]
