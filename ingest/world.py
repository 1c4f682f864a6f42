"""The dated world as ingest needs it: grids, circles and the device register, held in memory and refreshed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

import numpy as np
import shapely

from devices.codecs import codec_named
from devices.readings import same_tag
from ingest.columns import Floats, Ints, microseconds
from ingest.database import Connection
from ingest.nearness import Nearness
from ingest.queries import load_queries
from ingest.raster import Polygons, Raster, raster_of
from ingest.tracking import Tracking, load_tracking

_SQL = load_queries("ingest", "world.sql")
FOREVER_US = 2**62

# Half the longest movement that rules accept between two fixes, so that one end of any segment through a circle is
# nearer: on foot 120 s at 5 m/s, in a vehicle 45 s at 45 m/s. Ingest does not know of a handset that rides in a car;
# what it sleeps through then is judged at the deadline. Kinds that nobody carries on duty wake nothing.
REACH_M = {"handset": 300.0, "radio": 300.0, "vehicle": 1013.0}


@dataclass(frozen=True)
class Circles:
    """Places that a fix may touch, as columns."""

    kind: str
    subjects: list[str] = field(default_factory=list)
    lat: Floats = field(default_factory=lambda: np.empty(0))
    lon: Floats = field(default_factory=lambda: np.empty(0))
    radius_m: Floats = field(default_factory=lambda: np.empty(0))
    since_us: Ints = field(default_factory=lambda: np.empty(0, np.int64))  # earlier fixes do not concern it

    @cached_property
    def nearness(self) -> Nearness:
        """To be asked which fixes are near."""
        return Nearness(self.lat, self.lon, self.radius_m)


@dataclass(frozen=True, eq=False)  # one object per device: looked up by identity, a million times an hour
class Device:
    """What ingest must know of a registered device."""

    number: int
    name: str
    kind: str
    datum: str


class Register:
    """All devices, by name, by number and by native topic."""

    def __init__(self, devices: list[Device], *, revision: int = 0) -> None:
        """Index the devices.

        Args:
            devices: all of them.
            revision: of the register, to tell whether it has changed since.
        """
        self.revision = revision
        self.devices = {device.name: device for device in devices}
        self.names = {device.number: device.name for device in devices}
        self.reach_m = np.zeros(max(self.names, default=0) + 1)
        for device in devices:
            self.reach_m[device.number] = REACH_M.get(device.kind, 0.0)
        self._by_topic: dict[str, Device] = {}
        self._patterns = [pattern for pattern in codec_named("native").topics if pattern.lane in {"up", "urgent"}]

    def of_topics(self, topics: Sequence[str]) -> list[Device | None]:
        """The registered device whose native topic each one is; None for all other topics."""
        found = list(map(self._by_topic.get, topics))
        if None in found:
            found = [device or self._look(topic) for device, topic in zip(found, topics, strict=True)]
        return found

    def _look(self, topic: str) -> Device | None:
        name = next((name for pattern in self._patterns if (name := pattern.device_of(topic))), None)
        device = self.devices.get(name) if name else None
        if device is not None:
            self._by_topic[topic] = device  # bounded by the register: only known devices come in
        return device


@dataclass(frozen=True)
class World:
    """One consistent picture; replaced whole, never changed."""

    register: Register
    polygons: Polygons
    raster: Raster | None
    checkpoints: Circles
    incidents: Circles
    tags: Mapping[str, Sequence[str]] = field(default_factory=dict)  # codes of checkpoints by `same_tag`
    tracking: Tracking = field(default_factory=Tracking)

    @property
    def devices(self) -> dict[str, Device]:
        """The register by name."""
        return self.register.devices

    @property
    def reach_m(self) -> Floats:
        """How far from a circle a fix still concerns it, by device number."""
        return self.register.reach_m


async def load_world(connection: Connection, before: World | None = None, *, private: bool = True) -> World:
    """Read the picture of this moment.

    Args:
        connection: any.
        before: an earlier picture; what has not changed is taken from it and not computed again.
        private: whether readings from outside duty are withheld.
    """
    rows = await (await connection.execute(_SQL["grids"])).fetchall()
    polygons = _polygons(rows)
    now_us = microseconds(datetime.now(UTC))
    raster = before.raster if before and before.polygons.same_as(polygons) else None
    if raster is None or not raster.since_us <= now_us < raster.until_us:
        raster = raster_of(polygons, now_us=now_us) if rows else None
    return World(
        register=await _register(connection, before),
        polygons=polygons,
        raster=raster,
        checkpoints=await _circles(connection, "checkpoint", before.checkpoints if before else None),
        incidents=await _circles(connection, "incident", before.incidents if before else None),
        tags=await _tags(connection),
        tracking=await _tracking(connection, before, private=private),
    )


async def reload_register(connection: Connection, world: World, *, private: bool = True) -> World:
    """The same world with the devices, hours of duty and incidents of now: what changes by the minute."""
    incidents = await _circles(connection, "incident", world.incidents)
    tracking = await _tracking(connection, world, private=private)
    return replace(world, register=await _register(connection, world), incidents=incidents, tracking=tracking)


async def _tracking(connection: Connection, before: World | None, *, private: bool) -> Tracking:
    if not private:
        return before.tracking if before else Tracking()
    now_us = microseconds(datetime.now(UTC))
    return await load_tracking(connection, now_us=now_us, before=before.tracking if before else None)


async def _register(connection: Connection, before: World | None) -> Register:
    row = await (await connection.execute(_SQL["revision"])).fetchone()
    revision = row["revision"] if row else 0
    if before is not None and before.register.revision == revision:
        return before.register
    # Read after its number: a change in between is read again next time.
    rows = await (await connection.execute(_SQL["devices"])).fetchall()
    return Register([Device(**row) for row in rows], revision=revision)


def _polygons(rows: list[dict[str, Any]]) -> Polygons:
    shapes = list(shapely.from_geojson([row["geometry"] for row in rows]))
    return Polygons(
        ids=np.array([row["id"] for row in rows], np.int64),
        levels=np.array([row["level"] for row in rows], np.int64),
        since=np.array([microseconds(row["valid_from"]) for row in rows], np.int64),
        until=np.array([microseconds(row["valid_to"]) if row["valid_to"] else FOREVER_US for row in rows], np.int64),
        shapes=shapes,
        tree=shapely.STRtree(shapes),
    )


async def _circles(connection: Connection, kind: str, before: Circles | None) -> Circles:
    rows = await (await connection.execute(_SQL[f"{kind}s"])).fetchall()
    circles = Circles(
        kind,
        [row["subject"] for row in rows],
        np.array([row["lat"] for row in rows], float),
        np.array([row["lon"] for row in rows], float),
        np.array([row["radius_m"] for row in rows], float),
        np.array([microseconds(row["since"]) for row in rows], np.int64),
    )
    return before if before is not None and _same(before, circles) else circles


async def _tags(connection: Connection) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for row in await (await connection.execute(_SQL["tags"])).fetchall():
        found.setdefault(same_tag(row["tag"]), []).append(row["code"])
    return found


def _same(one: Circles, other: Circles) -> bool:
    columns = ("lat", "lon", "radius_m", "since_us")
    return one.subjects == other.subjects and all(
        np.array_equal(getattr(one, column), getattr(other, column)) for column in columns
    )
