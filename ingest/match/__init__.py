"""What a fix may concern: the grid it lies in, and the circles it may have touched."""

from ingest.match.circles import Mark, touched
from ingest.match.grids import locate

__all__ = ["Mark", "locate", "touched"]
