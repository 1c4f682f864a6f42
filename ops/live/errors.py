"""What can go wrong in the live stream.

LiveError
└── KindError
"""

from ops.errors import OpsError


class LiveError(OpsError):
    """The live stream could not do its work; the message says what to change."""


class KindError(LiveError):
    """A kind of message is declared wrongly; the message names its module and what it lacks."""
