"""The grids of the database as shapes, and the ground of its other hierarchies, laid anew when a geometry changed."""

import asyncio
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime

from psycopg.types.json import Jsonb
from shapely.geometry import shape

from ingest.database import Connection
from ingest.queries import load_queries
from ops.town.balance import road_km
from ops.town.ground import PATROL, grounds
from ops.town.topology import Area, leaves

_SQL = load_queries("ops.town", "laying.sql")


async def areas_of(connection: Connection, *, at: datetime | None = None) -> list[Area]:
    """The grids of all hierarchies that were in force at a time; None for those that no version has followed."""
    rows = await (await connection.execute(_SQL["areas"], {"at": at})).fetchall()
    return [Area(**{**row, "shape": shape(row["shape"])}) for row in rows]


async def base_with_roads(connection: Connection, *, at: datetime) -> tuple[list[Area], dict[str, float]]:
    """The patrol base grids of a moment, and the kilometres of road in each."""
    areas = leaves([it for it in await areas_of(connection, at=at) if it.hierarchy == PATROL])
    rows = await (await connection.execute(_SQL["roads"], {"at": at})).fetchall()
    return areas, await asyncio.to_thread(road_km, areas, [shape(row["geometry"]) for row in rows])


async def lay_ground(connection: Connection, areas: Sequence[Area] | None = None) -> int:
    """Write which patrol grids lie on the ground of the other hierarchies.

    Returns:
        How many pairs there are.
    """
    found = grounds(await areas_of(connection) if areas is None else areas)
    await connection.execute(_SQL["forget_ground"])
    await connection.execute(_SQL["write_ground"], {"rows": Jsonb([asdict(it) for it in found])})
    return len(found)
