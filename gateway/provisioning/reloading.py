"""What brokers have in common that read their accounts from files: written, told to reload, asked whether it did."""

import asyncio
import logging
from abc import abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from re import Pattern
from typing import ClassVar, Generic, TypeVar

from typing_extensions import override

from gateway import metrics
from gateway.accounts import RESERVED
from gateway.address import Address, Tls
from gateway.errors import AccountsNotTaken
from gateway.provisioning.files import tell_to_reload
from gateway.provisioning.provisioner import DeviceAccount, Provisioner

_ASK_AGAIN_S = 0.05

log = logging.getLogger(__name__)
A = TypeVar("A")


class ReloadingProvisioner(Provisioner, Generic[A]):
    """Accounts of one kind of broker, in files.

    Attributes:
        program: the broker's, as its process is called.
        reload_s: seconds a reload may take.
    """

    program: ClassVar[str]
    reload_s: float

    def __init__(
        self, *, pid_file: Path | None, url: str, secret: str, workers: Iterable[str], tls: Tls | None = None
    ) -> None:
        """Nothing is written yet.

        Args:
            pid_file: the broker's own; without one, or while it names no such program, nobody is told to reload.
            url: where to ask whether the accounts are in force.
            secret: from which the accounts of gengfu itself are derived.
            workers: names of the ingest workers.
            tls: certificates for `mqtts://`.
        """
        self._pid_file = pid_file
        self._address = Address.parse(url)
        self._secret = secret
        self._workers = tuple(workers)
        self._tls = tls
        self._acted_on: A | None = None

    @override
    async def write(self, devices: Sequence[DeviceAccount]) -> bool:
        return await asyncio.to_thread(self._write, self._render(devices))

    @override
    async def apply(self, devices: Sequence[DeviceAccount]) -> bool:
        accounts = self._render(devices)
        changed = await asyncio.to_thread(self._write, accounts)
        if not changed and self._acted_on == accounts:
            return False
        self._acted_on = None
        await asyncio.to_thread(tell_to_reload, self._pid_file, program=self.program, file=self._files()[0])
        await self._wait_in_force(accounts)
        self._acted_on = accounts
        metrics.RELOADS.inc()
        metrics.ACCOUNTS.set(len(devices))
        return True

    async def _wait_in_force(self, accounts: A) -> None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self.reload_s
        while (found := await self._look(accounts)) is not None:
            if loop.time() >= deadline:
                metrics.RELOADS_FAILED.inc()
                files = " and ".join(map(str, self._files()))
                raise AccountsNotTaken(
                    f"{self.program} at {self._address} does not act on {files} after {self.reload_s:g} s: {found}"
                )
            await asyncio.sleep(_ASK_AGAIN_S)

    @abstractmethod
    def _render(self, devices: Sequence[DeviceAccount]) -> A:
        """What is to be in the files."""

    @abstractmethod
    def _files(self) -> tuple[Path, ...]:
        """The files, the one that says whose process to tell first."""

    @abstractmethod
    def _write(self, accounts: A) -> bool:
        """Write what has changed, in a thread; says whether anything had."""

    @abstractmethod
    async def _look(self, accounts: A) -> str | None:
        """Ask the broker: what it does instead, and what to see to; None when it acts on exactly these accounts."""


def usable(
    devices: Sequence[DeviceAccount], *, kind: str, verifier: Pattern[str], called: str
) -> Iterator[tuple[str, str]]:
    """Name and verifier of each device that a broker can let in, by name; the others are said and left out.

    Args:
        devices: of the register; the last of a name counts.
        kind: of broker.
        verifier: what it must look like.
        called: what such a verifier is called.
    """
    for name, device in sorted({device.name: device for device in devices}.items()):
        text = device.verifiers.get(kind, "")
        if name.startswith(RESERVED) or not verifier.fullmatch(text):
            log.error(
                "device %s is left out of the broker's accounts: %s",
                name,
                "its name is reserved" if name.startswith(RESERVED) else f"it has no {called} verifier; rotate it",
                extra={"event": "device_left_out"},
            )
        else:
            yield name, text
