"""The dated world as ingest needs it: grids, circles and the device register, held in memory and refreshed."""

from dataclasses import dataclass, field

import numpy as np
import shapely
from numpy.typing import NDArray

from ingest.columns import Ints, microseconds
from ingest.database import Connection
from ingest.queries import load_queries

_SQL = load_queries("ingest", "world.sql")
FOREVER_US = 2**62


@dataclass(frozen=True)
class Circles:
    """Places that a fix may touch, as columns."""

    kind: str
    subjects: list[str] = field(default_factory=list)
    lat: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    lon: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    radius_m: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    since_us: Ints = field(default_factory=lambda: np.empty(0, np.int64))  # earlier fixes do not concern it


@dataclass(frozen=True)
class Device:
    """What ingest must know of a registered device."""

    number: int
    name: str
    kind: str
    datum: str


@dataclass(frozen=True)
class World:
    """One consistent picture; replaced whole, never changed."""

    devices: dict[str, Device]
    grid_ids: Ints
    grid_levels: Ints
    grid_from: Ints  # microseconds since 1970, inclusive
    grid_to: Ints  # exclusive
    grid_tree: shapely.STRtree
    checkpoints: Circles
    incidents: Circles


async def load_world(connection: Connection) -> World:
    """Read the picture of this moment."""
    devices = await (await connection.execute(_SQL["devices"])).fetchall()
    grids = await (await connection.execute(_SQL["grids"])).fetchall()
    return World(
        devices={row["name"]: Device(**row) for row in devices},
        grid_ids=np.array([row["id"] for row in grids], np.int64),
        grid_levels=np.array([row["level"] for row in grids], np.int64),
        grid_from=np.array([microseconds(row["valid_from"]) for row in grids], np.int64),
        grid_to=np.array([microseconds(row["valid_to"]) if row["valid_to"] else FOREVER_US for row in grids], np.int64),
        grid_tree=shapely.STRtree(list(shapely.from_geojson([row["geometry"] for row in grids]))),
        checkpoints=await _circles(connection, "checkpoint"),
        incidents=await _circles(connection, "incident"),
    )


async def reload_register(connection: Connection, world: World) -> World:
    """The same world with the devices and incidents of now: what changes by the minute."""
    devices = await (await connection.execute(_SQL["devices"])).fetchall()
    incidents = await _circles(connection, "incident")
    return World(**{**vars(world), "devices": {row["name"]: Device(**row) for row in devices}, "incidents": incidents})


async def _circles(connection: Connection, kind: str) -> Circles:
    rows = await (await connection.execute(_SQL[f"{kind}s"])).fetchall()
    return Circles(
        kind,
        [row["subject"] for row in rows],
        np.array([row["lat"] for row in rows], float),
        np.array([row["lon"] for row in rows], float),
        np.array([row["radius_m"] for row in rows], float),
        np.array([microseconds(row["since"]) for row in rows], np.int64),
    )
