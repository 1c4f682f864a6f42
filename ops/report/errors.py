"""What can go wrong with a report.

OpsError
└── ReportError
"""

from ops.errors import OpsError


class ReportError(OpsError):
    """A report cannot be made as asked; the message says what to change."""
