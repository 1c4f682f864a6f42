"""nats-server: its accounts file, and a user that can connect only when it is in force."""

import secrets
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import ClassVar

from typing_extensions import override

from gateway.accounts import MARKER
from gateway.address import Credentials, Tls
from gateway.errors import BrokerRefused
from gateway.mqtt.connection import Connection
from gateway.provisioning.files import write_if_changed
from gateway.provisioning.nats_accounts import Accounts, render
from gateway.provisioning.provisioner import DeviceAccount
from gateway.provisioning.reloading import ReloadingProvisioner


class NatsProvisioner(ReloadingProvisioner[Accounts]):
    """Accounts in a file that nats-server's configuration includes."""

    program: ClassVar[str] = "nats-server"
    reload_s = 5.0  # 5,000 accounts take 0.1 s

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
        """Nothing is written yet; see `ReloadingProvisioner`.

        Args:
            accounts_file: its folder must exist and belong to us.
            pid_file: nats-server's own.
            url: where to ask.
            secret: of gengfu's own accounts.
            workers: names.
            tls: certificates.
        """
        super().__init__(pid_file=pid_file, url=url, secret=secret, workers=workers, tls=tls)
        self._file = accounts_file

    @override
    def _render(self, devices: Sequence[DeviceAccount]) -> Accounts:
        return render(devices, secret=self._secret, workers=self._workers)

    @override
    def _files(self) -> tuple[Path, ...]:
        return (self._file,)

    @override
    def _write(self, accounts: Accounts) -> bool:
        return write_if_changed(self._file, accounts.text, setting="broker.nats_accounts_file")

    @override
    async def _look(self, accounts: Accounts) -> str | None:
        connection = Connection(
            self._address,
            credentials=Credentials(MARKER, accounts.marker_password, secrets.token_urlsafe(16)),
            clean_session=True,
            tls=self._tls,
        )
        try:
            await connection.open()
        except BrokerRefused:
            return "see its log for «Failed to reload», and that broker.nats_pid_file names its process"
        else:
            return None
        finally:
            await connection.close()
