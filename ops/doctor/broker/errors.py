"""What keeps a probe from looking.

ProbeFailed
├── NotThere
└── NotLetIn
"""

from ops.errors import OpsError


class ProbeFailed(OpsError):
    """A probe could not be carried out, so it says nothing about the broker."""


class NotThere(ProbeFailed):
    """Nobody answers as a broker does; see broker.url."""


class NotLetIn(ProbeFailed):
    """The broker does not know the doctor's accounts; start the gateway, which writes them."""
