"""nats-server: its accounts file is written, it is told to reload, and it is asked whether it did."""

import asyncio
import secrets
from collections.abc import Iterable, Sequence
from pathlib import Path

from typing_extensions import override

from gateway import metrics
from gateway.accounts import MARKER
from gateway.address import Address, Credentials, Tls
from gateway.errors import AccountsNotTaken, BrokerRefused
from gateway.mqtt.connection import Connection
from gateway.provisioning.files import tell_to_reload, write_if_changed
from gateway.provisioning.nats_accounts import Accounts, render
from gateway.provisioning.provisioner import DeviceAccount, Provisioner

RELOAD_S = 5.0  # seconds a reload may take; 5,000 accounts take 0.1 s
_ASK_AGAIN_S = 0.05


class NatsProvisioner(Provisioner):
    """Accounts in a file that nats-server's configuration includes.

    Args:
        accounts_file: the file; its folder must exist and belong to us.
        pid_file: nats-server's own; without one, or while it names no nats-server, nobody is told to reload.
        url: where to ask whether the accounts are in force.
        secret: from which the accounts of gengfu itself are derived.
        workers: names of the ingest workers.
        tls: certificates for asking by `mqtts://`.
    """

    def __init__(
        self,
        accounts_file: Path,
        *,
        pid_file: Path | None,
        url: str,
        secret: str,
        workers: Iterable[str],
        tls: Tls | None = None,
    ) -> None:
        self._file = accounts_file
        self._pid_file = pid_file
        self._address = Address.parse(url)
        self._secret = secret
        self._workers = tuple(workers)
        self._tls = tls
        self._in_force: str | None = None

    @override
    async def write(self, devices: Sequence[DeviceAccount]) -> bool:
        accounts = render(devices, secret=self._secret, workers=self._workers)
        return await asyncio.to_thread(self._replace, accounts.text)

    @override
    async def apply(self, devices: Sequence[DeviceAccount]) -> bool:
        accounts = render(devices, secret=self._secret, workers=self._workers)
        changed = await asyncio.to_thread(self._replace, accounts.text)
        if not changed and self._in_force == accounts.text:
            return False
        self._in_force = None
        await asyncio.to_thread(tell_to_reload, self._pid_file, program="nats-server", file=self._file)
        await self._wait_in_force(accounts)
        self._in_force = accounts.text
        metrics.RELOADS.inc()
        metrics.ACCOUNTS.set(len(devices))
        return True

    def _replace(self, text: str) -> bool:
        return write_if_changed(self._file, text, setting="broker.nats_accounts_file")

    async def _wait_in_force(self, accounts: Accounts) -> None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + RELOAD_S
        while not await self._lets_in(accounts.marker_password):
            if loop.time() >= deadline:
                metrics.RELOADS_FAILED.inc()
                raise AccountsNotTaken(
                    f"nats-server at {self._address} does not act on {self._file} after {RELOAD_S:g} s; "
                    "see its log for «Failed to reload», and that broker.nats_pid_file names its process"
                )
            await asyncio.sleep(_ASK_AGAIN_S)

    async def _lets_in(self, password: str) -> bool:
        connection = Connection(
            self._address,
            credentials=Credentials(MARKER, password, secrets.token_urlsafe(16)),
            clean_session=True,
            tls=self._tls,
        )
        try:
            await connection.open()
        except BrokerRefused:
            return False
        else:
            return True
        finally:
            await connection.close()
