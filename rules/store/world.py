"""The dated world and the rules' settings, read whole and kept until something in them changes."""

from dataclasses import dataclass
from typing import Any

from devices.readings import same_tag
from ingest.database import Connection
from ingest.queries import load_queries
from rules.catalog import settings_models
from rules.core.dated import Book
from rules.core.equipment import Custody, Device, Item
from rules.core.grids import GradePolicy, Grid, GridPost, Shape
from rules.core.plans import Checkpoint, Holiday, Leg, Line, LinePlan, Ring, Route, Shift, StaticPost, VisitPlan
from rules.core.staff import Leave, Post, Unit
from rules.core.world import World
from rules.settings import SettingRow, SettingsBook

_SQL = load_queries("rules.store", "world.sql")
_DAYS = {name: number for number, name in enumerate(("mon", "tue", "wed", "thu", "fri", "sat", "sun"))}


@dataclass(frozen=True)
class Snapshot:
    """World and settings as they were at one stamp."""

    stamp: str
    world: World
    settings: SettingsBook


async def snapshot(connection: Connection, *, zone: str, known: Snapshot | None = None) -> Snapshot:
    """The world as the database has it; `known` itself when nothing has changed since."""
    row = await (await connection.execute(_SQL["stamp"])).fetchone()
    assert row is not None  # noqa: S101  a select without FROM gives one row
    if known is not None and known.stamp == row["stamp"]:
        return known
    rows = {name: await (await connection.execute(_SQL[name])).fetchall() for name in _SQL if name != "stamp"}
    world = World(
        zone=zone,
        grids=Book(Grid(**it) for it in rows["grids"]),
        shapes=Book(Shape(**it) for it in rows["shapes"]),
        units=Book(Unit(**it) for it in rows["units"]),
        posts=Book(Post(**it) for it in rows["posts"]),
        custody=tuple(Custody(**it) for it in rows["custody"]),
        checkpoints=Book(_checkpoint(it) for it in rows["checkpoints"]),
        routes=Book(_route(it) for it in rows["routes"]),
        shifts=tuple(_shift(it) for it in rows["shifts"]),
        items=Book(Item(**it) for it in rows["items"]),
        devices=tuple(Device(**it) for it in rows["devices"]),
        holidays=Book(Holiday(**it) for it in rows["holidays"]),
        grid_posts=tuple(GridPost(**it) for it in rows["grid_posts"]),
        grade_policies=Book(GradePolicy(**it) for it in rows["grade_policies"]),
        leaves=tuple(Leave(**it) for it in rows["leaves"]),
        lines=Book(_line(it) for it in rows["lines"]),
        line_plans=Book(LinePlan(**it) for it in rows["line_plans"]),
        visit_plans=Book(VisitPlan(**it) for it in rows["visit_plans"]),
        static_posts=Book(_static_post(it) for it in rows["static_posts"]),
    )
    settings = SettingsBook((SettingRow(**it) for it in rows["settings"]), models=settings_models())
    return Snapshot(row["stamp"], world, settings)


def _shift(row: dict[str, Any]) -> Shift:
    return Shift(**{**row, "days": frozenset(_DAYS[day] for day in row["days"] if day in _DAYS)})


def _checkpoint(row: dict[str, Any]) -> Checkpoint:
    shape = row.pop("geometry")
    ring: Ring = _swapped(shape["coordinates"][0]) if shape else ()
    return Checkpoint(**{**row, "ring": ring, "tags": tuple(same_tag(tag) for tag in row["tags"])})


def _route(row: dict[str, Any]) -> Route:
    legs = tuple(Leg(**leg) for leg in row["legs"])
    return Route(**{**row, "checkpoints": tuple(row["checkpoints"]), "legs": legs})


def _line(row: dict[str, Any]) -> Line:
    points = _swapped(row.pop("geometry")["coordinates"])
    return Line(**row, points=points)


def _static_post(row: dict[str, Any]) -> StaticPost:
    geometry = row.pop("geometry")
    days = frozenset(_DAYS[day] for day in row.pop("days") if day in _DAYS)
    return StaticPost(**row, days=days, ring=_swapped(geometry["coordinates"][0]) if geometry else ())


def _swapped(coordinates: list[list[float]]) -> tuple[tuple[float, float], ...]:
    """Latitude first, as everything but GeoJSON has it."""
    return tuple((it[1], it[0]) for it in coordinates)
