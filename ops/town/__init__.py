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
from ops.town.shipped import copy_sample, sample_dir

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
    "copy_sample",
    "read_town",
    "sample_dir",
]
