"""mosquitto: its password file and access list, and a user that shows whether both are in force."""

import asyncio
import secrets
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import ClassVar

from typing_extensions import override

from gateway.accounts import MARKER
from gateway.address import Credentials, Tls
from gateway.errors import BrokerRefused, BrokerUnavailable
from gateway.mqtt.connection import Connection
from gateway.provisioning.files import write_if_changed
from gateway.provisioning.mosquitto_accounts import MARKER_CLOSED, MosquittoAccounts, render
from gateway.provisioning.provisioner import DeviceAccount
from gateway.provisioning.reloading import ReloadingProvisioner
from ingest.delivery import Delivery, settle_all

_ANSWER_S = 5.0
_SEE_TO = (
    "see its log, that its password_file and acl_file are these, that it may read them, "
    "and that broker.mosquitto_pid_file names its process"
)


class MosquittoProvisioner(ReloadingProvisioner[MosquittoAccounts]):
    """Accounts in the two files that mosquitto's `password_file` and `acl_file` name."""

    program: ClassVar[str] = "mosquitto"
    reload_s = 10.0  # it hashes every connected client's password again, at 0.09 ms each

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
        """Nothing is written yet; see `ReloadingProvisioner`.

        Args:
            password_file: its folder must exist.
            acl_file: its folder must exist.
            pid_file: mosquitto's own.
            url: where to ask.
            secret: of gengfu's own accounts.
            workers: names.
            tls: certificates.
        """
        super().__init__(pid_file=pid_file, url=url, secret=secret, workers=workers, tls=tls)
        self._passwords = password_file
        self._acl = acl_file

    @override
    def _render(self, devices: Sequence[DeviceAccount]) -> MosquittoAccounts:
        return render(devices, secret=self._secret, workers=self._workers)

    @override
    def _files(self) -> tuple[Path, ...]:
        return self._passwords, self._acl

    @override
    def _write(self, accounts: MosquittoAccounts) -> bool:
        # The list first: a new name with no rights does no harm, a name with yesterday's rights might.
        listed = write_if_changed(self._acl, accounts.acl, setting="broker.mosquitto_acl_file")
        named = write_if_changed(self._passwords, accounts.passwords, setting="broker.mosquitto_password_file")
        return listed or named

    @override
    async def _look(self, accounts: MosquittoAccounts) -> str | None:
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
            return f"it does not know the newest passwords; {_SEE_TO}"
        except TimeoutError:
            return f"it knows the newest passwords, but not the newest access list; {_SEE_TO}"
        finally:
            await connection.close()
        if closed:
            return None
        return f"no access list is in force, and everybody may publish and read everything; {_SEE_TO}"


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
