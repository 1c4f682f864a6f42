"""What `gengfu simulate` takes from the database: the town as it is now, and the numbers of incidents."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

import psycopg

from devices.times import parse_time
from gateway.simulation import Checkpoint, Device, Route, Shift, Stand, Thing, Town
from ingest.database import Connection, Pool, connect, transaction
from ingest.errors import DatabaseUnavailable
from ingest.queries import load_queries

_SQL = load_queries("ops", "simulation.sql")
_DAYS = {name: number for number, name in enumerate(("mon", "tue", "wed", "thu", "fri", "sat", "sun"))}
LAG_S = 7.0  # one of a unit walks so far behind the other
LEADER_LAG_S = 90.0  # a squad's leader follows one of its units at a distance


async def town_now(conninfo: str, *, zone: str) -> Town:
    """The town as it is in force now.

    Raises:
        DatabaseUnavailable: the database does not answer.
    """
    async with await connect(conninfo, name="simulate") as connection:
        rows = {name: await _rows(connection, name) for name in _SQL if name != "incident"}
    return Town(
        zone=zone,
        checkpoints={it["code"]: Checkpoint(**it) for it in rows["checkpoints"]},
        routes={
            it["code"]: Route(it["code"], line, tuple(it["checkpoints"]))
            for it in rows["routes"]
            for line in _lines(it["geometry"])[:1]
        },
        units={it["code"]: it["kind"] for it in rows["units"]},
        devices=_devices(rows["devices"]),
        shifts=tuple(_shift(it) for it in rows["shifts"]),
        roads=tuple(line for it in rows["roads"] for line in _lines(it["geometry"])),
        things={it["code"]: Thing(**it) for it in rows["things"]},
        stands=tuple(_stand(it) for it in rows["stands"]),
    )


class Incidents:
    """Looks up which number an incident got; use it with an open pool."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def number(self, device: str, t: str) -> str | None:
        """The number of the incident that a device's report opened, None when there is none (yet)."""
        try:
            async with transaction(self._pool) as connection:
                values = {"source": f"device:{device}", "at": parse_time(t)}
                row = await (await connection.execute(_SQL["incident"], values)).fetchone()
        except (DatabaseUnavailable, psycopg.Error):
            return None  # asked again soon; a database that is away must not end the simulation
        return str(row["number"]) if row else None


async def _rows(connection: Connection, name: str) -> list[dict[str, Any]]:
    return await (await connection.execute(_SQL[name])).fetchall()


def _lines(geometry: Mapping[str, Any]) -> list[tuple[tuple[float, float], ...]]:
    """Latitude and longitude along a LineString or along each line of a MultiLineString."""
    lines = [geometry["coordinates"]] if geometry["type"] == "LineString" else geometry["coordinates"]
    return [tuple((place[1], place[0]) for place in line) for line in lines]


def _devices(rows: list[dict[str, Any]]) -> tuple[Device, ...]:
    behind: dict[tuple[str, str], int] = defaultdict(int)
    found = []
    for it in rows:
        lag_s = LEADER_LAG_S if it["follows"] else 0.0
        if it["holder_kind"] == "post" and not it["follows"] and it["unit"]:
            key = (it["unit"], it["kind"])
            lag_s, behind[key] = behind[key] * LAG_S, behind[key] + 1
        found.append(Device(it["name"], it["kind"], unit=it["unit"], thing=it["thing"], lag_s=lag_s))
    return tuple(found)


def _shift(row: dict[str, Any]) -> Shift:
    return Shift(**{**row, "days": frozenset(_DAYS[day] for day in row["days"] if day in _DAYS)})


def _stand(row: dict[str, Any]) -> Stand:
    return Stand(**{**row, "days": frozenset(_DAYS[day] for day in row["days"] if day in _DAYS)})
