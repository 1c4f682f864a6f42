"""What every broker's provisioning must be able to do."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class DeviceAccount:
    """A device that may connect, with its verifier for each sort of broker."""

    name: str
    verifiers: Mapping[str, str]


class Provisioner(Protocol):
    """Whoever is not in the list given to `apply` can no longer connect, and is disconnected if it is."""

    async def write(self, devices: Sequence[DeviceAccount]) -> bool:
        """Make the accounts ready for a broker that may not run yet; says whether anything changed.

        Raises:
            ProvisioningError: they could not be made or written.
        """
        ...

    async def apply(self, devices: Sequence[DeviceAccount]) -> bool:
        """Make the broker's accounts these, and return when it acts on them; says whether anything changed.

        Raises:
            ProvisioningError: they could not be made or written, or the broker does not act on them.
            BrokerUnavailable: nobody could be asked; what was written is read when the broker starts.
        """
        ...
