"""What keeps the doctor from looking."""

from ops.errors import OpsError


class UnreadableConfiguration(OpsError):
    """The file named by --broker-config cannot be read as a broker's configuration."""
