"""What can go wrong with a measurement.

OpsError
└── BenchError
"""

from ops.errors import OpsError


class BenchError(OpsError):
    """A measurement could not be made; the message says what is missing or what stood still."""
