"""A town's files: reading and checking them, and the synthetic town that is shipped as a sample."""

from ops.town.findings import Finding
from ops.town.model import (
    Checkpoint,
    Custody,
    Device,
    Equipment,
    Grid,
    Hydrant,
    Post,
    Road,
    Route,
    Shift,
    Town,
    Unit,
)
from ops.town.reader import read_town

__all__ = [
    "Checkpoint",
    "Custody",
    "Device",
    "Equipment",
    "Finding",
    "Grid",
    "Hydrant",
    "Post",
    "Road",
    "Route",
    "Shift",
    "Town",
    "Unit",
    "read_town",
]
