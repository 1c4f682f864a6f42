"""What can go wrong with a town.

OpsError
└── TownError
    ├── TownImportError
    └── GridEditError
"""

from ops.errors import OpsError


class TownError(OpsError):
    """A town could not be read or kept; the message names the file and the remedy."""


class TownImportError(TownError):
    """A town that is well-formed does not fit what the database holds; nothing was imported."""


class GridEditError(TownError):
    """A grid cannot be changed as asked; the message says what to do."""
