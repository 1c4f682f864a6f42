"""nats-server: its accounts file is written, it is told to reload, and it is asked whether it did."""

import asyncio
import contextlib
import logging
import os
import secrets
import signal
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from typing_extensions import override

from gateway import metrics
from gateway.accounts import MARKER
from gateway.address import Address, Credentials
from gateway.errors import AccountsNotTaken, BrokerRefused, ProvisioningError
from gateway.mqtt.connection import Connection
from gateway.provisioning.nats_accounts import Accounts, render
from gateway.provisioning.provisioner import DeviceAccount, Provisioner

log = logging.getLogger(__name__)

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
    """

    def __init__(
        self, accounts_file: Path, *, pid_file: Path | None, url: str, secret: str, workers: Iterable[str]
    ) -> None:
        self._file = accounts_file
        self._pid_file = pid_file
        self._address = Address.parse(url)
        self._secret = secret
        self._workers = tuple(workers)
        self._in_force: str | None = None

    @override
    async def write(self, devices: Sequence[DeviceAccount]) -> bool:
        accounts = render(devices, secret=self._secret, workers=self._workers)
        return await asyncio.to_thread(write_if_changed, self._file, accounts.text)

    @override
    async def apply(self, devices: Sequence[DeviceAccount]) -> bool:
        accounts = render(devices, secret=self._secret, workers=self._workers)
        changed = await asyncio.to_thread(write_if_changed, self._file, accounts.text)
        if not changed and self._in_force == accounts.text:
            return False
        self._in_force = None
        await asyncio.to_thread(self._tell_to_reload)
        await self._wait_in_force(accounts)
        self._in_force = accounts.text
        metrics.RELOADS.inc()
        metrics.ACCOUNTS.set(len(devices))
        return True

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
            self._address, credentials=Credentials(MARKER, password, secrets.token_urlsafe(16)), clean_session=True
        )
        try:
            await connection.open()
        except BrokerRefused:
            return False
        else:
            return True
        finally:
            await connection.close()

    def _tell_to_reload(self) -> None:
        pid = _running_server(self._pid_file)
        if pid is None:
            log.info("no nats-server runs by %s; it reads %s when it starts", self._pid_file, self._file)
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGHUP)


def write_if_changed(file: Path, text: str) -> bool:
    """Replace the file in one step, readable by its owner alone; says whether it held anything else before.

    Raises:
        ProvisioningError: it cannot be written.
    """
    try:
        with contextlib.suppress(FileNotFoundError):
            if file.read_text(encoding="utf-8") == text:
                return False
        owner = file.stat() if file.exists() else file.parent.stat()
        handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as out:
                out.write(text)
                out.flush()
                if os.geteuid() == 0:  # the broker runs as the owner of its folder, and must be able to read this
                    os.fchown(out.fileno(), owner.st_uid, owner.st_gid)
                os.fsync(out.fileno())
            Path(name).replace(file)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise ProvisioningError(
            f"cannot write the broker's accounts to {file}: {error.strerror}; see broker.nats_accounts_file"
        ) from error
    return True


def _running_server(pid_file: Path | None) -> int | None:
    """The process of nats-server; a stale number that another program has now must not get a SIGHUP."""
    if pid_file is None:
        return None
    try:
        pid = int(pid_file.read_text(encoding="ascii"))
        command = Path(f"/proc/{pid}/comm").read_text(encoding="utf-8").strip()
    except (OSError, ValueError):
        return None
    return pid if command.startswith("nats-server") else None
