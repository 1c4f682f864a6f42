"""mosquitto: its password file and access list are written, it is told to reload, and it is asked whether it did."""

import asyncio
import secrets
from collections.abc import Iterable, Sequence
from pathlib import Path

from typing_extensions import override

from gateway import metrics
from gateway.accounts import MARKER
from gateway.address import Address, Credentials, Tls
from gateway.errors import AccountsNotTaken, BrokerRefused, BrokerUnavailable
from gateway.mqtt.connection import Connection
from gateway.provisioning.files import tell_to_reload, write_if_changed
from gateway.provisioning.mosquitto_accounts import MARKER_CLOSED, MosquittoAccounts, render
from gateway.provisioning.provisioner import DeviceAccount, Provisioner
from ingest.delivery import Delivery, settle_all

RELOAD_S = 10.0  # seconds a reload may take; it hashes every connected client's password again, at 0.09 ms each
_ASK_AGAIN_S = 0.05
_ANSWER_S = 5.0


class MosquittoProvisioner(Provisioner):
    """Accounts in the two files that mosquitto's `password_file` and `acl_file` name.

    Args:
        password_file: its folder must exist.
        acl_file: its folder must exist.
        pid_file: mosquitto's own; without one, or while it names no mosquitto, nobody is told to reload.
        url: where to ask whether the accounts are in force.
        secret: from which the accounts of gengfu itself are derived.
        workers: names of the ingest workers.
        tls: certificates for `mqtts://`.
    """

    def __init__(
        self,
        password_file: Path,
        *,
        acl_file: Path,
        pid_file: Path | None,
        url: str,
        secret: str,
        workers: Iterable[str],
        tls: Tls | None = None,
    ) -> None:
        self._passwords = password_file
        self._acl = acl_file
        self._pid_file = pid_file
        self._address = Address.parse(url)
        self._secret = secret
        self._tls = tls
        self._workers = tuple(workers)
        self._in_force: MosquittoAccounts | None = None

    @override
    async def write(self, devices: Sequence[DeviceAccount]) -> bool:
        return await asyncio.to_thread(self._write, render(devices, secret=self._secret, workers=self._workers))

    @override
    async def apply(self, devices: Sequence[DeviceAccount]) -> bool:
        accounts = render(devices, secret=self._secret, workers=self._workers)
        changed = await asyncio.to_thread(self._write, accounts)
        if not changed and self._in_force == accounts:
            return False
        self._in_force = None
        await asyncio.to_thread(tell_to_reload, self._pid_file, program="mosquitto", file=self._passwords)
        await self._wait_in_force(accounts)
        self._in_force = accounts
        metrics.RELOADS.inc()
        metrics.ACCOUNTS.set(len(devices))
        return True

    def _write(self, accounts: MosquittoAccounts) -> bool:
        # The list first: a new name with no rights does no harm, a name with yesterday's rights might.
        listed = write_if_changed(self._acl, accounts.acl, setting="broker.mosquitto_acl_file")
        named = write_if_changed(self._passwords, accounts.passwords, setting="broker.mosquitto_password_file")
        return listed or named

    async def _wait_in_force(self, accounts: MosquittoAccounts) -> None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + RELOAD_S
        while (found := await self._look(accounts)) != "in force":
            if loop.time() >= deadline:
                metrics.RELOADS_FAILED.inc()
                raise AccountsNotTaken(
                    f"mosquitto at {self._address} does not act on {self._passwords} and {self._acl} "
                    f"after {RELOAD_S:g} s: {found}; see its log, that its password_file and acl_file are these, "
                    "that it may read them, and that broker.mosquitto_pid_file names its process"
                )
            await asyncio.sleep(_ASK_AGAIN_S)

    async def _look(self, accounts: MosquittoAccounts) -> str:
        """Be the marker, and publish where only the marker of this very list may, and then where nobody may."""
        came: asyncio.Queue[str] = asyncio.Queue()
        connection = Connection(
            self._address,
            credentials=Credentials(MARKER, accounts.marker_password, secrets.token_urlsafe(16)),
            on_deliveries=lambda deliveries: _note(came, deliveries),
            clean_session=True,
            tls=self._tls,
        )
        try:
            await connection.open()
            await connection.subscribe([accounts.marker_topic, MARKER_CLOSED])
            async with asyncio.timeout(_ANSWER_S):
                await connection.publish(accounts.marker_topic, b"")
                await came.get()
                closed = await _is_closed(connection, came, open_topic=accounts.marker_topic)
        except BrokerRefused:
            return "it does not know the newest passwords"
        except TimeoutError:
            return "it knows the newest passwords, but not the newest access list"
        finally:
            await connection.close()
        return "in force" if closed else "no access list is in force, and everybody may publish and read everything"


async def _is_closed(connection: Connection, came: asyncio.Queue[str], *, open_topic: str) -> bool:
    try:
        for topic in (MARKER_CLOSED, open_topic):
            await connection.publish(topic, b"")
        return await came.get() != MARKER_CLOSED
    except BrokerUnavailable:  # mosquitto 2.0.11 with max_queued_messages 0 hangs up on whoever may not publish
        return True


def _note(came: asyncio.Queue[str], deliveries: Sequence[Delivery]) -> None:
    for delivery in deliveries:
        came.put_nowait(delivery.topic)
    settle_all(deliveries)
