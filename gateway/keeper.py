"""Keeps the broker's accounts equal to the register: at every change, and every few seconds in case one was missed."""

import asyncio
import logging

import psycopg

from gateway import register
from gateway.errors import BrokerUnavailable, ProvisioningError
from gateway.listening import wait_for
from gateway.outage import Outage
from gateway.provisioning import DeviceAccount, Provisioner
from ingest.database import Pool, transaction
from ingest.errors import DatabaseUnavailable

log = logging.getLogger(__name__)

POLL_S = 5.0  # seconds until a revoked device is out even when no notification arrives
_TROUBLE = (DatabaseUnavailable, psycopg.Error, ProvisioningError, BrokerUnavailable)


class Keeper:
    """One provisioner and the register that it follows.

    Args:
        pool: of the database.
        provisioner: of the broker.
        changed: set when the register may have changed.
    """

    def __init__(self, pool: Pool, *, provisioner: Provisioner, changed: asyncio.Event) -> None:
        self._pool = pool
        self._provisioner = provisioner
        self._changed = changed
        self.in_force = asyncio.Event()  # set once the broker acts on the register
        self._outage = Outage(log, thing="keeping the broker's accounts equal to the register")
        self._revision: int | None = None
        self._devices: list[DeviceAccount] = []

    async def write_first(self) -> None:
        """Write the accounts, however long the database is away: nobody of ours can connect before that."""
        while True:
            try:
                await self._look()
                await self._provisioner.write(self._devices)
            except _TROUBLE as error:
                self._outage.failed(error)
                await wait_for(self._changed, at_most_s=POLL_S)
            else:
                self._outage.worked()
                return

    async def run(self) -> None:
        """Follow the register until cancelled."""
        while True:
            try:
                await self._follow()
            except _TROUBLE as error:
                self._outage.failed(error)
            else:
                self._outage.worked()
            await wait_for(self._changed, at_most_s=POLL_S)

    async def _follow(self) -> None:
        await self._look()
        changed = await self._provisioner.apply(self._devices)
        self.in_force.set()
        async with transaction(self._pool) as connection:
            if changed or (await register.revision(connection)).applied != self._revision:
                await register.note_applied(connection, number=self._revision or 0)
            else:
                await register.beat(connection)
        if changed:
            log.info("the broker acts on revision %s: %d devices", self._revision, len(self._devices))

    async def _look(self) -> None:
        async with transaction(self._pool) as connection:
            now = (await register.revision(connection)).revision
            if now != self._revision:
                self._revision, self._devices = await register.accounts(connection)
